//! Judges the images that come with a request.

use serde_json::{Map, Value};

use super::and_list;
use crate::image::Format;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::model::{Family, InputLimits, Model};
use crate::provider::{Call, InputImage};

/// Judges what was uploaded, before the model is looked at.
///
/// # Errors
/// No image, too many, too large, or of a format that is not taken.
pub(super) fn uploaded(call: &Call, name: &str, limits: &InputLimits) -> Result<(), Refusal> {
    if call.images.is_empty() {
        return Err(Refusal::new(
            "missing-parameter",
            [("param", name.to_owned())],
        ));
    }
    if call.images.len() > limits.most {
        let values = [
            ("param", name.to_owned()),
            ("limit", limits.most.to_string()),
            ("got", call.images.len().to_string()),
        ];
        return Err(Refusal::new("array-too-long", values));
    }
    let several = call.images.len() > 1;
    for (index, image) in call.images.iter().enumerate() {
        let param = match image.place.as_str() {
            "image" | "image[]" if several => format!("image[{index}]"),
            "image[]" => "image".to_owned(),
            place => place.to_owned(),
        };
        file(image, &param, index, limits)?;
    }
    let mut drawings = call.mask.iter().chain(&call.markup);
    drawings.try_for_each(|drawing| file(drawing, &drawing.place, 0, limits))
}

fn file(
    image: &InputImage,
    param: &str,
    index: usize,
    limits: &InputLimits,
) -> Result<(), Refusal> {
    if image.reference.is_some() {
        return Ok(());
    }
    if image.len > limits.bytes_max {
        let values = [
            ("param", param.to_owned()),
            ("limit", limits.bytes_max.to_string()),
            ("got", image.len.to_string()),
        ];
        return Err(Refusal::new("image-too-large", values));
    }
    // Clients declare anything: the bytes decide, and the declaration only how bad bytes are refused.
    let taken = |format: &Format| limits.formats.iter().any(|name| name == format.as_str());
    let declared = image
        .declared
        .as_deref()
        .unwrap_or("application/octet-stream");
    let announced = limits
        .formats
        .iter()
        .any(|name| declared == format!("image/{name}"));
    match image.format.filter(taken) {
        Some(_) if image.size.is_some() => Ok(()),
        None if !announced => {
            let formats = limits.formats.iter().map(|name| format!("'image/{name}'"));
            let values = [
                ("param", param.to_owned()),
                ("value", declared.to_owned()),
                ("values", and_list(formats)),
            ];
            Err(Refusal::new("unsupported-mimetype", values))
        }
        _ => Err(Refusal::new(
            "invalid-image-file",
            [("got", (index + 1).to_string())],
        )),
    }
}

/// Judges what depends on the model and on the other images.
///
/// # Errors
/// An image that dall-e-2 does not take, a mask or a markup that does not fit, or a markup for a model that takes none.
pub(super) fn fitting(call: &Call, model: &Model, limits: &InputLimits) -> Result<(), Refusal> {
    let first = call
        .images
        .first()
        .filter(|image| image.reference.is_none());
    if model.family == Family::DallE {
        let square =
            |image: &&InputImage| image.size.is_some_and(|(width, height)| width == height);
        let good = first
            .filter(square)
            .filter(|image| image.format == Some(Format::Png))
            .is_some_and(|image| image.len <= limits.legacy_bytes_max);
        if !good || call.images.len() > 1 {
            return Err(Refusal::new("image-not-square-png", []));
        }
    }
    if call.markup.is_some() && !model.markup {
        let param = [("param", "markup".to_owned())];
        return Err(Refusal::new("unsupported-parameter", param));
    }
    if call.markup.is_some() && call.mask.is_some() {
        let names = [("param", "markup".to_owned()), ("other", "mask".to_owned())];
        return Err(Refusal::new("exclusive-parameters", names));
    }
    let drawing = call.mask.as_ref().or(call.markup.as_ref());
    let drawing = drawing.filter(|drawing| drawing.reference.is_none());
    let (Some(drawing), Some(first)) = (drawing, first) else {
        return Ok(());
    };
    if drawing.format == Some(Format::Png) && drawing.size == first.size {
        return Ok(());
    }
    let param = if call.mask.is_some() {
        "mask"
    } else {
        "markup"
    };
    let values = [
        ("param", param.to_owned()),
        ("limit", described(first)),
        ("got", described(drawing)),
    ];
    Err(Refusal::new("mask-mismatch", values))
}

fn described(image: &InputImage) -> String {
    let (width, height) = image.size.unwrap_or_default();
    let format = image.format.map_or("unknown", Format::as_str);
    format!("{format} {width}x{height}")
}

/// Judges the members of the JSON form: `images` and `mask` with one of `image_url` and `file_id` each.
///
/// # Errors
/// Another type, no address, or more than one.
pub(in crate::provider::openai) fn members(
    body: &Map<String, Value>,
    limits: &InputLimits,
) -> Result<(), Refusal> {
    match body.get("images") {
        None | Some(Value::Null) => {}
        Some(Value::Array(items)) if items.is_empty() => {
            return Err(Refusal::new(
                "empty-array",
                [("param", "images".to_owned())],
            ));
        }
        Some(Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                reference(&format!("images[{index}]"), item, limits)?;
            }
        }
        Some(other) => return Err(Refusal::wrong_type("images", "an array", other)),
    }
    match body.get("mask") {
        None | Some(Value::Null) => Ok(()),
        Some(mask) => reference("mask", mask, limits),
    }
}

fn reference(place: &str, item: &Value, limits: &InputLimits) -> Result<(), Refusal> {
    let members = item.as_object();
    let members = members.ok_or_else(|| Refusal::wrong_type(place, "an object", item))?;
    let stated: Vec<_> = members
        .iter()
        .filter(|(_, value)| !value.is_null())
        .collect();
    let unknown = |name: &str| name != "image_url" && name != "file_id";
    if let Some((name, _)) = stated.iter().find(|(name, _)| unknown(name)) {
        let param = [("param", format!("{place}.{name}"))];
        return Err(Refusal::new("unknown-parameter", param));
    }
    let (name, value) = match stated.as_slice() {
        [] => {
            let param = [("param", format!("{place}.image_url"))];
            return Err(Refusal::new("missing-parameter", param));
        }
        [(name, value)] => (name.as_str(), *value),
        _ => {
            let names = [
                ("param", format!("{place}.image_url")),
                ("other", format!("{place}.file_id")),
            ];
            return Err(Refusal::new("exclusive-parameters", names));
        }
    };
    let place = format!("{place}.{name}");
    let text = value.as_str();
    let text = text.ok_or_else(|| Refusal::wrong_type(&place, "a string", value))?;
    if name == "image_url" {
        return address(&place, text, limits);
    }
    Ok(())
}

fn address(place: &str, url: &str, limits: &InputLimits) -> Result<(), Refusal> {
    if url.len() > limits.url_max {
        let values = [
            ("param", place.to_owned()),
            ("limit", limits.url_max.to_string()),
            ("got", url.len().to_string()),
        ];
        return Err(Refusal::new("string-too-long", values));
    }
    InputImage::of_url(place, url)
        .map(|_| ())
        .map_err(|_| Refusal::new("invalid-image-url", [("param", place.to_owned())]))
}

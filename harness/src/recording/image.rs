//! The images of an answer of any provider: each decodes and has the format that stands beside it.

use serde_json::{Map, Value};

use super::Problem;
use crate::exchange::images::{decode, decode_base64};

/// Where providers put image bytes, and the member beside them, or at the top, that names their format.
const PLACES: &[(&str, &str)] = &[
    ("b64_json", "output_format"),
    ("bytesBase64Encoded", "mimeType"),
    ("data", "mimeType"),
    ("partial_image_b64", "output_format"),
    ("result", "output_format"),
];
/// More images of one answer are not looked at: no provider makes as many.
const MOST_IMAGES: usize = 64;

/// What is wrong with the images of a document.
pub(super) fn problems(place: &str, document: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    find(place, document, &mut found);
    let at_top = document.get("output_format").and_then(Value::as_str);
    let images = found.into_iter().take(MOST_IMAGES);
    let wrong = images.filter_map(|image| {
        let format = image.format.or(at_top);
        let reason = judge(image.text, format).err()?;
        Some(Problem {
            place: image.place,
            reason,
        })
    });
    wrong.collect()
}

struct Image<'d> {
    place: String,
    text: &'d str,
    format: Option<&'d str>,
}

/// JSON that was parsed is not nested deeper than its parser allows.
fn find<'d>(place: &str, value: &'d Value, found: &mut Vec<Image<'d>>) {
    match value {
        Value::Object(members) => {
            for (bytes, format) in PLACES {
                found.extend(image(place, members, bytes, format));
            }
            for (name, member) in members {
                find(&format!("{place}/{name}"), member, found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                find(&format!("{place}/{at}"), item, found);
            }
        }
        _ => {}
    }
}

fn image<'d>(
    place: &str,
    members: &'d Map<String, Value>,
    bytes: &str,
    format: &str,
) -> Option<Image<'d>> {
    let text = members.get(bytes)?.as_str()?;
    let format = members.get(format).and_then(Value::as_str);
    // The short names also stand for other things.
    if format.is_none() && matches!(bytes, "data" | "result") {
        return None;
    }
    Some(Image {
        place: format!("{place}/{bytes}"),
        text,
        format,
    })
}

fn judge(text: &str, announced: Option<&str>) -> Result<(), String> {
    let bytes = decode_base64(text)?;
    let picture = decode(&bytes).map_err(|reason| format!("no image: {reason}"))?;
    let announced = announced.map(|name| name.strip_prefix("image/").unwrap_or(name));
    match announced {
        Some(name) if name != picture.format && (name, picture.format) != ("jpg", "jpeg") => {
            Err(format!(
                "the image is called {name}, but its bytes are {}",
                picture.format
            ))
        }
        _ => Ok(()),
    }
}

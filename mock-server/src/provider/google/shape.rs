//! The picture that is made: its pixels and its file.

use serde_json::{Map, Value};

use crate::image::{Format, Picture};
use crate::provider::Call;
use crate::provider::google::Desk;
use crate::provider::google::model::{Model, Models};
use crate::provider::google::options::Asked;

/// The picture that is made.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) ratio: String,
    pub(super) image_size: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: Format,
    pub(super) compression: Option<u8>,
}

impl Shape {
    /// Its members of the digest.
    pub(super) fn members(self) -> [(String, Value); 4] {
        [
            ("aspect_ratio".to_owned(), self.ratio.into()),
            ("image_size".to_owned(), self.image_size.into()),
            (
                "size".to_owned(),
                format!("{}x{}", self.width, self.height).into(),
            ),
            ("output_format".to_owned(), self.format.as_str().into()),
        ]
    }

    /// The picture with this index.
    pub(super) fn picture(&self, model: &str, call: &Call, desk: &Desk<'_>, index: u64) -> Picture {
        Picture {
            prompt: call.prompt.clone(),
            model: model.to_owned(),
            width: self.width,
            height: self.height,
            format: self.format,
            compression: self.compression,
            transparent: false,
            token: call.marks.token,
            index: index.try_into().unwrap_or(u8::MAX),
            partial: None,
            seed: desk.world.settings.seed,
            pad_to: desk.world.settings.image_bytes,
        }
    }
}

/// The picture that a body of `generateContent` asks for; without a ratio that of the input.
pub(super) fn shape(
    model: &Model,
    body: &Map<String, Value>,
    input: Option<(u32, u32)>,
    models: &Models,
) -> Option<Shape> {
    let asked = Asked::of(body);
    let size = asked.size.as_deref();
    let known = size.filter(|size| model.image_sizes.iter().any(|made| made == size));
    let image_size = known.unwrap_or(model.default_size());
    let pixels = models.pixels(model, image_size);
    let ratio = asked.ratio.as_deref();
    let stated = pixels.iter().find(|(known, _)| Some(*known) == ratio);
    let square = || pixels.iter().find(|(known, _)| *known == "1:1");
    let (ratio, (width, height)) = *stated
        .or_else(|| nearest(&pixels, input?))
        .or_else(square)?;
    let format = asked.format.and_then(|format| format.parse().ok());
    Some(Shape {
        ratio: ratio.to_owned(),
        image_size: image_size.to_owned(),
        width,
        height,
        format: format.or_else(|| model.format.parse().ok())?,
        compression: asked.quality.and_then(|q| u8::try_from(q.min(100)).ok()),
    })
}

/// The made size whose aspect ratio is nearest to that of an image of the request.
fn nearest<'a, 'm>(
    pixels: &'a [(&'m str, (u32, u32))],
    (width, height): (u32, u32),
) -> Option<&'a (&'m str, (u32, u32))> {
    let of = |width: u32, height: u32| (f64::from(width.max(1)) / f64::from(height.max(1))).ln();
    let wanted = of(width, height);
    let distance = |size: &(u32, u32)| (of(size.0, size.1) - wanted).abs();
    pixels
        .iter()
        .min_by(|a, b| distance(&a.1).total_cmp(&distance(&b.1)))
}

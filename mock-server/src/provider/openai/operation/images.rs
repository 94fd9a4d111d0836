//! What the image operations share: the answer to a call that was found good.

use serde_json::{Map, Value};

use super::{Case, Work};
use crate::catalogue::ImagesLeft;
use crate::image::Picture;
use crate::provider::openai::Desk;
use crate::provider::openai::files;
use crate::provider::openai::render;
use crate::provider::openai::validate::Wanted;
use crate::provider::{Call, InputImage};

/// Paints and renders what is wanted.
pub(super) fn work<'a>(wanted: Wanted<'a>, case: Case<'a>) -> Work<'a> {
    Box::new(move || {
        let count = left(wanted.n, &case);
        if wanted.stream {
            render::stream(&wanted, count, case.call, case.desk)
        } else {
            render::json(&wanted, count, case.call, case.desk)
        }
    })
}

/// How many images are delivered; a condition of the catalogue may hold some back.
pub(super) fn left(n: u64, case: &Case<'_>) -> u64 {
    let row = case.order.condition.as_ref();
    let row = row.and_then(|element| case.desk.data.errors.row(&element.name));
    match row
        .and_then(|row| row.effect.as_ref())
        .map(|effect| effect.images)
    {
        Some(ImagesLeft::None) => 0,
        Some(ImagesLeft::OneLess) => n.saturating_sub(1),
        None => n,
    }
}

/// The image of an object with `image_url` or `file_id`.
pub(super) fn referred(place: &str, item: &Map<String, Value>) -> Option<InputImage> {
    if let Some(url) = item.get("image_url").and_then(Value::as_str) {
        return InputImage::of_url(&format!("{place}.image_url"), url).ok();
    }
    let file = item.get("file_id")?.as_str()?;
    Some(InputImage::elsewhere(&format!("{place}.file_id"), file))
}

impl Wanted<'_> {
    /// The picture with this index, or one of its partial images.
    pub(in crate::provider::openai) fn picture(
        &self,
        call: &Call,
        turn: &Desk<'_>,
        index: u64,
        partial: Option<u8>,
    ) -> Picture {
        Picture {
            // The picture of a url is painted again from what the url carries.
            prompt: if self.as_url {
                files::carried(&call.prompt)
            } else {
                call.prompt.clone()
            },
            model: self.model.id.clone(),
            width: self.width,
            height: self.height,
            format: self.format,
            compression: self.compression,
            transparent: self.background == "transparent",
            token: call.marks.token,
            index: index.try_into().unwrap_or(u8::MAX),
            partial,
            seed: turn.world.settings.seed,
            pad_to: turn.world.settings.image_bytes,
        }
    }
}

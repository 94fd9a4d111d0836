//! `POST /v1/images/generations`, JSON and stream.

use crate::catalogue::{ImagesLeft, Stage};
use crate::image::Picture;
use crate::provider::Call;
use crate::provider::openai::Desk;
use crate::provider::openai::error::{self, Refusal};
use crate::provider::openai::files;
use crate::provider::openai::render;
use crate::provider::openai::validate::{self, Wanted};
use crate::scenario::Order;
use crate::wire::{Answer, Request};

/// Judges a call: credential, conditions, members, in the order in which the provider does.
///
/// # Errors
/// The refusal of the provider, its own or the one that a scenario asks for.
pub(super) fn judge<'w>(
    request: &Request,
    call: &Call,
    order: &Order,
    turn: &Desk<'w>,
) -> Result<Wanted<'w>, Refusal> {
    error::authenticate(call, turn)?;
    error::of_condition(Stage::Before, order, turn)?;
    let media_type = request.media_type();
    if !media_type.is_empty() && media_type != "application/json" {
        let value = request.header("content-type").unwrap_or_default();
        let value = [("value", value.to_owned())];
        return Err(Refusal::new("unsupported-content-type", value));
    }
    let body = call.body.as_ref();
    let body = body.ok_or_else(|| Refusal::new("malformed-body", []))?;
    let world = turn.world;
    let wanted = validate::generations(body, call, &turn.data.models, &world.settings)?;
    error::of_condition(Stage::Content, order, turn)?;
    Ok(wanted)
}

/// Answers a call that was found good.
pub(super) fn answer(wanted: &Wanted<'_>, call: &Call, order: &Order, turn: &Desk<'_>) -> Answer {
    let count = images_left(wanted.n, order, turn);
    let mut answer = if wanted.stream {
        render::stream(wanted, count, call, turn)
    } else {
        render::json(wanted, count, call, turn)
    };
    let condition = order.condition.as_ref();
    let condition = condition.map_or("ok", |element| &element.name);
    condition.clone_into(&mut answer.summary.condition);
    answer
}

/// How many images are delivered; a condition of the catalogue may hold some back.
fn images_left(n: u64, order: &Order, turn: &Desk<'_>) -> u64 {
    let row = order.condition.as_ref();
    let row = row.and_then(|element| turn.data.errors.row(&element.name));
    match row
        .and_then(|row| row.effect.as_ref())
        .map(|effect| effect.images)
    {
        Some(ImagesLeft::None) => 0,
        Some(ImagesLeft::OneLess) => n.saturating_sub(1),
        None => n,
    }
}

impl Wanted<'_> {
    /// The picture with this index, or one of its partial images.
    pub(super) fn picture(
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

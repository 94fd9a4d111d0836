//! `GET /files/{id}.{png|jpeg|webp}`: what `url` results point at. The id carries what is needed to paint the
//! picture again; nothing is stored.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::image::{Format, Picture};
use crate::provider::openai::Desk;
use crate::provider::openai::error::mock_error;
use crate::wire::{Answer, Request};

/// The longest prompt that travels in an id, in characters.
const PROMPT_MAX: usize = 400;
/// The largest picture that an id may ask for, in pixels.
const PIXELS_MAX: u64 = 3840 * 3840;

/// What an id carries.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ticket {
    p: String,
    m: String,
    w: u32,
    h: u32,
    i: u8,
    t: Option<String>,
    r: String,
}

/// As much of a prompt as an id carries: a picture that is to have an address is painted from it.
pub(super) fn carried(prompt: &str) -> String {
    prompt.chars().take(PROMPT_MAX).collect()
}

/// The address of a picture.
pub(super) fn url(picture: &Picture, turn: &Desk<'_>) -> String {
    let ticket = Ticket {
        p: picture.prompt.clone(),
        m: picture.model.clone(),
        w: picture.width,
        h: picture.height,
        i: picture.index,
        t: picture.token.as_ref().map(ToString::to_string),
        r: turn.id.clone(),
    };
    let id = serde_json::to_vec(&ticket).unwrap_or_default();
    let id = BASE64_URL_SAFE_NO_PAD.encode(id);
    let extension = picture.format.as_str();
    format!("{}/files/{id}.{extension}", turn.world.public_url)
}

/// The picture of an address.
pub(super) fn answer(request: &Request, id: &str, turn: &Desk<'_>) -> Answer {
    let found = (request.method == "GET" || request.method == "HEAD")
        .then(|| read(id, turn))
        .flatten();
    let Some((picture, request_id)) = found else {
        let mut answer = mock_error("no such file", turn);
        answer.status = 404;
        answer.summary.condition = "file-not-found".to_owned();
        return answer;
    };
    let image = turn.paint_for(&picture, &request_id);
    let headers = vec![("content-type".to_owned(), picture.format.mime().to_owned())];
    let mut answer = Answer::whole(200, headers, vec![image.bytes()]);
    answer.summary.condition = "file".to_owned();
    answer
}

fn read(id: &str, turn: &Desk<'_>) -> Option<(Picture, String)> {
    let (id, extension) = id.rsplit_once('.')?;
    let format: Format = extension.parse().ok()?;
    let ticket = BASE64_URL_SAFE_NO_PAD.decode(id).ok()?;
    let ticket: Ticket = serde_json::from_slice(&ticket).ok()?;
    let pixels = u64::from(ticket.w) * u64::from(ticket.h);
    if pixels == 0 || pixels > PIXELS_MAX {
        return None;
    }
    let picture = Picture {
        prompt: ticket.p,
        model: ticket.m,
        width: ticket.w,
        height: ticket.h,
        format,
        compression: None,
        transparent: false,
        token: ticket.t.and_then(|token| token.parse().ok()),
        index: ticket.i,
        partial: None,
        seed: turn.world.settings.seed,
        pad_to: turn.world.settings.image_bytes,
    };
    Some((picture, ticket.r))
}

//! `large[=30MB]`: the body grows to that size by blanks that JSON allows; what it says stays the same.

use bytes::Bytes;

use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct Large;

/// What larger images of several megapixels take as base64, with room.
const DEFAULT: usize = 30_000_000;
const LARGEST: usize = 256_000_000;
/// The blanks are one piece of memory, however many there are.
const BLANKS: &[u8] = &[b' '; 64 << 10];

impl Fault for Large {
    fn name(&self) -> &'static str {
        "large"
    }

    fn summary(&self) -> &'static str {
        "fills the JSON of the body (or of the last event) with blanks up to a size, for example large=30MB"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        size(value).map(drop)
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        let size = size(element.value.as_deref()).unwrap_or(DEFAULT);
        let missing = size.saturating_sub(answer.body_len());
        let is_body = |step: &&mut Step| matches!(step, Step::Body { .. });
        if let Some(Step::Body { pieces, .. }) = answer.steps.iter_mut().rev().find(is_body) {
            let tail = split_tail(pieces);
            let full = std::iter::repeat_n(Bytes::from_static(BLANKS), missing / BLANKS.len());
            pieces.extend(full);
            pieces.push(Bytes::from_static(&BLANKS[..missing % BLANKS.len()]));
            pieces.extend(tail);
        }
    }
}

/// Takes off what begins with the last closing bracket; nothing where there is none.
fn split_tail(pieces: &mut Vec<Bytes>) -> Vec<Bytes> {
    let bracket = |piece: &Bytes| piece.iter().rposition(|byte| *byte == b'}');
    let found = pieces.iter().enumerate().rev();
    let Some((index, at)) = found
        .filter_map(|(index, piece)| Some((index, bracket(piece)?)))
        .next()
    else {
        return Vec::new();
    };
    let mut tail = pieces.split_off(index);
    let kept = tail[0].split_to(at);
    pieces.push(kept);
    tail
}

fn size(value: Option<&str>) -> Result<usize, String> {
    let Some(text) = value else {
        return Ok(DEFAULT);
    };
    let text = text.trim().to_ascii_lowercase();
    let (number, unit) = match (text.strip_suffix("mb"), text.strip_suffix("kb")) {
        (Some(number), _) => (number, 1_000_000),
        (_, Some(number)) => (number, 1000),
        _ => (text.as_str(), 1),
    };
    let bytes = number.trim().parse::<usize>().ok();
    let bytes = bytes.and_then(|number| number.checked_mul(unit));
    bytes
        .filter(|bytes| *bytes <= LARGEST)
        .ok_or_else(|| "a size up to 256MB such as 30MB, 500KB or 1000000".to_owned())
}

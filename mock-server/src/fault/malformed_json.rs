//! `malformed-json`: the body (or the last event of a stream) is well framed but no JSON.

use bytes::Bytes;

use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct MalformedJson;

impl Fault for MalformedJson {
    fn name(&self) -> &'static str {
        "malformed-json"
    }

    fn summary(&self) -> &'static str {
        "sends a body that is no JSON, with a proper end"
    }

    fn apply(&self, answer: &mut Answer, _: &Element, _: &Site<'_>) {
        let is_body = |step: &&mut Step| matches!(step, Step::Body { .. });
        if let Some(Step::Body { pieces, .. }) = answer.steps.iter_mut().rev().find(is_body) {
            *pieces = vec![damaged(&pieces.concat())];
        }
    }
}

/// Takes the last closing bracket away, which no JSON parser accepts.
fn damaged(body: &[u8]) -> Bytes {
    let mut body = body.to_vec();
    if let Some(at) = body.iter().rposition(|byte| *byte == b'}') {
        body.remove(at);
    }
    Bytes::from(body)
}

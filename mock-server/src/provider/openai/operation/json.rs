//! Reads JSON bodies.

use serde_json::{Map, Value};

use crate::provider::Call;
use crate::wire::{Marks, Request};

/// The call of a JSON body, with the marks of its `prompt`.
pub(super) fn call(request: &Request) -> Call {
    let body = object(&request.body);
    let mut marks = Marks::default();
    let prompt = body.as_ref().and_then(|body| body.get("prompt")?.as_str());
    let prompt = prompt.map(|text| marks.take(text)).unwrap_or_default();
    Call {
        marks,
        prompt,
        body,
        ..Call::default()
    }
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

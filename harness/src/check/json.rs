//! `json:/POINTER`: single values of the JSON body, or of the last event of a stream.

use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::Evidence;

/// See the module.
pub(super) struct Json;

/// Longer values are cut in messages.
const LONGEST_SHOWN: usize = 200;

impl Check for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn summary(&self) -> &'static str {
        "single values of the JSON body are as expected"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            for expected in &site.step_of_copy().expect.response {
                if expected.json.is_empty() {
                    continue;
                }
                let document = site
                    .exchange
                    .answer()
                    .and_then(super::super::exchange::Received::document);
                for (pointer, matcher) in &expected.json {
                    let value = document
                        .as_ref()
                        .and_then(|document| document.pointer(pointer));
                    let result = match (&document, site.exchange.answer()) {
                        (_, None) => Err(site.no_answer()),
                        (None, _) => Err(Mismatch::new("the body is no JSON")),
                        _ if matcher.matches(value) => Ok(()),
                        _ => Err(Mismatch::of(
                            format!("{pointer} is not as expected"),
                            matcher.to_value().to_string(),
                            value.map_or("(absent)".to_owned(), shown),
                        )),
                    };
                    bench.record(
                        site,
                        &format!("json:{pointer}"),
                        &expected.requirement,
                        result,
                    );
                }
            }
        }
    }
}

/// A value as text, cut if it is long.
pub(super) fn shown(value: &serde_json::Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}

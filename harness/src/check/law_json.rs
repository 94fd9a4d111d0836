//! `law.json`: a body that is called JSON, and came to its end, is strict JSON.

use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::{End, Evidence, Received};

/// See the module.
pub(super) struct StrictJson;

impl Check for StrictJson {
    fn id(&self) -> &'static str {
        "law.json"
    }

    fn summary(&self) -> &'static str {
        "a body that is called JSON and came to its end is strict JSON; so is the data of each event"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let Some(answer) = site.exchange.answer() else {
                continue;
            };
            // Nobody promises JSON in a body that was cut, and a malformed one may be relayed as it came.
            if answer.end != End::Whole || site.is_scripted_with("malformed-json") {
                continue;
            }
            bench.record(site, self.id(), self.id(), judge_one(answer));
        }
    }
}

fn judge_one(answer: &Received) -> Result<(), Mismatch> {
    if answer.is_stream() {
        let broken = answer
            .events
            .iter()
            .position(|event| !event.is_done() && event.json().is_none());
        return match broken {
            None => Ok(()),
            Some(index) => Err(Mismatch::new(format!(
                "the data of event {} is no JSON",
                index + 1
            ))),
        };
    }
    let media_type = answer.media_type();
    if media_type != "application/json" && !media_type.ends_with("+json") || answer.body.is_empty()
    {
        return Ok(());
    }
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body);
    parsed.map(drop).map_err(|error| {
        let start =
            String::from_utf8_lossy(&answer.body[..answer.body.len().min(120)]).into_owned();
        let message =
            format!("the body is called {media_type}, ended properly, and is no JSON: {error}");
        Mismatch::of(message, "JSON", start)
    })
}

//! `law.json`: a body that is called JSON is strict JSON, and comes to its end.

use crate::check::{Bench, Check, Mismatch, sites_with_polls};
use crate::exchange::{End, Evidence, Received};

/// See the module.
pub(super) struct StrictJson;

impl Check for StrictJson {
    fn id(&self) -> &'static str {
        "law.json"
    }

    fn summary(&self) -> &'static str {
        "a body that is called JSON comes to its end and is strict JSON; so is the data of each event"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites_with_polls(evidence) {
            let Some(answer) = site.exchange.answer() else {
                continue;
            };
            // A cut of the provider's may be passed on, and so may a malformed body.
            let excused = site.passes_a_cut_on() || site.may_be_malformed(evidence.target);
            if excused || answer.end == End::HungUp {
                continue;
            }
            bench.record(site, self.id(), self.id(), judge_one(answer));
        }
    }
}

fn judge_one(answer: &Received) -> Result<(), Mismatch> {
    comes_to_its_end(answer)?;
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
    if !answer.is_called_json() || answer.body.is_empty() {
        return Ok(());
    }
    is_json(&answer.body).map_err(|error| {
        let start =
            String::from_utf8_lossy(&answer.body[..answer.body.len().min(120)]).into_owned();
        let message =
            format!("the body is called {media_type}, ended properly, and is no JSON: {error}");
        Mismatch::of(message, "JSON", start)
    })
}

/// The provider's answer was whole: then the target's is, too.
fn comes_to_its_end(answer: &Received) -> Result<(), Mismatch> {
    let how = match &answer.end {
        End::Cut(reason) => reason.as_str(),
        End::TimedOut => "not at its end within the time limit",
        End::HungUp | End::InsideEvent | End::Whole => return Ok(()),
    };
    Err(Mismatch::of(
        "the answer has no proper end: a client's library reads it as a failure",
        "a body as its framing says",
        how,
    ))
}

/// Strict JSON, in the only encoding that JSON has.
fn is_json(body: &[u8]) -> Result<(), String> {
    std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(body);
    parsed.map(drop).map_err(|error| error.to_string())
}

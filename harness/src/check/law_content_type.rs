//! `law.content-type`: what a body is called is what it is.

use crate::check::{Bench, Check, Mismatch, sites_with_polls};
use crate::exchange::{Evidence, Received};
use crate::operation::Operation;

/// See the module.
pub(super) struct ContentType;

impl Check for ContentType {
    fn id(&self) -> &'static str {
        "law.content-type"
    }

    fn summary(&self) -> &'static str {
        "a JSON body is called JSON, and a stream of events is called one"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites_with_polls(evidence) {
            let Some(answer) = site
                .exchange
                .answer()
                .filter(|answer| !answer.body.is_empty())
            else {
                continue;
            };
            // Google calls the error of a stream a stream, too: a bare JSON object.
            let is_stream =
                site.step_of_copy().request.operation == Some(Operation::StreamGenerateContent);
            if is_stream && answer.status >= 400 && answer.is_stream() {
                continue;
            }
            let result = judge_one(answer).map_err(|problem| {
                // A relay of a mismatch of the provider's own is a warning.
                if site.is_scripted() {
                    problem.soft()
                } else {
                    problem
                }
            });
            bench.record(site, self.id(), self.id(), result);
        }
    }
}

/// Judges one answer that has a body.
pub(crate) fn judge_one(answer: &Received) -> Result<(), Mismatch> {
    let announced = answer.media_type();
    if announced.is_empty() {
        let message = "the answer has a body but no content-type";
        return Err(Mismatch::of(message, "a content-type", "(absent)").soft());
    }
    let actual = what_it_is(answer);
    let fits = match actual {
        Some("JSON") => answer.is_called_json(),
        Some("events") => announced == "text/event-stream",
        _ => true,
    };
    let message = format!(
        "the body is {}, but is called {announced}",
        actual.unwrap_or("something else")
    );
    fits.then_some(())
        .ok_or_else(|| Mismatch::of(message, actual.unwrap_or_default(), announced))
}

fn what_it_is(answer: &Received) -> Option<&'static str> {
    if answer
        .json()
        .is_some_and(|body| body.is_object() || body.is_array())
    {
        return Some("JSON");
    }
    let start = answer.body.trim_ascii_start();
    (start.starts_with(b"data:") || start.starts_with(b"event:")).then_some("events")
}

//! `law.content-type`: what a body is called is what it is.

use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::{Evidence, Received};

/// See the module.
pub(super) struct ContentType;

impl Check for ContentType {
    fn id(&self) -> &'static str {
        "law.content-type"
    }

    fn summary(&self) -> &'static str {
        "a JSON body is called JSON, a stream of events is called one, an image is called by its format"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let Some(answer) = site
                .exchange
                .answer()
                .filter(|answer| !answer.body.is_empty())
            else {
                continue;
            };
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

fn judge_one(answer: &Received) -> Result<(), Mismatch> {
    let announced = answer.media_type();
    if announced.is_empty() {
        let message = "the answer has a body but no content-type";
        return Err(Mismatch::of(message, "a content-type", "(absent)").soft());
    }
    let actual = what_it_is(answer);
    let fits = match actual {
        Some("JSON") => announced == "application/json" || announced.ends_with("+json"),
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

impl Site<'_> {
    /// Whether the script tells the provider to do anything but succeed.
    pub(super) fn is_scripted(&self) -> bool {
        let script = self.evidence.step.upstream.as_ref();
        script.is_some_and(|script| {
            script
                .answers
                .iter()
                .any(|answer| !answer.directive.starts_with("ok"))
        })
    }

    /// Whether the script has this condition or fault.
    pub(super) fn is_scripted_with(&self, name: &str) -> bool {
        let script = self.evidence.step.upstream.as_ref();
        script.is_some_and(|script| {
            script
                .answers
                .iter()
                .any(|answer| answer.directive.contains(name))
        })
    }

    /// Whether the request is an image operation.
    pub(super) fn is_image_operation(&self) -> bool {
        let request = &self.evidence.step.request;
        request
            .method
            .as_deref()
            .is_none_or(|method| method == "POST")
            && request
                .operation
                .as_deref()
                .is_some_and(|operation| operation.starts_with("images."))
    }
}

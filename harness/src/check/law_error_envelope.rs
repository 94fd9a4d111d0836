//! `law.error-envelope`: a refused image operation says why in the form that every SDK reads.

use serde_json::Value;

use crate::check::json::shown;
use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::{Evidence, Received};

/// See the module.
pub(super) struct ErrorEnvelope;

impl Check for ErrorEnvelope {
    fn id(&self) -> &'static str {
        "law.error-envelope"
    }

    fn summary(&self) -> &'static str {
        "an error is an object `error` with a text `message` and a text `type`; `code` is a text or null"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let refused = site.exchange.answer().filter(|answer| answer.status >= 400);
            let Some(answer) =
                refused.filter(|answer| site.image_protocol().is_some() && !is_front(answer))
            else {
                continue;
            };
            let result = judge_one(answer).map_err(|problem| {
                // Many systems authenticate in a layer of its own, which has its own form.
                if matches!(answer.status, 401 | 403) {
                    problem.soft()
                } else {
                    problem
                }
            });
            bench.record(site, self.id(), self.id(), result);
        }
    }
}

/// Refusals that an HTTP parser or a front makes, before any gateway sees the request.
fn is_front(answer: &Received) -> bool {
    matches!(answer.status, 408 | 411 | 413 | 414 | 417 | 431)
        || (answer.status == 400 && answer.body.is_empty())
}

fn judge_one(answer: &Received) -> Result<(), Mismatch> {
    let body = answer.json();
    let Some(error) = body
        .as_ref()
        .and_then(|body| body.get("error"))
        .filter(|error| error.is_object())
    else {
        let found = body.as_ref().map_or_else(|| text_of(answer), shown);
        let message = format!("the {} answer has no object 'error'", answer.status);
        return Err(Mismatch::of(
            message,
            r#"{"error":{"message":"…","type":"…"}}"#,
            found,
        ));
    };
    for name in ["message", "type"] {
        let member = error.get(name);
        if !member.is_some_and(Value::is_string) {
            return Err(Mismatch::of(
                format!("the error's {name} is no text"),
                "a text",
                member.map_or("(absent)".to_owned(), shown),
            ));
        }
    }
    match error.get("code") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(code) => Err(Mismatch::of(
            "the error's code is neither text nor null",
            "a text or null",
            shown(code),
        )
        .soft()),
    }
}

fn text_of(answer: &Received) -> String {
    String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]).into_owned()
}

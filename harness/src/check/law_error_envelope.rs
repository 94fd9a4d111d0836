//! `law.error-envelope`: a refused image operation says why in the form that every SDK reads.

use serde_json::Value;

use crate::check::json::shown;
use crate::check::{Bench, Check, Mismatch, sites_with_polls};
use crate::exchange::{Evidence, Received};
use crate::profile::Envelope;

/// See the module.
pub(super) struct ErrorEnvelope;

impl Check for ErrorEnvelope {
    fn id(&self) -> &'static str {
        "law.error-envelope"
    }

    fn summary(&self) -> &'static str {
        "an error is an object `error` with a text `message` and a text `type`; `code` is a text or null; Google's is a Status"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites_with_polls(evidence) {
            let refused = site.exchange.answer().filter(|answer| answer.status >= 400);
            let operation = site.protocol().and(site.step_of_copy().request.operation);
            let refused = refused.filter(|answer| !is_front(answer));
            let Some((answer, operation)) = refused.zip(operation) else {
                continue;
            };
            let result = match evidence.target.profile.envelope(operation) {
                Envelope::Google => is_status(answer),
                Envelope::OpenAi => is_error_object(answer),
            };
            let result = result.map_err(|problem| {
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

/// OpenAI's form.
fn is_error_object(answer: &Received) -> Result<(), Mismatch> {
    let body = answer.json();
    let error = body.as_ref().and_then(|body| body.get("error"));
    let form = r#"{"error":{"message":"…","type":"…"}}"#;
    let error = object(answer, error, form)?;
    for name in ["message", "type"] {
        member(error, name, "a text", Value::is_string)?;
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

/// Google's form: `google.rpc.Status`, in a list of one where the answer would be a list.
fn is_status(answer: &Received) -> Result<(), Mismatch> {
    let error = answer.error();
    let form = r#"{"error":{"code":400,"message":"…","status":"INVALID_ARGUMENT"}}"#;
    let error = object(answer, error.as_ref(), form)?;
    member(error, "code", "a whole number", Value::is_u64)?;
    for name in ["message", "status"] {
        member(error, name, "a text", Value::is_string)?;
    }
    Ok(())
}

fn object<'v>(
    answer: &Received,
    error: Option<&'v Value>,
    form: &str,
) -> Result<&'v Value, Mismatch> {
    error.filter(|error| error.is_object()).ok_or_else(|| {
        let found = answer
            .json()
            .as_ref()
            .map_or_else(|| text_of(answer), shown);
        let message = format!("the {} answer has no object 'error'", answer.status);
        Mismatch::of(message, form, found)
    })
}

fn member(
    error: &Value,
    name: &str,
    wanted: &str,
    is_right: impl Fn(&Value) -> bool,
) -> Result<(), Mismatch> {
    let member = error.get(name);
    if member.is_some_and(is_right) {
        return Ok(());
    }
    Err(Mismatch::of(
        format!("the error's {name} is not {wanted}"),
        wanted,
        member.map_or("(absent)".to_owned(), shown),
    ))
}

fn text_of(answer: &Received) -> String {
    String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]).into_owned()
}

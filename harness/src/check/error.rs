//! `error`: the error object of a refusal, by members or by condition.

use serde_json::Value;

use crate::case::{ErrorExpectation, ErrorForm};
use crate::check::json::shown;
use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::{Evidence, Received};
use crate::profile::Profile;

/// See the module.
pub(super) struct ErrorCheck;

impl Check for ErrorCheck {
    fn id(&self) -> &'static str {
        "error"
    }

    fn summary(&self) -> &'static str {
        "the error object is what profile or case allow"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            for expected in &site.step_of_copy().expect.response {
                let Some(error) = &expected.error else {
                    continue;
                };
                let result = match site.exchange.answer() {
                    None => Err(site.no_answer()),
                    Some(answer) => match error {
                        ErrorExpectation::Form(form) => has_form(form, answer),
                        ErrorExpectation::Condition(condition) => {
                            is_allowed(condition, answer, &evidence.target.profile)
                        }
                    },
                };
                bench.record(site, self.id(), &expected.requirement, result);
            }
        }
    }
}

fn has_form(form: &ErrorForm, answer: &Received) -> Result<(), Mismatch> {
    let Some(error) = answer.error() else {
        let body = answer
            .json()
            .map_or("a body that is no JSON".to_owned(), |body| shown(&body));
        return Err(Mismatch::of(
            "the answer has no error object",
            "an error object",
            body,
        ));
    };
    let members = [
        ("type", &form.kind),
        ("code", &form.code),
        ("param", &form.param),
        ("message", &form.message),
        ("status", &form.status),
    ];
    for (name, matcher) in members {
        let Some(matcher) = matcher else { continue };
        let actual = error.get(name);
        if !matcher.matches(actual) {
            return Err(Mismatch::of(
                format!("the error's {name} is not as expected"),
                matcher.to_value().to_string(),
                actual.map_or("(absent)".to_owned(), shown),
            ));
        }
    }
    Ok(())
}

fn is_allowed(condition: &str, answer: &Received, profile: &Profile) -> Result<(), Mismatch> {
    let Some(allowed) = profile.conditions.get(condition) else {
        let message = format!(
            "the profile {} says nothing of the condition {condition}",
            profile.id
        );
        return Err(Mismatch::new(message).untestable());
    };
    let error = answer.error();
    if allowed
        .iter()
        .any(|form| form.allows(answer.status, error.as_ref()))
    {
        return Ok(());
    }
    let forms: Vec<_> = allowed
        .iter()
        .map(crate::profile::AllowedError::describe)
        .collect();
    let member = |name: &str| {
        let value = error.as_ref().and_then(|error| error.get(name)).cloned();
        value.unwrap_or(Value::Null)
    };
    let members = ["type", "code", "param", "status"].map(|name| (name, member(name)));
    let members = members.iter().filter(|(_, value)| !value.is_null());
    let members = members.map(|(name, value)| format!(", {name} {value}"));
    Err(Mismatch::of(
        format!("the provider's '{condition}' reached the client in a form that is not allowed"),
        forms.join("\n"),
        format!("status {}{}", answer.status, members.collect::<String>()),
    ))
}

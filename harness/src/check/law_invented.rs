//! `law.invented`: the provider is asked for what the client asked for. A changed value fails, an added one
//! warns; documented defaults and what the target says that it adds are legal, and `null` is absent.

use mock_server::journal::Entry;
use serde_json::{Map, Value, json};

use crate::check::json::shown;
use crate::check::upstream::is_shortened;
use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::{Evidence, asked};
use crate::operation::Protocol;
use crate::target::Target;

/// See the module.
pub(super) struct Invented;

/// Members of the digest that the route put there, and those that are judged otherwise: the model is mapped by
/// the target's table, n may be fanned out, input images are compared by their bytes.
const EXEMPT: &[&str] = &[
    "provider",
    "operation",
    "deployment",
    "model",
    "n",
    "images",
    "mask",
];

impl Check for Invented {
    fn id(&self) -> &'static str {
        "law.invented"
    }

    fn summary(&self) -> &'static str {
        "no value is changed or added on the way to the provider"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let request = &site.step_of_copy().request;
            let members = asked::members(request, &site.exchange.sent);
            let Some((protocol, body)) = site.image_protocol().zip(members) else {
                continue;
            };
            let calls = site.exchange.calls().iter();
            for (call, other) in calls.filter_map(|call| {
                let operation = call.operation.as_deref()?;
                Some((call, Protocol::of_journal(operation)?))
            }) {
                let model = request
                    .model
                    .as_deref()
                    .or_else(|| body.get("model")?.as_str());
                let mut result = model_is_mapped(model, call, evidence.target);
                // The neutral digest has the names of the Images API: only there can it be compared.
                if protocol == Protocol::Images && other == Protocol::Images {
                    result = result.and_then(|()| judge_one(&body, call, evidence.target));
                }
                bench.record(site, self.id(), self.id(), result);
            }
        }
    }
}

fn judge_one(body: &Map<String, Value>, call: &Entry, target: &Target) -> Result<(), Mismatch> {
    let mut added = Ok(());
    for (name, value) in &call.sent {
        if EXEMPT.contains(&name.as_str()) || target.policies.injects.contains(name) {
            continue;
        }
        match body.get(name).filter(|stated| !stated.is_null()) {
            Some(stated) if same(stated, value) => {}
            Some(stated) => {
                let message =
                    format!("the client's '{name}' was changed on the way to the provider");
                return Err(Mismatch::of(message, shown(stated), shown(value)));
            }
            None if is_default(name, value) => {}
            None => {
                let message = format!("'{name}' was added on the way to the provider");
                added = Err(Mismatch::of(message, "(absent)", shown(value)).soft());
            }
        }
    }
    added
}

/// A model that the target's table knows arrives as the table says, at the provider that it says.
fn model_is_mapped(asked: Option<&str>, call: &Entry, target: &Target) -> Result<(), Mismatch> {
    let Some(asked) = asked else {
        return Ok(());
    };
    let names = |model: &&crate::profile::Model| {
        model.name == asked || model.fault_name.as_deref() == Some(asked)
    };
    let Some(model) = target.profile.models.values().find(names) else {
        return Ok(());
    };
    let provider = call.sent.get("provider").and_then(Value::as_str);
    let wanted = model.upstream.provider.as_str();
    if let Some(provider) = provider.filter(|provider| *provider != wanted) {
        let message = format!("the client's model '{asked}' reached another provider");
        return Err(Mismatch::of(message, wanted, provider));
    }
    let actual = call
        .effective
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut names = std::iter::once(&model.upstream.model).chain(&model.upstream.also);
    if names.any(|stated| is_same_model(actual, stated)) {
        return Ok(());
    }
    let message = format!("the client's model '{asked}' reached the provider as another one");
    Err(Mismatch::of(message, model.upstream.model.clone(), actual))
}

/// Providers give the same model a name with a date: `gpt-image-2-2026-04-21` is `gpt-image-2`.
fn is_same_model(actual: &str, stated: &str) -> bool {
    let Some(rest) = actual.strip_prefix(stated) else {
        return false;
    };
    let is_date = |text: &str| {
        text.len() == "2026-04-21".len()
            && text.chars().all(|c| c.is_ascii_digit() || c == '-')
            && text.split('-').count() == 3
    };
    rest.is_empty() || rest.strip_prefix('-').is_some_and(is_date)
}

fn same(stated: &Value, sent: &Value) -> bool {
    match (stated, sent) {
        (Value::String(text), Value::Object(kept)) => is_shortened(text, kept),
        (Value::Number(stated), Value::Number(sent)) => stated.as_f64() == sent.as_f64(),
        // The fields of a form are texts, and the digest says what they mean.
        (Value::String(text), Value::Number(_) | Value::Bool(_)) => {
            let written = sent.to_string();
            *text == written
        }
        _ => stated == sent,
    }
}

/// What the OpenAI specification says an absent member means.
fn is_default(name: &str, value: &Value) -> bool {
    let default = match name {
        "size" | "quality" | "background" | "moderation" => json!("auto"),
        "output_format" => json!("png"),
        "output_compression" => json!(100),
        "stream" => json!(false),
        "partial_images" => json!(0),
        _ => return false,
    };
    *value == default
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_makes_no_other_model() {
        assert!(is_same_model("gpt-image-2-2026-04-21", "gpt-image-2"));
        assert!(is_same_model("gpt-image-2", "gpt-image-2"));
        for other in [
            "gpt-image-2-mini",
            "gpt-image-1",
            "gpt-image-2-2026-04",
            "gpt-image-20",
        ] {
            assert!(!is_same_model(other, "gpt-image-2"), "{other}");
        }
    }
}

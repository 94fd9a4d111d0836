//! `usage`: equal to what the provider sent, never recomputed.

use serde_json::Value;

use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::{Evidence, Received};

/// See the module.
pub(super) struct Usage;

impl Check for Usage {
    fn id(&self) -> &'static str {
        "usage"
    }

    fn summary(&self) -> &'static str {
        "usage is the one that the provider sent"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            for expected in &site.step_of_copy().expect.response {
                if expected.usage.is_some() {
                    bench.record(site, self.id(), &expected.requirement, equal(site));
                }
            }
        }
    }
}

fn equal(site: Site<'_>) -> Result<(), Mismatch> {
    let answer = site.exchange.answer().ok_or_else(|| site.no_answer())?;
    let usages = site
        .exchange
        .calls()
        .iter()
        .filter_map(|call| call.answer.as_ref()?.summary.usage.clone());
    let sent = sum(usages)
        .ok_or_else(|| Mismatch::new("the provider was not seen to send usage").untestable())?;
    let usage = stated(answer).unwrap_or(Value::Null);
    // A gateway may add members of its own; those of the provider must be there with their values.
    let broken = sent
        .iter()
        .find(|(name, value)| usage.get(name.as_str()) != Some(*value));
    match broken {
        None => Ok(()),
        Some((name, _)) => Err(Mismatch::of(
            format!("usage.{name} is not what the provider sent"),
            Value::Object(sent).to_string(),
            usage.to_string(),
        )),
    }
}

/// The last usage that an answer states, by each protocol's name.
fn stated(answer: &Received) -> Option<Value> {
    let documents = answer.documents().into_iter().rev();
    let mut usages = documents.filter_map(|document| {
        let names = ["/usage", "/response/usage", "/usageMetadata"];
        let mut found = names.iter().filter_map(|name| document.value.pointer(name));
        found.find(|usage| !usage.is_null()).cloned()
    });
    usages.next()
}

/// The usage of all calls together: a gateway may fan n out.
fn sum(usages: impl Iterator<Item = Value>) -> Option<serde_json::Map<String, Value>> {
    let mut total: Option<serde_json::Map<String, Value>> = None;
    for usage in usages {
        let usage = usage.as_object()?.clone();
        total = Some(match total {
            None => usage,
            Some(before) => add(before, &usage),
        });
    }
    total
}

fn add(
    mut total: serde_json::Map<String, Value>,
    more: &serde_json::Map<String, Value>,
) -> serde_json::Map<String, Value> {
    for (name, value) in more {
        let before = total.get(name).cloned().unwrap_or_default();
        let sum = match (before, value) {
            (Value::Object(before), Value::Object(value)) => Value::Object(add(before, value)),
            (before, value) => {
                (before.as_u64().unwrap_or_default() + value.as_u64().unwrap_or_default()).into()
            }
        };
        total.insert(name.clone(), sum);
    }
    total
}

//! `headers:NAME`: values of headers of the answer.

use serde_json::Value;

use crate::check::{Bench, Check, Mismatch, no_answer, sites};
use crate::exchange::Evidence;

/// See the module.
pub(super) struct Headers;

impl Check for Headers {
    fn id(&self) -> &'static str {
        "headers"
    }

    fn summary(&self) -> &'static str {
        "headers of the answer have the expected values"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            for expected in &site.evidence.step.expect.response {
                for (name, matcher) in &expected.headers {
                    let result = match site.exchange.answer() {
                        None => Err(no_answer(site.exchange)),
                        Some(answer) => {
                            let value = answer.header(name).map(Value::from);
                            matcher
                                .matches(value.as_ref())
                                .then_some(())
                                .ok_or_else(|| {
                                    Mismatch::of(
                                        format!("the header {name} is not as expected"),
                                        matcher.to_value().to_string(),
                                        value.map_or("(absent)".to_owned(), |value| {
                                            value.to_string()
                                        }),
                                    )
                                })
                        }
                    };
                    bench.record(
                        site,
                        &format!("headers:{name}"),
                        &expected.requirement,
                        result,
                    );
                }
            }
        }
    }
}

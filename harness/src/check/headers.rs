//! `headers:NAME`: values of headers of the answer.

use serde_json::Value;

use crate::check::{Bench, Check, Mismatch, sites};
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
            for expected in &site.step_of_copy().expect.response {
                for (name, matcher) in &expected.headers {
                    let result = match site.exchange.answer() {
                        None => Err(site.no_answer()),
                        Some(answer) => {
                            let value = answer.header(name).map(|value| comparable(name, value));
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

/// A header's value; media types are the same in upper and lower case.
fn comparable(name: &str, value: &str) -> Value {
    match name {
        "content-type" => value.to_ascii_lowercase().into(),
        _ => value.into(),
    }
}

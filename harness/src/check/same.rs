//! `same_images_as`, `same_upstream_as`: what one step shows, another must show, too.

use mock_server::journal::Entry;
use serde_json::{Map, Value};

use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::{Evidence, Exchange};

/// See the module.
pub(super) struct Same;

/// Members of a digest in which two ways of asking for the same differ.
const WAYS: &[&str] = &["operation", "stream", "stream_options"];

impl Check for Same {
    fn id(&self) -> &'static str {
        "same"
    }

    fn summary(&self) -> &'static str {
        "two steps show the same pictures, or ask the provider for the same"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let expect = &site.step_of_copy().expect;
            for expected in &expect.response {
                if let Some(step) = expected.same_images_as {
                    let result = other(evidence, site, step)
                        .and_then(|other| same_images(site.exchange, other, step));
                    bench.record(site, "same_images_as", &expected.requirement, result);
                }
            }
            for expected in &expect.upstream {
                if let Some(step) = expected.same_upstream_as {
                    let result = other(evidence, site, step)
                        .and_then(|other| same_upstream(site.exchange, other, step));
                    bench.record(site, "same_upstream_as", &expected.requirement, result);
                }
            }
        }
    }
}

/// The exchange of another step, the same copy if there are several.
fn other<'e>(
    evidence: &'e Evidence<'_>,
    site: Site<'_>,
    step: usize,
) -> Result<&'e Exchange, Mismatch> {
    let step_evidence = step.checked_sub(1).and_then(|at| evidence.steps.get(at));
    let exchanges = step_evidence.map(|step| step.exchanges.as_slice());
    let found = exchanges.and_then(|all| all.get(site.copy).or_else(|| all.first()));
    found.ok_or_else(|| Mismatch::new(format!("step {step} was not run")).untestable())
}

fn same_images(here: &Exchange, there: &Exchange, step: usize) -> Result<(), Mismatch> {
    let pictures = |exchange: &Exchange| -> Vec<String> {
        let images = exchange.final_images();
        images
            .map(|image| match &image.picture {
                Ok(picture) => picture.pixels_sha256.clone(),
                Err(reason) => format!("no picture: {reason}"),
            })
            .collect()
    };
    let (here, there) = (pictures(here), pictures(there));
    if there.is_empty() {
        return Err(Mismatch::new(format!("step {step} brought no image")).untestable());
    }
    if here == there {
        return Ok(());
    }
    Err(Mismatch::of(
        format!("the pictures are not those of step {step}"),
        there.join("\n"),
        here.join("\n"),
    ))
}

fn same_upstream(here: &Exchange, there: &Exchange, step: usize) -> Result<(), Mismatch> {
    let asked = |exchange: &Exchange| -> Vec<Value> {
        let calls = exchange.calls().iter();
        calls
            .filter(|call| call.operation.is_some())
            .map(digest)
            .collect()
    };
    let (here, there) = (asked(here), asked(there));
    if there.is_empty() {
        return Err(Mismatch::new(format!("no call of step {step} arrived upstream")).untestable());
    }
    if here == there {
        return Ok(());
    }
    let lines = |calls: &[Value]| {
        let lines = calls.iter().map(Value::to_string);
        lines.collect::<Vec<_>>().join("\n")
    };
    Err(Mismatch::of(
        format!("the provider was asked for something else than in step {step}"),
        lines(&there),
        lines(&here),
    ))
}

fn digest(call: &Entry) -> Value {
    let members = call
        .sent
        .iter()
        .filter(|(name, _)| !WAYS.contains(&name.as_str()));
    let members = members.map(|(name, value)| (name.clone(), value.clone()));
    Value::Object(members.collect::<Map<_, _>>())
}

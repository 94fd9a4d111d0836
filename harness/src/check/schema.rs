//! `schema`: the JSON body, or each event of a stream, against a schema of `schemas/`.

use serde_json::Value;

use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::{Evidence, Received};
use crate::operation::Operation;
use crate::schema::issues;

/// See the module.
pub(super) struct SchemaCheck;

impl Check for SchemaCheck {
    fn id(&self) -> &'static str {
        "schema"
    }

    fn summary(&self) -> &'static str {
        "the JSON body, or each event of a stream, has the form of a schema"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            for expected in site.described() {
                let Some(name) = &expected.schema else {
                    continue;
                };
                let result = match site.exchange.answer() {
                    None => Err(site.no_answer()),
                    Some(answer) => {
                        let is_list = site.step_of_copy().request.operation
                            == Some(Operation::StreamGenerateContent);
                        documents(answer, is_list)
                            .and_then(|documents| hold(name, &documents, bench))
                    }
                };
                bench.record(site, self.id(), &expected.requirement, result);
            }
        }
    }
}

/// The body, or each event; `is_list`: a stream may also come as one list.
fn documents(answer: &Received, is_list: bool) -> Result<Vec<(String, Value)>, Mismatch> {
    let no_json = |place: &str| Mismatch::new(format!("{place} is no JSON"));
    if !answer.is_stream() {
        let body = answer.json().ok_or_else(|| no_json("the body"))?;
        if !(is_list && answer.is_success()) {
            return Ok(vec![("the body".to_owned(), body)]);
        }
        let items = answer.documents().into_iter();
        return Ok(items
            .map(|item| (format!("the element {}", item.place), item.value))
            .collect());
    }
    let events = answer
        .events
        .iter()
        .enumerate()
        .filter(|(_, event)| !event.is_done());
    let documents = events.map(|(index, event)| {
        let place = format!("event {}", index + 1);
        event
            .json()
            .map(|data| (place.clone(), data))
            .ok_or_else(|| no_json(&place))
    });
    documents.collect()
}

fn hold(name: &str, documents: &[(String, Value)], bench: &Bench<'_>) -> Result<(), Mismatch> {
    let schema = bench
        .schema(name)
        .map_err(|error| Mismatch::new(error.to_string()).untestable())?;
    for (place, document) in documents {
        let problems: Vec<_> = issues(&schema, document)
            .into_iter()
            .map(|(pointer, problem)| {
                format!(
                    "at {}: {problem}",
                    if pointer.is_empty() { "/" } else { &pointer }
                )
            })
            .collect();
        if !problems.is_empty() {
            let problems = problems.join("; ");
            return Err(Mismatch::new(format!(
                "{place} does not have the form of schemas/{name}.json: {problems}"
            )));
        }
    }
    Ok(())
}

//! What a step names: schemas, conditions and faults exist, other steps come before it, and what it saves has a name
//! of its own. Pointers begin at the step.

use mock_server::scenario::Directive;
use mock_server::vocabulary::Vocabulary;
use serde_json::Value;

use crate::case::{ErrorExpectation, Issue, Step};
use crate::catalog::nearest;

/// The variables that every case has.
pub(super) const BUILTIN: &[&str] = &["prompt", "token", "token_id", "upstream", "target", "model"];

/// Names of schemas, conditions and faults exist.
pub(super) fn exist(step: &Step, words: &Vocabulary) -> Result<(), Issue> {
    let answers = step.upstream.iter().flat_map(|script| &script.answers);
    for (index, answer) in answers.enumerate() {
        Directive::parse(&answer.directive, words).map_err(|error| Issue {
            pointer: format!("/upstream/answers/{index}"),
            problem: error.to_string(),
        })?;
    }
    for (index, expected) in step.expect.response.iter().enumerate() {
        let unknown = |what: &str, name: &str, known: &[&str]| Issue {
            pointer: format!("/expect/response/{index}/{what}"),
            problem: format!(
                "unknown {what} '{name}': did you mean {}?",
                nearest(name, known.iter().copied())
            ),
        };
        match &expected.error {
            Some(ErrorExpectation::Condition(name)) if !words.has(name) => {
                let known: Vec<_> = words.conditions().collect();
                return Err(unknown("error", name, &known));
            }
            _ => {}
        }
        let Some(name) = &expected.schema else {
            continue;
        };
        let known = schemas::all().into_iter();
        let known: Vec<_> = known
            .filter_map(|(path, _)| path.strip_suffix(".json"))
            .collect();
        if !known.contains(&name.as_str()) {
            return Err(unknown("schema", name, &known));
        }
    }
    Ok(())
}

/// A step that it is compared with comes before it, and what it saves takes no name that means something else.
pub(super) fn fit(matrix: &[(String, Vec<Value>)], index: usize, step: &Step) -> Result<(), Issue> {
    let images = step.expect.response.iter().map(|one| one.same_images_as);
    let upstream = step.expect.upstream.iter().map(|one| one.same_upstream_as);
    let images = images.enumerate().map(|(at, other)| {
        let pointer = format!("/expect/response/{at}/same_images_as");
        (pointer, other)
    });
    let upstream = upstream.enumerate().map(|(at, other)| {
        let pointer = format!("/expect/upstream/{at}/same_upstream_as");
        (pointer, other)
    });
    for (pointer, other) in images.chain(upstream) {
        if let Some(other) = other.filter(|other| *other > index) {
            let problem = match index {
                0 => "no step comes before the first one".to_owned(),
                _ => format!("expected a step before this one, from 1 to {index}, found {other}"),
            };
            return Err(Issue { pointer, problem });
        }
    }
    let of_matrix = matrix.iter().map(|(name, _)| name.as_str());
    let taken: Vec<&str> = BUILTIN.iter().copied().chain(of_matrix).collect();
    match step.save.keys().find(|name| taken.contains(&name.as_str())) {
        Some(name) => Err(Issue {
            pointer: format!("/save/{name}"),
            problem: format!(
                "${{{name}}} means something else already: taken are {}",
                taken.join(", ")
            ),
        }),
        None => Ok(()),
    }
}

//! Reads case files. Whatever is wrong with one is said with its file, the place in it, and what is allowed.

use std::collections::BTreeSet;

use jsonschema::Validator;
use mock_server::vocabulary::Vocabulary;
use serde_json::{Value, json};

use crate::case::names::{self, BUILTIN};
use crate::case::{Case, CaseFile, CaseId, Credential, Need, Scope, Step};
use crate::schema;

/// A case file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {}", list(.issues))]
pub struct CaseError {
    /// The path of the file.
    pub file: String,
    /// What is wrong with it; at least one.
    pub issues: Vec<Issue>,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The JSON pointer; empty for the whole file.
    pub pointer: String,
    /// What was found and what was expected.
    pub problem: String,
}

fn list(issues: &[Issue]) -> String {
    let lines = issues.iter().map(|issue| match issue.pointer.as_str() {
        "" => issue.problem.clone(),
        pointer => format!("at {pointer}: {}", issue.problem),
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// A matrix has no more combinations than this.
const MOST_INSTANCES: usize = 10_000;

/// Reads case files with one compiled schema.
#[derive(Debug)]
pub struct Loader {
    schema: Validator,
    words: Vocabulary,
}

impl Loader {
    /// Compiles the schema.
    ///
    /// # Errors
    /// `schemas/case.json` is no schema, or the mock's conditions cannot be read.
    pub fn new() -> Result<Self, schema::SchemaError> {
        let words = Vocabulary::builtin().map_err(|error| schema::SchemaError {
            name: "conditions".to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self {
            schema: schema::compile("case")?,
            words,
        })
    }

    /// Reads one file; `path` is below `cases/`.
    ///
    /// # Errors
    /// The text is no case; every issue has its place.
    pub fn load(&self, path: &str, text: &str) -> Result<Case, CaseError> {
        let error = |issues: Vec<Issue>| CaseError {
            file: path.to_owned(),
            issues,
        };
        let whole = |problem: String| {
            error(vec![Issue {
                pointer: String::new(),
                problem,
            }])
        };
        let id = CaseId::of_path(path).ok_or_else(|| {
            whole("a case lies at <area>/<operation>/<slug>.json in kebab-case".to_owned())
        })?;
        let value: Value =
            serde_json::from_str(text).map_err(|broken| whole(format!("no JSON: {broken}")))?;
        let issues: Vec<_> = schema::issues(&self.schema, &value)
            .into_iter()
            .map(|(pointer, problem)| Issue { pointer, problem })
            .collect();
        if !issues.is_empty() {
            return Err(error(issues));
        }
        let is_list = value.get("steps").is_some();
        let file: CaseFile =
            serde_json::from_value(value).map_err(|broken| whole(broken.to_string()))?;
        let case = build(id, file).map_err(|issue| error(vec![issue]))?;
        self.check_steps(&case, is_list)
            .map_err(|issue| error(vec![issue]))?;
        if case.requirements().is_empty() {
            return Err(whole(
                "no expectation names a requirement: nothing is judged".to_owned(),
            ));
        }
        Ok(case)
    }

    /// Fills sample values in and reads every step with every value of the matrix, so that a case that was
    /// loaded can be run. `is_list`: the file has them as a list.
    fn check_steps(&self, case: &Case, is_list: bool) -> Result<(), Issue> {
        let mut saved = BTreeSet::new();
        for index in 0..case.steps.len() {
            let place = match is_list {
                true => format!("/steps/{index}"),
                false => String::new(),
            };
            let at = |issue: Issue| Issue {
                pointer: format!("{place}{}", issue.pointer),
                ..issue
            };
            for (name, values) in &case.matrix {
                for value in values {
                    let mut scope = sample_scope(case, &saved);
                    scope.set(name.clone(), value.clone());
                    self.check_step(&case.steps[index], &scope).map_err(at)?;
                }
            }
            let scope = sample_scope(case, &saved);
            let step = self.check_step(&case.steps[index], &scope).map_err(at)?;
            names::fit(&case.matrix, index, &step).map_err(at)?;
            saved.extend(step.save.into_keys());
        }
        Ok(())
    }

    /// Pointers of issues begin at the step.
    fn check_step(&self, step: &Value, scope: &Scope) -> Result<Step, Issue> {
        let filled = scope.fill(step).map_err(|error| Issue {
            pointer: error.pointer,
            problem: error.problem,
        })?;
        let step: Step = serde_json::from_value(filled).map_err(|error| Issue {
            pointer: String::new(),
            problem: error.to_string(),
        })?;
        names::exist(&step, &self.words)?;
        Ok(step)
    }
}

fn build(id: CaseId, file: CaseFile) -> Result<Case, Issue> {
    let counts = file
        .matrix
        .values()
        .filter_map(Value::as_array)
        .map(Vec::len);
    let instances = counts.fold(1, usize::saturating_mul);
    if instances > MOST_INSTANCES {
        return Err(Issue {
            pointer: "/matrix".to_owned(),
            problem: format!("expected at most {MOST_INSTANCES} combinations, found {instances}"),
        });
    }
    let needs = file.needs.iter().enumerate().map(|(index, need)| {
        let pointer = format!("/needs/{index}");
        need_of(need).map_err(|problem| Issue { pointer, problem })
    });
    let steps = file.steps.unwrap_or_else(|| {
        let mut step = serde_json::Map::new();
        let members = [
            ("request", file.request),
            ("upstream", file.upstream),
            ("expect", file.expect),
            ("save", file.save),
            ("disconnect", file.disconnect),
            ("read", file.read),
            ("poll", file.poll),
            ("parallel", file.parallel),
        ];
        step.extend(
            members
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        vec![Value::Object(step)]
    });
    let matrix = file.matrix.into_iter().map(|(name, values)| {
        let values = values.as_array().cloned().unwrap_or_default();
        (name, values)
    });
    Ok(Case {
        id,
        summary: file.summary,
        matrix: matrix.collect(),
        needs: needs.collect::<Result<_, _>>()?,
        model: file.model,
        depends_on: file.depends_on,
        bugs: file.bugs,
        quiet: file.quiet,
        slow: file.slow,
        steps,
    })
}

fn need_of(need: &serde_json::Map<String, Value>) -> Result<Need, String> {
    if let Some(feature) = need.get("feature").and_then(Value::as_str) {
        return Ok(Need::Feature(feature.to_owned()));
    }
    if let Some(role) = need.get("credential") {
        let role: Result<Credential, _> = serde_json::from_value(role.clone());
        return role
            .map(Need::Credential)
            .map_err(|error| error.to_string());
    }
    let name = need
        .get("limit")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Ok(Need::Limit {
        name: name.to_owned(),
        at_least: need.get("at_least").cloned().unwrap_or_default(),
    })
}

fn sample_scope(case: &Case, saved: &BTreeSet<String>) -> Scope {
    let mut scope = Scope::default();
    for name in BUILTIN {
        scope.set(*name, "sample");
    }
    for family in ["models.", "files.", "base64."] {
        for name in variables(&case.steps, family) {
            scope.set(name, "sample");
        }
    }
    for name in saved {
        scope.set(name.clone(), "sample");
    }
    for (name, values) in &case.matrix {
        scope.set(name.clone(), values.first().cloned().unwrap_or(json!(null)));
    }
    scope
}

/// The names of variables that occur and begin so. Whether the target's table has a model, or a folder a file, is
/// known only later.
pub(crate) fn variables(steps: &[Value], family: &str) -> BTreeSet<String> {
    let text = Value::Array(steps.to_vec()).to_string();
    let mut found = BTreeSet::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once(&format!("${{{family}")) {
        let Some((key, tail)) = after.split_once('}') else {
            break;
        };
        found.insert(format!("{family}{key}"));
        rest = tail;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Case, String> {
        let loader = Loader::new().unwrap();
        loader
            .load("a/b/c.json", text)
            .map_err(|error| error.to_string())
    }

    const GOOD: &str = r#"{"summary":"as many as asked for","matrix":{"n":[1,2]},
        "request":{"operation":"images.generations","body":{"model":"${models.image}","prompt":"${prompt}","n":"${n}"}},
        "expect":{"response":[{"requirement":"openai.n","images":{"count":"${n}"}}]}}"#;

    #[test]
    fn a_good_case() {
        let case = load(GOOD).unwrap();
        assert_eq!(case.requirements(), ["openai.n"]);
        assert!(!case.needs_upstream());
    }

    #[test]
    fn errors_name_file_place_and_what_is_allowed() {
        let bad = GOOD.replace("\"images\":{\"count\"", "\"images\":{\"cuont\"");
        let error = load(&bad).unwrap_err();
        assert!(
            error.starts_with("a/b/c.json: at /expect/response/0/images"),
            "{error}"
        );
        assert!(error.contains("cuont"), "{error}");
        let bad = GOOD.replace("${n}", "${m}");
        let error = load(&bad).unwrap_err();
        assert!(
            error.contains("unknown variable ${m}: known are"),
            "{error}"
        );
        assert!(error.contains("/request/body/n"), "{error}");
        assert!(load("{").unwrap_err().contains("no JSON"));
    }
}

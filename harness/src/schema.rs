//! Compiles the embedded JSON Schemas and says what breaks one, without ever printing an image.

use jsonschema::{Registry, ValidationError, Validator};
use serde_json::Value;

/// Values longer than this are not shown in a message.
const LONGEST_SHOWN: usize = 80;
/// More problems than this are not listed.
const MOST_SHOWN: usize = 10;

/// Compiles a schema by its path below `schemas/`, without `.json`.
///
/// # Errors
/// There is no such schema, or it is broken.
pub fn compile(name: &str) -> Result<Validator, SchemaError> {
    let broken = |problem: String| SchemaError {
        name: name.to_owned(),
        problem,
    };
    let mut wanted = None;
    let mut registry = Registry::new();
    for (path, text) in schemas::all() {
        let schema: Value =
            serde_json::from_str(text).map_err(|error| broken(format!("{path}: {error}")))?;
        if path.strip_suffix(".json") == Some(name) {
            wanted = Some(schema.clone());
        }
        registry = registry
            .add(format!("{}{path}", schemas::BASE), schema)
            .map_err(|error| broken(error.to_string()))?;
    }
    let wanted = wanted.ok_or_else(|| broken("no such schema".to_owned()))?;
    let registry = registry
        .prepare()
        .map_err(|error| broken(error.to_string()))?;
    jsonschema::draft202012::options()
        .offline()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&wanted)
        .map_err(|error| broken(error.to_string()))
}

/// What is wrong with a value, as (JSON pointer, problem), the deepest places first where branches differ.
#[must_use]
pub fn issues(schema: &Validator, value: &Value) -> Vec<(String, String)> {
    let errors = schema.iter_errors(value).take(MOST_SHOWN);
    errors
        .map(|error| (error.instance_path().to_string(), describe(&error, value)))
        .collect()
}

fn describe(error: &ValidationError<'_>, value: &Value) -> String {
    let rule = error.masked_with("this value").to_string();
    let place = value.pointer(&error.instance_path().to_string());
    let shown = place
        .map(ToString::to_string)
        .filter(|text| text.len() <= LONGEST_SHOWN);
    match shown {
        Some(text) => format!("{rule} (found {text})"),
        None => rule,
    }
}

/// An embedded schema cannot be used; the build is broken, or a case names a schema that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("schema '{name}': {problem}")]
pub struct SchemaError {
    /// The path below `schemas/`, without `.json`.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

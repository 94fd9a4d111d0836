//! Compiles the embedded JSON Schemas; [`issues`] says what breaks one, without ever printing an image.

mod issue;

pub use issue::issues;

use jsonschema::{Registry, Validator};
use serde_json::Value;

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

/// An embedded schema cannot be used; the build is broken, or a case names a schema that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("schema '{name}': {problem}")]
pub struct SchemaError {
    /// The path below `schemas/`, without `.json`.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

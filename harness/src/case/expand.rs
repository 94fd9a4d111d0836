//! Instances: a case with one combination of its matrix, and perhaps one model.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use crate::case::{Case, CaseId, Pattern, Scope, Step, VarError};

/// A case with one combination of its matrix.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The case.
    pub case: Arc<Case>,
    /// `area/operation/slug@n=2,format=png`.
    pub id: String,
    /// The values of the matrix.
    pub values: Vec<(String, Value)>,
    /// The key of the model table, for cases that run once for each model.
    pub model: Option<String>,
}

impl Instance {
    /// Every instance of a case, in the order of its matrix; `models` are the keys of the target's table that
    /// match the case's `model`.
    #[must_use]
    pub fn all(case: &Arc<Case>, models: &[String]) -> Vec<Self> {
        let mut combinations: Vec<Vec<(String, Value)>> = vec![Vec::new()];
        for (name, values) in &case.matrix {
            combinations = combinations
                .iter()
                .flat_map(|chosen| {
                    values.iter().map(|value| {
                        let mut chosen = chosen.clone();
                        chosen.push((name.clone(), value.clone()));
                        chosen
                    })
                })
                .collect();
        }
        let models: Vec<Option<&String>> = match case.model {
            Some(_) => models.iter().map(Some).collect(),
            None => vec![None],
        };
        let instance = |values: &Vec<(String, Value)>, model: Option<&String>| Self {
            case: Arc::clone(case),
            id: instance_id(&case.id, values, model),
            values: values.clone(),
            model: model.cloned(),
        };
        combinations
            .iter()
            .flat_map(|values| models.iter().map(move |model| instance(values, *model)))
            .collect()
    }

    /// Whether a pattern selects it.
    #[must_use]
    pub fn matches(&self, pattern: &Pattern) -> bool {
        pattern.matches(&self.case.id, &self.id)
    }

    /// Puts the values of the matrix into a scope.
    pub fn bind(&self, scope: &mut Scope) {
        for (name, value) in &self.values {
            scope.set(name.clone(), value.clone());
        }
    }

    /// One step with its variables filled in.
    ///
    /// # Errors
    /// An unknown variable, or a value that does not fit where it stands.
    pub fn step(&self, index: usize, scope: &Scope) -> Result<Step, StepError> {
        let filled = scope.fill(&self.case.steps[index])?;
        serde_json::from_value(filled).map_err(StepError::Form)
    }
}

fn instance_id(case: &CaseId, values: &[(String, Value)], model: Option<&String>) -> String {
    let mut parts: Vec<_> = values
        .iter()
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            format!("{name}={}", escape(&text))
        })
        .collect();
    parts.extend(model.map(|key| format!("model={}", escape(key))));
    if parts.is_empty() {
        return case.to_string();
    }
    format!("{case}@{}", parts.join(","))
}

/// Every character outside `A-Za-z0-9._-` as `%XX`.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A step that cannot be built from its case.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// It has another form once its variables are filled in.
    #[error("with its variables filled in, the step cannot be read: {0}")]
    Form(serde_json::Error),
    /// A variable is not known.
    #[error(transparent)]
    Variable(#[from] VarError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn instances_in_matrix_order_with_escaped_values() {
        let case = Case {
            id: CaseId::of_path("a/b/c.json").unwrap(),
            summary: String::new(),
            matrix: vec![
                ("n".into(), vec![json!(1), json!(2)]),
                ("text".into(), vec![json!("a b/ü")]),
            ],
            needs: vec![],
            model: None,
            depends_on: vec![],
            bugs: vec![],
            quiet: false,
            slow: false,
            steps: vec![],
        };
        let all = Instance::all(&Arc::new(case), &[]);
        let ids: Vec<_> = all.iter().map(|instance| instance.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "a/b/c@n=1,text=a%20b%2F%C3%BC",
                "a/b/c@n=2,text=a%20b%2F%C3%BC"
            ]
        );
    }
}

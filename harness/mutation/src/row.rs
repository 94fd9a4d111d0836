//! A row as it is written; [`Mutant`](crate::Mutant) is what it means.

use serde::Deserialize;
use serde_json::Value;

use crate::mutant::{On, Seam};
use crate::when::When;

/// A row as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) summary: String,
    #[serde(default)]
    pub(crate) on: On,
    #[serde(default = "baseline")]
    pub(crate) profile: String,
    pub(crate) seam: Seam,
    pub(crate) op: String,
    #[serde(default)]
    pub(crate) at: Option<String>,
    #[serde(default, deserialize_with = "stated")]
    pub(crate) value: Option<Value>,
    #[serde(default)]
    pub(crate) to: Option<String>,
    #[serde(default)]
    pub(crate) when: When,
    pub(crate) kills: Vec<String>,
    #[serde(default)]
    pub(crate) may: Vec<String>,
    #[serde(default)]
    pub(crate) cases: Vec<String>,
    #[serde(default)]
    pub(crate) bugs: Vec<String>,
}

fn baseline() -> String {
    "openai-images".to_owned()
}

/// A `value` that is null is one.
fn stated<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A file of rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(rename = "$schema", default)]
    _schema: String,
    #[serde(rename = "topic")]
    _topic: String,
    pub(crate) mutants: Vec<crate::mutant::Mutant>,
}

/// The arguments of an operation, taken one by one; what is left over is a mistake.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) at: Option<String>,
    pub(crate) value: Option<Value>,
    pub(crate) to: Option<String>,
}

/// A row that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// No operation has this name.
    #[error("unknown operation '{0}'")]
    Operation(String),
    /// The operation needs an argument that is not there, or is of another type.
    #[error("the operation needs '{0}': {1}")]
    Missing(&'static str, &'static str),
    /// The operation takes no such argument.
    #[error("the operation takes no '{0}'")]
    Surplus(&'static str),
    /// The operation cannot be done there.
    #[error("the operation cannot be done at this seam")]
    Seam,
}

impl Arguments {
    pub(crate) fn at(&mut self) -> Result<String, RowError> {
        self.at.take().ok_or(RowError::Missing("at", "where"))
    }

    pub(crate) fn to(&mut self) -> Result<String, RowError> {
        self.to
            .take()
            .ok_or(RowError::Missing("to", "another place, name or text"))
    }

    pub(crate) fn value(&mut self) -> Result<Value, RowError> {
        self.value
            .take()
            .ok_or(RowError::Missing("value", "anything"))
    }

    pub(crate) fn text(&mut self) -> Result<String, RowError> {
        match self.value.take() {
            Some(Value::String(text)) => Ok(text),
            _ => Err(RowError::Missing("value", "a text")),
        }
    }

    /// A text, or null for none.
    pub(crate) fn text_or_none(&mut self) -> Result<Option<String>, RowError> {
        match self.value.take() {
            Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            _ => Err(RowError::Missing("value", "a text or null")),
        }
    }

    pub(crate) fn number(&mut self) -> Result<i64, RowError> {
        let number = self.value.take().and_then(|value| value.as_i64());
        number.ok_or(RowError::Missing("value", "a whole number"))
    }

    pub(crate) fn nothing_left(&self) -> Result<(), RowError> {
        let left = [
            ("at", self.at.is_some()),
            ("value", self.value.is_some()),
            ("to", self.to.is_some()),
        ];
        match left.iter().find(|(_, is_left)| *is_left) {
            Some((name, _)) => Err(RowError::Surplus(name)),
            None => Ok(()),
        }
    }
}

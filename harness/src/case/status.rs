//! Statuses that a case or a profile accepts: single ones and whole classes.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Accepted statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status(Vec<String>);

impl Status {
    /// One status.
    #[must_use]
    pub fn of(status: u16) -> Self {
        Self(vec![status.to_string()])
    }

    /// Whether a status is accepted.
    #[must_use]
    pub fn accepts(&self, status: u16) -> bool {
        let status = status.to_string();
        self.0
            .iter()
            .any(|accepted| match accepted.strip_suffix("xx") {
                Some(class) => status.starts_with(class),
                None => *accepted == status,
            })
    }

    /// Whether every accepted status is a success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.0.iter().all(|accepted| accepted.starts_with('2'))
    }

    /// Whether some accepted status is a success.
    #[must_use]
    pub fn has_success(&self) -> bool {
        self.0.iter().any(|accepted| accepted.starts_with('2'))
    }

    /// Whether every accepted status is an error.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.0
            .iter()
            .all(|accepted| accepted.starts_with('4') || accepted.starts_with('5'))
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" or "))
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let values = match Value::deserialize(reader)? {
            Value::Array(values) => values,
            value => vec![value],
        };
        let texts = values.into_iter().map(|value| match value {
            Value::Number(number) => Ok(number.to_string()),
            Value::String(class) => Ok(class),
            other => Err(serde::de::Error::custom(format!("{other} is no status"))),
        });
        texts.collect::<Result<_, _>>().map(Self)
    }
}

//! `poll`: a request that is sent again until its answer is as wanted.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::case::matcher::Matcher;
use crate::case::status::Status;

/// Between two requests, unless stated.
const PAUSE_MS: u64 = 200;

/// A request that is sent again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// What the last answer must be.
    pub until: Until,
    /// How many requests are sent, the first one included.
    pub at_most: usize,
    /// Milliseconds between two of them.
    #[serde(default = "pause_ms")]
    pub pause_ms: u64,
}

impl Poll {
    /// The pause between two requests.
    #[must_use]
    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms)
    }
}

fn pause_ms() -> u64 {
    PAUSE_MS
}

/// What an answer must be; all of it.
#[derive(Clone, Debug, Default)]
pub struct Until {
    /// The status.
    pub status: Option<Status>,
    /// Values of the JSON body by pointer.
    pub values: BTreeMap<String, Matcher>,
}

/// What an answer is not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// `status`, or a JSON pointer.
    pub place: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub actual: Option<Value>,
}

impl Until {
    /// The first thing that an answer with this status and JSON document is not yet.
    #[must_use]
    pub fn unmet(&self, status: u16, document: Option<&Value>) -> Option<Unmet> {
        let wanted = self.status.as_ref();
        if let Some(wanted) = wanted.filter(|wanted| !wanted.accepts(status)) {
            return Some(Unmet {
                place: "status".to_owned(),
                expected: wanted.to_string(),
                actual: Some(status.into()),
            });
        }
        self.values.iter().find_map(|(pointer, matcher)| {
            let value = document.and_then(|document| document.pointer(pointer));
            // What is no JSON has no values, and so none that is absent.
            let holds = document.is_some() && matcher.matches(value);
            (!holds).then(|| Unmet {
                place: pointer.clone(),
                expected: matcher.to_value().to_string(),
                actual: value.cloned(),
            })
        })
    }
}

impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let mut until = Self::default();
        for (name, value) in Map::deserialize(reader)? {
            let wrong =
                |error: serde_json::Error| serde::de::Error::custom(format!("{name}: {error}"));
            if name == "status" {
                until.status = Some(Status::deserialize(value).map_err(wrong)?);
            } else if name.is_empty() || name.starts_with('/') {
                let matcher = Matcher::deserialize(value).map_err(wrong)?;
                until.values.insert(name, matcher);
            } else {
                let message = format!("'{name}' is neither 'status' nor a JSON pointer");
                return Err(serde::de::Error::custom(message));
            }
        }
        Ok(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_must_hold() {
        let until = json!({ "status": 200, "/status": "completed", "/error": { "$absent": true } });
        let until: Until = serde_json::from_value(until).unwrap();
        let place = |status, body: Option<Value>| {
            let unmet = until.unmet(status, body.as_ref());
            unmet.map(|unmet| unmet.place)
        };
        assert_eq!(place(200, Some(json!({ "status": "completed" }))), None);
        for (status, body, wanted) in [
            (202, Some(json!({ "status": "completed" })), "status"),
            (200, Some(json!({ "status": "running" })), "/status"),
            (
                200,
                Some(json!({ "status": "completed", "error": 1 })),
                "/error",
            ),
            (200, None, "/error"),
        ] {
            assert_eq!(place(status, body).as_deref(), Some(wanted));
        }
        assert!(serde_json::from_value::<Until>(json!({ "state": 1 })).is_err());
    }
}

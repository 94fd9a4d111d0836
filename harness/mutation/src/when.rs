//! When a mutant acts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::message::Around;

/// Conditions; all must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The path of the hop's request contains this.
    pub path: Option<String>,
    /// The status of the answer.
    pub status: Option<Value>,
    /// The JSON has a value here.
    pub has: Option<String>,
    /// The JSON has these values.
    pub is: BTreeMap<String, Value>,
    /// What the client sent has these values; null: none.
    pub asked: BTreeMap<String, Value>,
    /// Only the n-th time that all else holds.
    pub nth: Option<usize>,
}

impl When {
    /// Whether a head is one at which the mutant acts.
    pub(crate) fn head(&self, path: &str, status: Option<u16>, around: &Around<'_>) -> bool {
        let asked = |pointer: &String| around.asked.and_then(|asked| asked.pointer(pointer));
        self.path.as_ref().is_none_or(|part| path.contains(part))
            && self
                .status
                .as_ref()
                .is_none_or(|wanted| status.is_some_and(|status| is_status(wanted, status)))
            && self
                .asked
                .iter()
                .all(|(pointer, wanted)| is_value(wanted, asked(pointer)))
    }

    /// Whether a body, or the data of an event, is one at which the mutant acts.
    pub(crate) fn body(&self, json: impl FnOnce() -> Option<Value>) -> bool {
        if self.has.is_none() && self.is.is_empty() {
            return true;
        }
        let Some(json) = json() else {
            return false;
        };
        self.has
            .as_ref()
            .is_none_or(|pointer| json.pointer(pointer).is_some())
            && self
                .is
                .iter()
                .all(|(pointer, wanted)| is_value(wanted, json.pointer(pointer)))
    }
}

fn is_value(wanted: &Value, found: Option<&Value>) -> bool {
    found.unwrap_or(&Value::Null) == wanted
}

fn is_status(wanted: &Value, status: u16) -> bool {
    match wanted {
        Value::String(class) => {
            class.as_bytes().first().copied()
                == Some(b'0' + u8::try_from(status / 100).unwrap_or(0))
        }
        wanted => wanted.as_u64() == Some(u64::from(status)),
    }
}

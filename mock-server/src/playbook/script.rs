//! The text form of a script, as `PUT /_mock/scripts/{token}` takes it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::scenario::ScenarioError;
use crate::wire::HoldPoint;

/// The longest script, in items.
pub(super) const LONGEST_SCRIPT: usize = 1_000;

/// The answers to the calls of one case, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptText {
    /// What to answer, call by call.
    pub answers: Vec<AnswerText>,
}

/// One item of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerText {
    /// A scenario text.
    #[serde(rename = "do")]
    pub directive: String,
    /// Where the answer holds until a release.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hold: Vec<HoldPoint>,
}

impl AnswerText {
    /// The same, but it stops at this point until a release; several are released one by one.
    #[must_use]
    pub fn hold(mut self, at: HoldPoint) -> Self {
        self.hold.push(at);
        self
    }
}

impl From<&str> for AnswerText {
    fn from(text: &str) -> Self {
        Self {
            directive: text.to_owned(),
            hold: Vec::new(),
        }
    }
}

impl From<String> for AnswerText {
    fn from(directive: String) -> Self {
        Self {
            directive,
            hold: Vec::new(),
        }
    }
}

/// A script item is a scenario text, or an object with `do` and `hold`.
impl<'de> Deserialize<'de> for AnswerText {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            #[serde(rename = "do")]
            directive: String,
            #[serde(default)]
            hold: Vec<HoldPoint>,
        }
        match Value::deserialize(reader)? {
            Value::String(directive) => Ok(directive.into()),
            object @ Value::Object(_) => {
                let full = Full::deserialize(object).map_err(D::Error::custom)?;
                Ok(Self {
                    directive: full.directive,
                    hold: full.hold,
                })
            }
            _ => Err(D::Error::custom(
                "an answer is a scenario text or {\"do\": …, \"hold\": […]}",
            )),
        }
    }
}

/// A script that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// One item cannot be parsed.
    #[error("at /answers/{index}: {source}")]
    Item {
        /// From 0.
        index: usize,
        /// What is wrong with it.
        source: ScenarioError,
    },
    /// More items than are kept.
    #[error("{0} answers are too many: at most {LONGEST_SCRIPT}")]
    TooLong(usize),
}

//! Single members of a body, each judged by itself.

use serde_json::Value;

use super::{Judge, and_list};
use crate::provider::openai::error::Refusal;

/// A member that is `null` counts as absent; lenient reading drops what does not fit.
impl<'a> Judge<'a, '_> {
    fn member(&self, name: &str) -> Option<&'a Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &'static str) -> Result<Option<&'a str>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => self.wrong_type(name, "a string", other),
        }
    }

    pub(super) fn one_of(
        &self,
        name: &'static str,
        values: &[String],
    ) -> Result<Option<String>, Refusal> {
        match self.text(name)? {
            Some(text) if values.iter().any(|value| value == text) => Ok(Some(text.to_owned())),
            Some(text) if self.strict => {
                let refused = [
                    ("param", name.to_owned()),
                    ("value", text.to_owned()),
                    ("values", enumerated(values)),
                ];
                Err(Refusal::new("invalid-value", refused))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn number(
        &self,
        name: &'static str,
        [least, most]: [i64; 2],
    ) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let Some(number) = whole(value) else {
            return self.wrong_type(name, "an integer", value);
        };
        let (row, limit) = match number {
            _ if number < least => ("integer-too-small", least),
            _ if number > most => ("integer-too-large", most),
            _ => return Ok(Some(number)),
        };
        if !self.strict {
            return Ok(Some(limit));
        }
        let values = [
            ("param", name.to_owned()),
            ("limit", limit.to_string()),
            ("got", value.to_string()),
        ];
        Err(Refusal::new(row, values))
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => self.wrong_type(name, "a boolean", other),
        }
    }

    fn wrong_type<R>(&self, name: &str, expected: &str, got: &Value) -> Result<Option<R>, Refusal> {
        if !self.strict {
            return Ok(None);
        }
        Err(Refusal::wrong_type(name, expected, got))
    }
}

/// A whole number; beyond the range of `i64` it is as large (or small) as can be, so that a limit refuses it.
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    number
        .as_i64()
        .or_else(|| number.as_u64().map(|_| i64::MAX))
}

/// `'low', 'medium', and 'high'`
fn enumerated(values: &[String]) -> String {
    and_list(values.iter().map(|value| format!("'{value}'")))
}

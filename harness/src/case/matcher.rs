//! Matchers: what a single value must be.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// What a single value must be. In a case it is written as a literal, or as an object with one `$operator`.
#[derive(Clone, Debug, PartialEq)]
pub enum Matcher {
    /// It is not there. JSON `null` counts as not there.
    Absent,
    /// A text that holds this text.
    Contains(String),
    /// This value.
    Equals(Value),
    /// An array or text of this length.
    Length(usize),
    /// One of these values.
    OneOf(Vec<Value>),
    /// A text that begins so.
    Prefix(String),
    /// It is there and not `null`.
    Present,
    /// A number from least to greatest.
    Range(f64, f64),
    /// A value of this JSON type.
    Type(String),
}

impl Matcher {
    /// Whether a value, or the lack of one, is what it must be.
    #[must_use]
    pub fn matches(&self, actual: Option<&Value>) -> bool {
        let stated = actual.filter(|value| !value.is_null());
        match self {
            Self::Absent => stated.is_none(),
            Self::Contains(part) => text(stated).is_some_and(|text| text.contains(part.as_str())),
            Self::Equals(value) => actual.is_some_and(|actual| same(value, actual)),
            Self::Length(length) => stated.and_then(len) == Some(*length),
            Self::OneOf(values) => values
                .iter()
                .any(|value| same(value, actual.unwrap_or(&Value::Null))),
            Self::Prefix(part) => text(stated).is_some_and(|text| text.starts_with(part.as_str())),
            Self::Present => stated.is_some(),
            Self::Range(least, most) => {
                let number = stated.and_then(Value::as_f64);
                number.is_some_and(|number| *least <= number && number <= *most)
            }
            Self::Type(name) => actual.is_some_and(|actual| {
                kind_of(actual) == name || (name == "number" && actual.is_number())
            }),
        }
    }

    fn from_value(value: Value) -> Result<Self, String> {
        let operator = match &value {
            Value::Object(members) if members.len() == 1 => members
                .iter()
                .next()
                .filter(|(name, _)| name.starts_with('$')),
            _ => None,
        };
        let Some((name, operand)) = operator else {
            return Ok(Self::Equals(value));
        };
        let wrong = || format!("{name} does not take {operand}");
        let text = || operand.as_str().map(str::to_owned).ok_or_else(wrong);
        match name.as_str() {
            "$absent" => Ok(Self::Absent),
            "$present" => Ok(Self::Present),
            "$contains" => text().map(Self::Contains),
            "$prefix" => text().map(Self::Prefix),
            "$type" => text().map(Self::Type),
            "$one_of" => operand
                .as_array()
                .cloned()
                .map(Self::OneOf)
                .ok_or_else(wrong),
            "$length" => {
                let length = operand.as_u64().and_then(|length| length.try_into().ok());
                length.map(Self::Length).ok_or_else(wrong)
            }
            "$range" => match operand.as_array().map(Vec::as_slice) {
                Some([least, most]) => {
                    let bounds = least.as_f64().zip(most.as_f64());
                    bounds
                        .map(|(least, most)| Self::Range(least, most))
                        .ok_or_else(wrong)
                }
                _ => Err(wrong()),
            },
            _ => Err(format!("unknown operator {name}")),
        }
    }

    /// The matcher as it is written in a case.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Absent => json!({ "$absent": true }),
            Self::Contains(text) => json!({ "$contains": text }),
            Self::Equals(value) => value.clone(),
            Self::Length(length) => json!({ "$length": length }),
            Self::OneOf(values) => json!({ "$one_of": values }),
            Self::Prefix(text) => json!({ "$prefix": text }),
            Self::Present => json!({ "$present": true }),
            Self::Range(least, most) => json!({ "$range": [least, most] }),
            Self::Type(name) => json!({ "$type": name }),
        }
    }
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(reader)?;
        Self::from_value(value).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Matcher {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(writer)
    }
}

/// Equal values; `1` and `1.0` are the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

fn len(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        _ => None,
    }
}

/// The JSON type of a value; whole numbers are `integer`.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(matcher: &Value, actual: Option<&Value>) -> bool {
        let matcher = Matcher::deserialize(matcher).unwrap();
        matcher.matches(actual)
    }

    #[test]
    fn every_operator_can_hold_and_can_fail() {
        let cases = [
            (json!({"$absent": true}), Some(Value::Null), Some(json!(1))),
            (json!({"$present": true}), Some(json!("")), None),
            (
                json!({"$contains": "b"}),
                Some(json!("abc")),
                Some(json!("xyz")),
            ),
            (
                json!({"$prefix": "ab"}),
                Some(json!("abc")),
                Some(json!("cab")),
            ),
            (json!({"$one_of": [1, null]}), None, Some(json!(2))),
            (json!({"$length": 2}), Some(json!([1, 2])), Some(json!([1]))),
            (json!({"$range": [1, 2]}), Some(json!(1.5)), Some(json!(3))),
            (
                json!({"$type": "integer"}),
                Some(json!(1)),
                Some(json!("1")),
            ),
            (json!(1), Some(json!(1.0)), Some(json!("1"))),
            (
                json!({"a": 1}),
                Some(json!({"a": 1})),
                Some(json!({"a": 1, "b": 2})),
            ),
        ];
        for (matcher, good, bad) in cases {
            assert!(holds(&matcher, good.as_ref()), "{matcher}");
            assert!(!holds(&matcher, bad.as_ref()), "{matcher}");
        }
    }

    #[test]
    fn unknown_operators_are_refused() {
        assert!(serde_json::from_value::<Matcher>(json!({"$near": 1})).is_err());
    }
}

//! A JSON object whose values stay as they were written.
//!
//! Numbers, escapes and nested objects pass through untouched and members keep their order, which no parsed value can
//! promise: `1.50` and `12345678901234567890123` are not the same after a round trip through a float.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::request::invalid;

/// The members of an object. Of a name that comes twice the last value counts, as in most parsers, so that what is
/// checked here is what the next reader sees.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(String, Cow<'a, RawValue>)>);

impl<'a> Members<'a> {
    /// The members of a request's body; one that is `null` counts as absent.
    pub(crate) fn of_request(body: &'a [u8]) -> Result<Self, ApiError> {
        let mut members: Members<'a> = serde_json::from_slice(body).map_err(|error| {
            invalid(if error.is_data() {
                "failed to parse request body: it must be a JSON object"
            } else {
                "failed to parse request body: it is not valid JSON"
            })
        })?;
        members.retain(|_, value| value != "null");
        Ok(members)
    }

    /// The JSON text of a member.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.get())
    }

    /// A member as it stands in the bytes that were parsed.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        match self.0.iter().find(|(key, _)| key == name)? {
            (_, Cow::Borrowed(value)) => Some(value),
            (_, Cow::Owned(_)) => None,
        }
    }

    /// A member that is a string.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        self.text(name)
            .and_then(|text| serde_json::from_str(text).ok())
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.0.retain(|(name, value)| keep(name, value.get()));
    }

    /// Puts `new` where `old` is, or at the end.
    pub(crate) fn replace(&mut self, old: &str, new: &str, value: Cow<'a, RawValue>) {
        match self.0.iter_mut().find(|(name, _)| name == old) {
            Some(member) => *member = (new.to_owned(), value),
            None => self.0.push((new.to_owned(), value)),
        }
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, Cow<'de, RawValue>)> = Vec::new();
                let mut places = HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    let value = Cow::Borrowed(value);
                    match places.get(&name) {
                        Some(&place) => {
                            let (_, old): &mut (_, Cow<'de, RawValue>) = &mut members[place];
                            *old = value;
                        }
                        None => {
                            places.insert(name.clone(), members.len());
                            members.push((name, value));
                        }
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_order_survive() {
        let text = r#"{"z":1.50,"a":12345678901234567890123,"m":{"x":[1e2, null]},"é":"\u00e9"}"#;
        let members: Members<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&members).unwrap(), text);
    }

    #[test]
    fn of_a_repeated_name_the_last_value_counts() {
        let members: Members<'_> = serde_json::from_str(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(serde_json::to_string(&members).unwrap(), r#"{"a":3,"b":2}"#);
    }
}

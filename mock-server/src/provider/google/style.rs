//! System query parameters: how an answer is written down, whatever it says.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::provider::google::json::{line, pretty};
use crate::provider::google::messages::Messages;
use crate::wire::Request;

/// How an answer is written down.
#[derive(Clone, Debug, Default)]
pub(super) struct Style {
    /// `$alt=json;enum-encoding=int`: enums are numbers.
    numbers: bool,
    /// `prettyPrint=false`: everything on one line.
    compact: bool,
    /// `$.xgafv=1`: errors have a list `errors`, as in the first version of the format.
    old_errors: bool,
    /// `fields=…`: only these members.
    fields: Mask,
}

impl Style {
    /// What the query says. `alt=media` and what is not known mean nothing here.
    pub(super) fn of(request: &Request) -> Self {
        let value = |name: &str| {
            let named = request.query_value(&format!("${name}"));
            named.or_else(|| request.query_value(name))
        };
        let alt = value("alt").unwrap_or_default();
        let off = |value: String| matches!(value.as_str(), "false" | "0");
        Self {
            numbers: alt.split(';').any(|part| part == "enum-encoding=int"),
            compact: value("prettyPrint").is_some_and(off),
            old_errors: request.query_value("$.xgafv").is_some_and(|v| v == "1"),
            fields: value("fields")
                .and_then(|text| Mask::parse(&text))
                .unwrap_or_default(),
        }
    }

    /// A success with the members and the enums that are wanted.
    pub(super) fn shaped(&self, body: Value, messages: &Messages) -> Value {
        let body = self.fields.applied(body);
        if self.numbers {
            messages.with_numbers(body)
        } else {
            body
        }
    }

    /// Whether the image of a candidate is among the members that are wanted.
    pub(super) fn keeps_images(&self) -> bool {
        let probe = json!({ "candidates": [{ "content": { "parts": [{ "inlineData": { "data": 1 } }] } }] });
        let shaped = self.fields.applied(probe);
        shaped
            .pointer("/candidates/0/content/parts/0/inlineData/data")
            .is_some()
    }

    /// JSON with indent, unless that is not wanted.
    pub(super) fn text(&self, value: &Value) -> String {
        if self.compact {
            line(value) + "\n"
        } else {
            pretty(value)
        }
    }

    /// The body of an error in the version that is wanted.
    pub(super) fn error(&self, mut body: Value) -> Value {
        let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) else {
            return body;
        };
        if self.old_errors {
            let item = json!({
                "message": error.get("message"),
                "domain": "global",
                "reason": old_reason(error.get("status").and_then(Value::as_str)),
            });
            // The order in which it was quoted: code, message, errors, status.
            let mut out = Map::new();
            for (name, value) in std::mem::take(error) {
                if name == "status" {
                    out.insert("errors".to_owned(), json!([item]));
                }
                out.insert(name, value);
            }
            *error = out;
        }
        body
    }
}

/// The reason of the old format. `rateLimitExceeded` was quoted (google-gemini/gemini-cli#14831), the others are
/// inferred from it.
fn old_reason(status: Option<&str>) -> &'static str {
    match status {
        Some("RESOURCE_EXHAUSTED") => "rateLimitExceeded",
        Some("UNAUTHENTICATED") => "authError",
        Some("PERMISSION_DENIED") => "forbidden",
        Some("NOT_FOUND") => "notFound",
        Some("INTERNAL" | "UNAVAILABLE" | "DEADLINE_EXCEEDED") => "backendError",
        _ => "badRequest",
    }
}

/// Which members of an answer are wanted: `a,b/c,d(e,f)`. Empty: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mask(BTreeMap<String, Mask>);

/// No mask is nested deeper.
const DEEPEST: usize = 16;

impl Mask {
    /// None where the text is no mask; everything is then sent.
    fn parse(mut text: &str) -> Option<Self> {
        let mask = Self::list(&mut text, 0)?;
        text.is_empty().then_some(mask)
    }

    fn list(rest: &mut &str, depth: usize) -> Option<Self> {
        let mut mask = Self::default();
        loop {
            let (name, inner) = Self::item(rest, depth)?;
            mask.0.insert(name, inner);
            match rest.strip_prefix(',') {
                Some(more) => *rest = more,
                None => return Some(mask),
            }
        }
    }

    fn item(rest: &mut &str, depth: usize) -> Option<(String, Self)> {
        let end = rest.find(['/', '(', ')', ',']).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        if name.is_empty() || depth > DEEPEST {
            return None;
        }
        *rest = behind;
        let mut inner = Self::default();
        if let Some(more) = behind.strip_prefix('/') {
            *rest = more;
            inner.0.extend([Self::item(rest, depth + 1)?]);
        } else if let Some(more) = behind.strip_prefix('(') {
            *rest = more;
            inner = Self::list(rest, depth + 1)?;
            *rest = rest.strip_prefix(')')?;
        }
        Some((name.to_owned(), inner))
    }

    fn applied(&self, value: Value) -> Value {
        match value {
            value if self.0.is_empty() => value,
            Value::Array(items) => items.into_iter().map(|item| self.applied(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .filter_map(|(name, value)| {
                    let mask = self.0.get(&name).or_else(|| self.0.get("*"))?;
                    Some((name, mask.applied(value)))
                })
                .collect(),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_what_they_name() {
        let body = json!({ "a": [{ "b": 1, "c": 2 }], "d": { "e": { "f": 3 }, "g": 4 }, "h": 5 });
        let kept = |mask: &str| Mask::parse(mask).map(|mask| mask.applied(body.clone()));
        assert_eq!(
            kept("a(b),d/e"),
            Some(json!({ "a": [{ "b": 1 }], "d": { "e": { "f": 3 } } }))
        );
        assert_eq!(
            kept("*/g,h"),
            Some(json!({ "a": [{}], "d": { "g": 4 }, "h": 5 }))
        );
        let deep = "a(".repeat(40);
        for none in ["", "a(", "a)", ",", "a//b", &deep] {
            assert_eq!(Mask::parse(none), None, "{none}");
        }
    }
}

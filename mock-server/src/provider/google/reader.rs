//! Reads JSON as Google's front does: by the message's description, both spellings of a name, one value where a
//! list may stand, enums by name or number. What does not fit is a list of problems.

use serde_json::{Map, Value, json};

use crate::provider::google::messages::{Gap, Messages};

/// A message with lower camel case names, lists where lists are, enums as names; and what did not fit.
pub(super) fn read(
    messages: &Messages,
    message: &str,
    body: &Map<String, Value>,
    edition: Edition<'_>,
) -> (Map<String, Value>, Vec<Problem>) {
    let mut reader = Reader {
        messages,
        edition,
        problems: Vec::new(),
    };
    let read = reader.message(message, body, "");
    (read, reader.problems)
}

/// Which version of the API reads.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edition<'a> {
    /// Its name, as errors have it.
    pub(super) version: &'a str,
    /// What it does not know.
    pub(super) gap: Option<&'a Gap>,
}

/// A member that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    field: String,
    pub(super) description: String,
}

impl Problem {
    /// As an item of `fieldViolations`.
    pub(super) fn violation(&self) -> Value {
        if self.field.is_empty() {
            return json!({ "description": self.description });
        }
        json!({ "field": self.field, "description": self.description })
    }
}

/// More problems than this are not listed.
const MOST_PROBLEMS: usize = 50;
/// As much of a wrong value as an error shows, in characters.
const SHOWN: usize = 200;

struct Reader<'m> {
    messages: &'m Messages,
    edition: Edition<'m>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn message(&mut self, name: &str, body: &Map<String, Value>, path: &str) -> Map<String, Value> {
        let messages = self.messages;
        let mut out = Map::new();
        let Some(fields) = messages.messages.get(name) else {
            return body.clone();
        };
        for (key, value) in body.iter().filter(|(_, value)| !value.is_null()) {
            let camel = camel(key);
            let kind = fields.get(&camel).filter(|_| !self.lacks(name, &camel));
            let Some(kind) = kind else {
                self.unknown(key, path, "Cannot find field.");
                continue;
            };
            if let Some(oneof) = self.taken(name, &camel, &out) {
                let why = format!(
                    "oneof field '{oneof}' is already set. Cannot set '{}'",
                    shown(key)
                );
                self.problem(path, format!("Invalid value at '{path}' (oneof), {why}"));
                continue;
            }
            let inner = match path {
                "" => snake(&camel),
                _ => format!("{path}.{}", snake(&camel)),
            };
            let read = match (kind.strip_prefix("[]"), value) {
                (Some(kind), Value::Array(items)) => self.list(kind, items, &inner),
                // The front takes one value for a list of one.
                (Some(kind), single) => self.single(kind, single, &inner).map(|one| json!([one])),
                (None, Value::Array(_)) if kind != "any" => {
                    self.unknown(
                        key,
                        path,
                        "Proto field is not repeating, cannot start list.",
                    );
                    None
                }
                (None, single) => self.single(kind, single, &inner),
            };
            out.extend(read.map(|read| (camel, read)));
        }
        out
    }

    /// Whether this version of the API does not know the member.
    fn lacks(&self, message: &str, member: &str) -> bool {
        let lacked = self.edition.gap.and_then(|gap| gap.lacks.get(message));
        lacked.is_some_and(|members| members.iter().any(|lacked| lacked == member))
    }

    /// The oneof of a member, where another member of it stands already.
    fn taken(&self, message: &str, member: &str, out: &Map<String, Value>) -> Option<&'_ str> {
        let oneofs = self.messages.oneofs.get(message)?;
        let (name, members) = oneofs
            .iter()
            .find(|(_, all)| all.iter().any(|m| m == member))?;
        let set = members
            .iter()
            .any(|other| other != member && out.contains_key(other));
        set.then_some(name.as_str())
    }

    fn list(&mut self, kind: &str, items: &[Value], path: &str) -> Option<Value> {
        let items = items.iter().enumerate();
        let read =
            items.filter_map(|(index, item)| self.single(kind, item, &format!("{path}[{index}]")));
        Some(read.collect())
    }

    fn single(&mut self, kind: &str, value: &Value, path: &str) -> Option<Value> {
        if let Some(name) = kind.strip_prefix("message ") {
            let Some(body) = value.as_object() else {
                return self.wrong(value, path, &self.typed(name));
            };
            return Some(Value::Object(self.message(name, body, path)));
        }
        if let Some(name) = kind.strip_prefix("enum ") {
            let read = self.enumerated(name, value);
            return read.or_else(|| self.wrong(value, path, &self.typed(name)));
        }
        let fits = match kind {
            "string" => value.is_string(),
            "bytes" => value.as_str().is_some_and(is_base64),
            "boolean" => value.is_boolean(),
            "integer" => {
                value.is_i64() || value.is_u64() || is_text_number(value) || is_whole(value)
            }
            "number" => value.is_number() || is_text_number(value),
            _ => true,
        };
        if fits {
            return Some(value.clone());
        }
        let name = match kind {
            "bytes" => "TYPE_BYTES",
            "boolean" => "TYPE_BOOL",
            "integer" => "TYPE_INT32",
            "number" => "TYPE_FLOAT",
            _ => "TYPE_STRING",
        };
        self.wrong(value, path, name)
    }

    fn enumerated(&self, name: &str, value: &Value) -> Option<Value> {
        let names = self.messages.enums.get(name)?;
        let found = match value {
            // Documentation writes `Image` where the message says IMAGE.
            Value::String(text) => names.iter().find(|known| known.eq_ignore_ascii_case(text)),
            number => names.get(usize::try_from(number.as_u64()?).ok()?),
        };
        found.map(|name| name.clone().into())
    }

    fn typed(&self, name: &str) -> String {
        let name = self.messages.names.get(name).map_or(name, String::as_str);
        let package = &self.messages.package;
        let versioned = package
            .rsplit_once('.')
            .filter(|_| !self.edition.version.is_empty());
        match versioned {
            Some((base, _)) => {
                format!("type.googleapis.com/{base}.{}.{name}", self.edition.version)
            }
            None => format!("type.googleapis.com/{package}.{name}"),
        }
    }

    fn unknown(&mut self, name: &str, path: &str, why: &str) {
        let place = match path {
            "" => String::new(),
            path => format!(" at '{path}'"),
        };
        let name = shown(name);
        self.problem(
            path,
            format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: {why}"),
        );
    }

    fn wrong(&mut self, value: &Value, path: &str, kind: &str) -> Option<Value> {
        let value = match (kind, value) {
            ("TYPE_BYTES", Value::String(text)) => {
                format!("Base64 decoding failed for \"{}\"", shown(text))
            }
            (_, value) => shown(&value.to_string()),
        };
        self.problem(path, format!("Invalid value at '{path}' ({kind}), {value}"));
        None
    }

    fn problem(&mut self, field: &str, description: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem {
                field: field.to_owned(),
                description,
            });
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// Standard or URL-safe alphabet.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_\r\n".contains(&byte);
    digits.bytes().all(letter) && digits.len() % 4 != 1
}

fn is_text_number(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.parse::<f64>().is_ok())
}

fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for (at, letter) in name.chars().enumerate() {
        if letter == '_' && at > 0 {
            upper = true;
            continue;
        }
        out.push(if upper {
            letter.to_ascii_uppercase()
        } else {
            letter
        });
        upper = false;
    }
    out
}

fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read_and_one_value_stands_for_a_list() {
        let messages = Messages::builtin("gemini").unwrap();
        let body = json!({
            "contents": { "parts": { "inline_data": { "mime_type": "image/png", "data": "AAAA" } } },
            "generation_config": { "responseModalities": [2, "Text"] },
        });
        let (read, problems) = read(
            &messages,
            "GenerateContentRequest",
            body.as_object().unwrap(),
            Edition::default(),
        );
        assert_eq!(problems, []);
        let part = &read["contents"][0]["parts"][0];
        assert_eq!(part["inlineData"]["mimeType"], "image/png");
        let modalities = &read["generationConfig"]["responseModalities"];
        assert_eq!(modalities, &json!(["IMAGE", "TEXT"]));
    }
}

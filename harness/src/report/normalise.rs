//! Takes out of what was observed whatever differs between two runs of one build: ids, times, ports, tokens,
//! hashes of bytes that hold an id. What was decided, how much of it, and which pixels, stays.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::run::CaseOutcome;
use crate::run::event::Header;

/// Headers whose values differ from answer to answer.
const VARYING_HEADERS: &[&str] = &[
    "age",
    "apim-request-id",
    "azureml-model-session",
    "cf-ray",
    "date",
    "etag",
    "expires",
    "last-modified",
    "openai-processing-ms",
    "request-id",
    "server-timing",
    "set-cookie",
    "traceparent",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-envoy-upstream-service-time",
    "x-ms-request-id",
    "x-request-id",
    "x-response-time",
];

/// And those that begin so: what remains depends on what ran at the same time.
const VARYING_PREFIX: &str = "x-ratelimit-re";

/// What stands instead of the value of such a header.
const VARIES: &str = "<varies>";

/// Pattern → what stands instead. The order matters: what is more special comes first.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rules = [
        (
            r"<base64 (\d+) bytes sha256 [0-9a-f]+…>",
            "<base64 $1 bytes>",
        ),
        (r"<image sha256 [0-9a-f]+…>", "<image>"),
        (r"\b[0-9a-f]{64}\b", "<sha256>"),
        (
            r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
            "<uuid>",
        ),
        (r#"\bboundary=[^;\s"]+"#, "boundary=<boundary>"),
        (
            r"/files/[A-Za-z0-9_.=-]+\.(png|jpeg|webp)",
            "/files/<id>.$1",
        ),
        (
            r"\b(req|resp|msg|ig|call|img|imgtask|batch|chatcmpl)([_-])[A-Za-z0-9]{8,}\b",
            "$1$2<id>",
        ),
        (
            r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?",
            "<date>",
        ),
        (
            r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
            "<date>",
        ),
        // Seconds since 1970, from 2017 to 2033.
        (r"\b(?:1[5-9]|20)\d{8}\b", "<time>"),
        (r"\bafter \d+\.\d ms\b", "after <time>"),
    ];
    let compiled = rules
        .into_iter()
        .filter_map(|(pattern, shown)| Some((Regex::new(pattern).ok()?, shown)));
    compiled.collect()
});

static LOOPBACK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(127\.\d+\.\d+\.\d+|localhost|\[::1\]|0\.0\.0\.0):(\d{1,5})\b").ok()
});

/// Makes values of different runs comparable.
#[derive(Clone, Debug, Default)]
pub struct Normaliser {
    tokens: Vec<String>,
    /// Where the run was told to find its target: these ports are no chance.
    stated: String,
}

impl Normaliser {
    /// For what was observed of a case. Addresses that the run was told in its command line stay as they are.
    #[must_use]
    pub fn new(header: &Header, outcome: Option<&CaseOutcome>) -> Self {
        let steps = outcome.into_iter().flat_map(|outcome| &outcome.steps);
        let mut tokens: Vec<String> = steps
            .flat_map(|step| &step.exchanges)
            .map(|exchange| exchange.token.clone())
            .collect();
        tokens.retain(|token| !token.is_empty());
        tokens.dedup();
        Self {
            tokens,
            stated: format!("{} {} ", header.target, header.rerun),
        }
    }

    /// A value with all its texts and times normalised.
    #[must_use]
    pub fn normalise(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.normalise(item)).collect(),
            Value::Object(members) => Value::Object(self.members(members)),
            other => other.clone(),
        }
    }

    /// A text, normalised.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for token in &self.tokens {
            text = text.replace(token.as_str(), "<token>");
        }
        for (rule, shown) in RULES.iter() {
            if let Cow::Owned(changed) = rule.replace_all(&text, *shown) {
                text = changed;
            }
        }
        self.ports(&text)
    }

    fn members(&self, members: &Map<String, Value>) -> Map<String, Value> {
        let normalised = members.iter().map(|(name, value)| {
            let value = match (name.as_str(), value) {
                (
                    "created" | "created_at" | "completed_at" | "expires_at",
                    Value::Number(number),
                ) => self.time(number),
                ("id" | "responseId", Value::String(text)) if is_random(text) => "<id>".into(),
                ("headers", Value::Array(lines)) => {
                    lines.iter().map(|line| self.header(line)).collect()
                }
                _ => self.normalise(value),
            };
            (self.text(name), value)
        });
        normalised.collect()
    }

    /// Only what can be the time of an answer: an insane value is the same in every run, and worth reading.
    fn time(&self, number: &serde_json::Number) -> Value {
        let text = number.to_string();
        let normal = self.text(&text);
        if normal == text {
            Value::Number(number.clone())
        } else {
            Value::String(normal)
        }
    }

    fn header(&self, line: &Value) -> Value {
        let name = line
            .as_str()
            .and_then(|line| line.split_once(": "))
            .map(|(name, _)| name);
        match name.filter(|name| VARYING_HEADERS.contains(name) || name.starts_with(VARYING_PREFIX))
        {
            Some(name) => Value::String(format!("{name}: {VARIES}")),
            None => self.normalise(line),
        }
    }

    fn ports(&self, text: &str) -> String {
        let Some(loopback) = LOOPBACK.as_ref() else {
            return text.to_owned();
        };
        let replaced = loopback.replace_all(text, |found: &regex::Captures<'_>| {
            let is_stated = self.stated.match_indices(&found[0]).any(|(at, address)| {
                !self.stated[at + address.len()..].starts_with(|next: char| next.is_ascii_digit())
            });
            if is_stated {
                found[0].to_owned()
            } else {
                format!("{}:<port>", &found[1])
            }
        });
        replaced.into_owned()
    }
}

/// Whether a text is an id that somebody made up, without a prefix that would say of what.
fn is_random(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.bytes().any(|byte| kind(&byte));
    let of_id = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (16..=64).contains(&text.len())
        && text.bytes().all(of_id)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn normaliser() -> Normaliser {
        Normaliser {
            tokens: vec!["abcdefgh23".into()],
            stated: "http://localhost:4000 ".into(),
        }
    }

    #[test]
    fn every_rule_compiles() {
        assert_eq!(RULES.len(), 11);
        assert!(LOOPBACK.is_some());
    }

    #[test]
    fn what_differs_between_runs_goes_and_the_rest_stays() {
        let value = json!({
            "headers": ["date: Wed, 25 Nov 2026 15:00:00 GMT", "x-request-id: req_00ff00ff00ff", "content-type: multipart/form-data; boundary=f-0b1c; charset=utf-8"],
            "body": {"created": 1_795_000_000, "created_at": "2026-11-25T15:00:00.5Z", "message": "request req_00ff00ff00ff, fox [[case:abcdefgh23]]"},
            "odd": {"created": -1, "n": 1_795_000, "id": "gpt-image-2-2026-04-21", "responseId": "vrK1gN5Kub_a7R4WXVc7U9w"},
            "url": "http://127.0.0.1:41234/files/AbC-1_x.png at http://localhost:4000/v1",
            "image": "<png 64x64 pixels ab12…> <base64 12 bytes sha256 ab12…> <image sha256 ab12…>",
            "timeline": ["held before event 1 after 12.3 ms, until it was released"],
        });
        let wanted = json!({
            "headers": ["date: <varies>", "x-request-id: <varies>", "content-type: multipart/form-data; boundary=<boundary>; charset=utf-8"],
            "body": {"created": "<time>", "created_at": "<date>", "message": "request req_<id>, fox [[case:<token>]]"},
            "odd": {"created": -1, "n": 1_795_000, "id": "gpt-image-2-2026-04-21", "responseId": "<id>"},
            "url": "http://127.0.0.1:<port>/files/<id>.png at http://localhost:4000/v1",
            "image": "<png 64x64 pixels ab12…> <base64 12 bytes> <image>",
            "timeline": ["held before event 1 after <time>, until it was released"],
        });
        let normal = normaliser().normalise(&value);
        assert_eq!(normal, wanted);
        assert_eq!(normaliser().normalise(&normal), wanted);
    }
}

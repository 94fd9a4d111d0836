//! Makes what was observed fit for showing: without secrets, pictures named by their size and pixels, everything
//! else shortened. Whatever a target answers, what comes out is small.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::exchange::images::{SeenImage, hex};
use crate::redact::Redactor;

/// Strings inside of JSON are cut after so many characters.
const LONGEST_STRING: usize = 400;
/// JSON bodies are cut after so many characters, texts after fewer.
const LONGEST_BODY: usize = 6_000;
const LONGEST_TEXT: usize = 2_000;
/// More bytes than this are not read as JSON: a hostile body of small values takes many times its size.
const MOST_PARSED: usize = 16 << 20;
/// Header values are cut after so many characters.
const LONGEST_HEADER: usize = 400;
/// Headers after so many are counted.
const MOST_HEADERS: usize = 60;
/// Items and members after so many are counted.
const MOST_ITEMS: usize = 50;
/// What is nested deeper is left out.
const DEEPEST: usize = 16;
/// Runs of base64 of at least so many bytes are replaced. Checks cut what they found after 200 characters: the
/// beginning of an image must not stay, it differs from run to run.
const SHORTEST_RUN: usize = 100;
/// Before it is cleaned, a text is cut after so many times what will be shown of it.
const MARGIN: usize = 8;
/// Hex digits that are shown of a hash.
const DIGITS: usize = 12;

/// Shows values of one exchange.
pub(super) struct Showing<'c> {
    redactor: &'c Redactor,
    /// SHA-256 of the bytes → what is shown of the picture.
    pictures: BTreeMap<&'c str, String>,
}

impl<'c> Showing<'c> {
    pub(super) fn new(redactor: &'c Redactor, images: &'c [SeenImage]) -> Self {
        let pictures = images
            .iter()
            .filter_map(|image| image.picture.as_ref().ok())
            .map(|picture| {
                let pixels = start(&picture.pixels_sha256);
                let shown = format!(
                    "<{} {}x{} pixels {pixels}>",
                    picture.format, picture.width, picture.height
                );
                (picture.sha256.as_str(), shown)
            });
        Self {
            redactor,
            pictures: pictures.collect(),
        }
    }

    /// A text of at most so many characters.
    pub(super) fn text(&self, text: &str, longest: usize) -> String {
        let mut shown = String::new();
        let mut end = text.len().min(MOST_PARSED);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        for (is_base64, part) in runs(&text[..end]) {
            // What is not counted here is not shown either: no more of a huge text is looked at.
            if shown.len() > longest * MARGIN {
                break;
            }
            match is_base64 {
                true => shown.push_str(&self.base64(part)),
                false => shown.push_str(&self.redactor.text(&head(part, longest * MARGIN))),
            }
        }
        for (sha256, picture) in &self.pictures {
            if shown.contains(sha256) {
                shown = shown.replace(sha256, picture);
            }
        }
        cut(shown, longest, text.len())
    }

    /// A body: JSON with short strings, or a text; none if it is empty.
    pub(super) fn body(&self, bytes: &[u8]) -> Option<Value> {
        if bytes.is_empty() {
            return None;
        }
        let parsed = if bytes.len() > MOST_PARSED {
            None
        } else {
            serde_json::from_slice::<Value>(bytes).ok()
        };
        Some(match parsed {
            Some(body @ (Value::Object(_) | Value::Array(_))) => self.value(&body),
            _ => Value::String(self.text(&String::from_utf8_lossy(bytes), LONGEST_TEXT)),
        })
    }

    /// JSON with short strings; as text if it is long all the same.
    pub(super) fn value(&self, value: &Value) -> Value {
        let short = self.shorten(value, 0);
        let text = short.to_string();
        if text.len() > LONGEST_BODY {
            let length = text.len();
            return Value::String(cut(text, LONGEST_BODY, length));
        }
        short
    }

    /// `name: value` for each header.
    pub(super) fn headers(&self, headers: &[(String, String)], dull: &[&str]) -> Vec<String> {
        let told = headers
            .iter()
            .filter(|(name, _)| !dull.contains(&name.as_str()));
        let mut lines: Vec<String> = told
            .map(|(name, value)| {
                format!(
                    "{}: {}",
                    self.text(name, LONGEST_HEADER),
                    self.text(value, LONGEST_HEADER)
                )
            })
            .take(MOST_HEADERS + 1)
            .collect();
        if lines.len() > MOST_HEADERS {
            lines.truncate(MOST_HEADERS);
            lines.push("…: more headers".to_owned());
        }
        lines
    }

    /// An image of which only the hash of its bytes is known.
    pub(super) fn image(&self, sha256: &str) -> String {
        let known = self.pictures.get(sha256).cloned();
        known.unwrap_or_else(|| format!("<image sha256 {}>", start(sha256)))
    }

    fn shorten(&self, value: &Value, depth: usize) -> Value {
        match value {
            Value::Array(_) | Value::Object(_) if depth >= DEEPEST => {
                Value::from("… (nested deeper)")
            }
            Value::String(text) => Value::String(self.text(text, LONGEST_STRING)),
            Value::Array(items) => {
                let shown = items
                    .iter()
                    .take(MOST_ITEMS)
                    .map(|item| self.shorten(item, depth + 1));
                let more = more(items.len()).map(Value::String);
                shown.chain(more).collect()
            }
            Value::Object(members) => {
                let shown = members.iter().take(MOST_ITEMS);
                let shown = shown.map(|(name, value)| {
                    (
                        self.text(name, LONGEST_STRING),
                        self.shorten(value, depth + 1),
                    )
                });
                let more = more(members.len()).map(|more| (more, Value::Null));
                Value::Object(shown.chain(more).collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    fn base64(&self, text: &str) -> String {
        let plain = text.trim_end_matches('=');
        let decoded = BASE64_STANDARD
            .decode(text)
            .or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(plain));
        let bytes = decoded.map_or(Cow::Borrowed(text.as_bytes()), Cow::Owned);
        let sha256 = hex(&Sha256::digest(&bytes));
        match self.pictures.get(sha256.as_str()) {
            Some(picture) => picture.clone(),
            None => format!("<base64 {} bytes sha256 {}>", text.len(), start(&sha256)),
        }
    }
}

fn more(count: usize) -> Option<String> {
    (count > MOST_ITEMS).then(|| format!("… ({} more)", count - MOST_ITEMS))
}

fn start(hash: &str) -> String {
    let shown: String = hash.chars().take(DIGITS).collect();
    format!("{shown}…")
}

/// At most so many characters of a text.
fn head(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        Some((at, _)) => Cow::Borrowed(&text[..at]),
        None => Cow::Borrowed(text),
    }
}

fn cut(mut text: String, longest: usize, length: usize) -> String {
    if let Some((at, _)) = text.char_indices().nth(longest) {
        text.truncate(at);
        text.push_str(&format!("… ({length} bytes)"));
    }
    text
}

/// The parts of a text that are long runs of base64, and those that are not.
fn runs(text: &str) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let (mut told, mut start) = (0, 0);
    let bytes = text.as_bytes();
    for at in 0..=bytes.len() {
        if bytes.get(at).is_some_and(|byte| is_base64(*byte)) {
            continue;
        }
        let padding = bytes[at..]
            .iter()
            .take(2)
            .take_while(|byte| **byte == b'=')
            .count();
        let end = at + padding;
        if at - start >= SHORTEST_RUN && is_mixed(&bytes[start..at]) {
            parts.extend((start > told).then(|| (false, &text[told..start])));
            parts.push((true, &text[start..end]));
            told = end;
        }
        start = at + 1;
    }
    parts.extend((told < text.len()).then(|| (false, &text[told..])));
    parts
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// Long words and repeated letters are no base64.
fn is_mixed(run: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| run.iter().any(kind);
    has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn noise(length: usize) -> String {
        let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + at / 251) as u8).collect();
        BASE64_STANDARD.encode(bytes)
    }

    #[test]
    fn base64_is_named_and_texts_are_cut() {
        let redactor = Redactor::default();
        let showing = Showing::new(&redactor, &[]);
        let image = noise(1 << 20);
        let shown = showing.value(
            &json!({"data": [{"b64_json": image}], "t": "é".repeat(500), "w": "a".repeat(300)}),
        );
        let text = shown["data"][0]["b64_json"].as_str().unwrap();
        assert!(text.starts_with("<base64 1398104 bytes sha256 "), "{text}");
        assert_eq!(
            shown["t"].as_str().unwrap(),
            format!("{}… (1000 bytes)", "é".repeat(400))
        );
        assert_eq!(shown["w"], "a".repeat(300));
        // A body that breaks off inside of an image is no JSON.
        let broken = format!("{{\"b64_json\":\"{image}");
        let shown = showing.body(broken.as_bytes()).unwrap();
        assert!(
            shown
                .as_str()
                .unwrap()
                .starts_with("{\"b64_json\":\"<base64 1398104 bytes"),
            "{shown}"
        );
        let url = showing.text(&format!("data:image/png;base64,{}", noise(301)), 400);
        assert!(
            url.starts_with("data:image/png;base64,<base64 404 bytes"),
            "{url}"
        );
    }

    #[test]
    fn what_is_shown_of_hostile_content_is_small() {
        let redactor = Redactor::default();
        let showing = Showing::new(&redactor, &[]);
        let deep = "[".repeat(100) + &"]".repeat(100);
        let wide = json!(vec![json!({"k": "v".repeat(1000)}); 5_000]).to_string();
        let long = vec![0xff; 5 << 20];
        for body in [deep.as_bytes(), wide.as_bytes(), &long, b"\x00\x1b[2J"] {
            let shown = showing.body(body).unwrap().to_string();
            assert!(shown.len() < 4 * LONGEST_BODY, "{}", shown.len());
        }
        let headers = vec![("x".to_owned(), "y".repeat(10_000)); 500];
        assert_eq!(showing.headers(&headers, &[]).len(), MOST_HEADERS + 1);
    }

    #[test]
    fn a_secret_is_gone_before_the_text_is_cut() {
        let secret = crate::target::Secret {
            value: "sk-0123456789abcdef".into(),
            shown: "$KEY".into(),
        };
        let redactor = Redactor::new([&secret]);
        let showing = Showing::new(&redactor, &[]);
        assert_eq!(
            showing.text("key sk-0123456789abcdef.", 8),
            "key $KEY… (24 bytes)"
        );
    }
}

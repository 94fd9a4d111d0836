//! Makes what arrived fit for keeping: secrets masked, long texts replaced by length and hash.

use serde_json::{Map, Value, json};

use crate::journal::entry::weigh;
use crate::provider::{credential_label, hex_sha256};

/// Strings of more bytes than this are kept as `{len, sha256}`.
const LONGEST_TEXT: usize = 1024;
/// JSON that weighs more than this, long strings replaced, is kept as `{len, sha256}`.
const LARGEST_VALUE: usize = 256 << 10;
/// Headers whose values are credentials, whole or after a scheme.
const SECRET_HEADERS: &[&str] = &[
    "api-key",
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "x-goog-api-key",
];
/// Query parameters whose values are credentials.
const SECRET_PARAMETERS: &[&str] = &["access_token", "api_key", "key"];

/// Header values with credentials replaced by their label.
#[must_use]
pub fn mask_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    let masked = headers.iter().map(|(name, value)| {
        if !SECRET_HEADERS.contains(&name.as_str()) {
            return (name.clone(), value.clone());
        }
        let (scheme, secret) = match value.split_once(' ') {
            Some((scheme, secret)) if name.ends_with("authorization") => {
                (format!("{scheme} "), secret)
            }
            _ => (String::new(), value.as_str()),
        };
        (name.clone(), format!("{scheme}{}", label(secret)))
    });
    masked.collect()
}

/// A query with credentials replaced by their label.
#[must_use]
pub fn mask_query(query: &str) -> String {
    let masked = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) => {
            format!("{name}={}", label(value))
        }
        _ => pair.to_owned(),
    });
    masked.collect::<Vec<_>>().join("&")
}

/// JSON with long strings as `{len, sha256}`; what is large all the same is replaced as a whole.
#[must_use]
pub fn shorten(value: Value) -> Value {
    let short = shorten_strings(value);
    if weigh(&short) > LARGEST_VALUE {
        return length_and_hash(short.to_string().as_bytes());
    }
    short
}

fn shorten_strings(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST_TEXT => length_and_hash(text.as_bytes()),
        Value::Array(items) => items.into_iter().map(shorten_strings).collect(),
        Value::Object(members) => {
            let members = members
                .into_iter()
                .map(|(name, value)| (name, shorten_strings(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// What stands for something that is not kept.
#[must_use]
pub fn length_and_hash(bytes: &[u8]) -> Value {
    json!({ "len": bytes.len(), "sha256": hex_sha256(bytes) })
}

/// As much of a text as is kept where nobody needs all of it.
#[must_use]
pub fn cut(mut text: String) -> String {
    let end = (0..=LONGEST_TEXT.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or_default());
    text
}

fn label(secret: &str) -> String {
    format!("<{}>", credential_label(secret.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_by_comparable_labels() {
        let headers = [
            ("authorization".to_owned(), "Bearer sk-secret".to_owned()),
            ("x-api-key".to_owned(), "sk-secret".to_owned()),
            ("accept".to_owned(), "*/*".to_owned()),
        ];
        let masked = mask_headers(&headers);
        let label = credential_label("sk-secret");
        assert_eq!(masked[0].1, format!("Bearer <{label}>"));
        assert_eq!(masked[1].1, format!("<{label}>"));
        assert_eq!(masked[2].1, "*/*");
        assert_eq!(
            mask_query("alt=sse&key=sk-secret"),
            format!("alt=sse&key=<{label}>")
        );
    }

    #[test]
    fn long_strings_keep_length_and_hash() {
        let short = shorten(json!({"a": ["x".repeat(2000), "y"]}));
        assert_eq!(short["a"][0]["len"], 2000);
        assert_eq!(short["a"][1], "y");
    }
    #[test]
    fn many_small_values_are_not_kept_either() {
        let large = shorten(json!({"a": vec![0; 100_000]}));
        assert!(large["sha256"].is_string(), "{large}");
        assert_eq!(large["len"], 200_007);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("é".repeat(600)).len(), 1024);
        assert_eq!(cut("é".repeat(511) + "a" + "é").len(), 1023);
        assert_eq!(cut(String::new()), "");
    }
}

//! Makes what arrived fit for keeping: secrets masked, long texts replaced by length and hash.

use serde_json::{Map, Value, json};

use crate::provider::{credential_label, hex_sha256};

/// Strings of more bytes than this are kept as `{len, sha256}`.
const LONGEST_TEXT: usize = 1024;
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

/// JSON with long strings as `{len, sha256}`.
#[must_use]
pub fn shorten(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST_TEXT => {
            json!({ "len": text.len(), "sha256": hex_sha256(text.as_bytes()) })
        }
        Value::Array(items) => items.into_iter().map(shorten).collect(),
        Value::Object(members) => {
            let members = members
                .into_iter()
                .map(|(name, value)| (name, shorten(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other,
    }
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
}

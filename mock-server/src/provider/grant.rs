//! What the token servers beside the APIs share: the fields of a token request, what the journal may show of them,
//! and signatures by which this server knows its own tokens again without keeping any.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::provider::{credential_label, hex_sha256};
use crate::wire::{Request, form_pairs};

/// Members of a token request that are no credentials.
const PLAIN: &[&str] = &[
    "audience",
    "client_assertion_type",
    "client_id",
    "grant_type",
    "scope",
];
/// Members of a token request that are.
const SECRETS: &[&str] = &[
    "assertion",
    "client_assertion",
    "client_secret",
    "refresh_token",
];

/// The fields of a form or of a JSON object.
pub(super) fn fields(request: &Request) -> Map<String, Value> {
    serde_json::from_slice(&request.body).unwrap_or_else(|_| form(request))
}

/// The fields of a form.
pub(super) fn form(request: &Request) -> Map<String, Value> {
    let text = String::from_utf8_lossy(&request.body);
    let pairs = form_pairs(&text).into_iter();
    pairs.map(|(name, value)| (name, value.into())).collect()
}

/// The body of a token request as the journal shows it: known members only, credentials as labels.
pub(super) fn shown(request: &Request) -> Value {
    let fields = fields(request).into_iter();
    let shown = fields.filter_map(|(name, value)| {
        let text = value.as_str()?;
        if SECRETS.contains(&name.as_str()) {
            return Some((name, format!("<{}>", credential_label(text)).into()));
        }
        PLAIN.contains(&name.as_str()).then_some((name, value))
    });
    Value::Object(shown.collect())
}

/// 32 hex digits that a server with this seed gives to a text.
pub(super) fn signature(seed: u64, text: &str) -> String {
    let mut digits = hex_sha256(format!("{seed}:{text}").as_bytes());
    digits.truncate(32);
    digits
}

/// The claims of a JWT with three parts; its signature is not looked at.
pub(super) fn claims(jwt: &str) -> Option<Map<String, Value>> {
    let parts: Vec<_> = jwt.split('.').collect();
    let [header, claims, _signature] = parts[..] else {
        return None;
    };
    object(header)?;
    object(claims)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('='));
    serde_json::from_slice(&bytes.ok()?).ok()
}

//! The metadata server of a virtual machine, as far as Google's libraries ask it: which paths they ask for stands in
//! google-auth 2.63.0 (Python, `compute_engine/_metadata.py`) and gcp-metadata (Node); the values are ours.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::provider::google::Desk;
use crate::provider::google::oauth::{self, SCOPE};
use crate::wire::{Answer, Request};

const PROJECT: &str = "mock-project";
const NUMBER: u64 = 12_345_678;
const EMAIL: &str = "image-mock@mock-project.iam.gserviceaccount.com";
/// The seconds that an identity token is said to last.
const LASTS: i64 = 3600;

/// The answer of the metadata server. Both sides must name it in a header, or they take one another for a stranger.
pub(super) fn answer(request: &Request, desk: &Desk<'_>) -> Answer {
    let asked = request.header("metadata-flavor");
    if asked.is_none_or(|flavor| !flavor.eq_ignore_ascii_case("google")) {
        let text = "Missing Metadata-Flavor:Google header.\n".to_owned();
        return plain(403, HTML, text, "forbidden");
    }
    let path = request.path.trim_end_matches('/');
    let rest = path.strip_prefix("/computeMetadata").unwrap_or_default();
    let rest = rest.strip_prefix("/v1").unwrap_or(rest).replace("%40", "@");
    let names: Vec<_> = rest.split('/').filter(|name| !name.is_empty()).collect();
    if request.method != "GET" {
        return plain(405, HTML, String::new(), "unknown-path");
    }
    match names[..] {
        ["instance", "service-accounts", "default" | EMAIL, "token"] => {
            let token = oauth::grant(EMAIL, desk);
            plain(200, JSON, token.to_string(), "ok")
        }
        [
            "instance",
            "service-accounts",
            "default" | EMAIL,
            "identity",
        ] => identity(request, desk),
        _ => item(&names, request),
    }
}

const HTML: &str = "text/html; charset=UTF-8";
const JSON: &str = "application/json";
const TEXT: &str = "application/text";

/// Everything that does not change; the names are those of paths.
fn tree() -> Value {
    let account = json!({ "aliases": ["default"], "email": EMAIL, "scopes": [SCOPE] });
    json!({
        "instance": {
            "attributes": {},
            "hostname": "mock.us-central1-a.c.mock-project.internal",
            "id": 4_567_890_123_u64,
            "machine-type": format!("projects/{NUMBER}/machineTypes/e2-small"),
            "name": "mock",
            "region": format!("projects/{NUMBER}/regions/us-central1"),
            "service-accounts": { "default": account, EMAIL: account },
            "zone": format!("projects/{NUMBER}/zones/us-central1-a"),
        },
        "project": { "attributes": {}, "numeric-project-id": NUMBER, "project-id": PROJECT },
        // Go and the others spell it differently.
        "universe": { "universe-domain": "googleapis.com", "universe_domain": "googleapis.com" },
    })
}

fn item(names: &[&str], request: &Request) -> Answer {
    let tree = tree();
    let found = names.iter().try_fold(&tree, |node, name| node.get(name));
    let Some(node) = found else {
        return plain(404, HTML, String::new(), "unknown-path");
    };
    let recursive = request
        .query_value("recursive")
        .is_some_and(|value| value != "false");
    let alt = request.query_value("alt").unwrap_or_default();
    if alt == "json" || recursive && node.is_object() && alt != "text" {
        return plain(200, JSON, written(node).to_string(), "ok");
    }
    let text = match node {
        Value::Object(members) => {
            let sign = |node: &Value| if node.is_object() { "/" } else { "" };
            members
                .iter()
                .map(|(name, node)| format!("{name}{}\n", sign(node)))
                .collect()
        }
        Value::Array(lines) => lines
            .iter()
            .filter_map(Value::as_str)
            .map(|line| format!("{line}\n"))
            .collect(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    plain(200, TEXT, text, "ok")
}

/// JSON has the names of a path in camel case.
fn written(node: &Value) -> Value {
    let Value::Object(members) = node else {
        return node.clone();
    };
    let members = members
        .iter()
        .map(|(name, node)| (camel(name), written(node)));
    members.collect::<Map<_, _>>().into()
}

/// The names of accounts stay.
fn camel(name: &str) -> String {
    if name.contains('@') {
        return name.to_owned();
    }
    let mut words = name.split('-');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        out.push_str(&first.to_ascii_uppercase());
        out.push_str(rest);
    }
    out
}

/// A token that says who the account is; its signature means nothing.
fn identity(request: &Request, desk: &Desk<'_>) -> Answer {
    let audience = request.query_value("audience").unwrap_or_default();
    if audience.is_empty() {
        let text = "non-empty audience parameter required\n".to_owned();
        return plain(400, HTML, text, "audience-missing");
    }
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({ "alg": "RS256", "kid": "mock", "typ": "JWT" }));
    let claims = part(json!({
        "aud": audience, "azp": NUMBER.to_string(), "email": EMAIL, "email_verified": true,
        "exp": desk.now + LASTS, "iat": desk.now, "iss": "https://accounts.google.com", "sub": NUMBER.to_string(),
    }));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{header}.{claims}")));
    plain(200, TEXT, format!("{header}.{claims}.{signature}"), "ok")
}

fn plain(status: u16, content_type: &str, body: String, condition: &str) -> Answer {
    let headers = [
        ("content-type", content_type),
        // Clients refuse an answer without it.
        ("metadata-flavor", "Google"),
        ("server", "Metadata Server for VM"),
    ];
    oauth::answer(status, &headers, body, condition)
}

//! `POST /token`, which stands beside the API and hands out tokens. Assertions are parsed, never verified.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::provider::google::Desk;
use crate::provider::google::json::pretty;
use crate::provider::{credential_label, hex_sha256};
use crate::wire::{Answer, Request, form_pairs};

/// What every access token of this server begins with.
const TOKEN: &str = "ya29.mock.";
/// The seconds that an access token is said to last.
const LASTS: u64 = 3599;
/// What a token is good for.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Members of a token request that are no credentials.
const PLAIN: &[&str] = &["audience", "client_id", "grant_type", "scope"];
/// Members of a token request that are.
const SECRETS: &[&str] = &["assertion", "client_secret", "refresh_token"];

/// Whether this server gave the token out.
pub(super) fn issued(credential: &str) -> bool {
    credential.starts_with(TOKEN)
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

/// The fields of a form or of a JSON object.
fn fields(request: &Request) -> Map<String, Value> {
    serde_json::from_slice(&request.body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&request.body);
        let pairs = form_pairs(&text).into_iter();
        pairs.map(|(name, value)| (name, value.into())).collect()
    })
}

/// The answer of `POST /token`.
pub(super) fn token(request: &Request, desk: &Desk<'_>) -> Answer {
    let fields = fields(request);
    let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let granted = match field("grant_type") {
        JWT_BEARER => assertion(field("assertion"), desk.now),
        "refresh_token" => refresh(field("refresh_token")),
        other => Err(Denied {
            error: "unsupported_grant_type",
            description: format!("Invalid grant_type: {other}"),
        }),
    };
    let (status, condition, body) = match granted {
        Ok(holder) => {
            let mut granted = grant(&holder, desk);
            // A user's token says what it is good for (recorded).
            if field("grant_type") == "refresh_token" {
                granted["scope"] = SCOPE.into();
            }
            (200, "ok", granted)
        }
        Err(denied) => (
            400,
            denied.error,
            json!({ "error": denied.error, "error_description": denied.description }),
        ),
    };
    let headers = [
        ("content-type", "application/json; charset=utf-8"),
        (
            "cache-control",
            "no-cache, no-store, max-age=0, must-revalidate",
        ),
        ("expires", "Mon, 01 Jan 1990 00:00:00 GMT"),
        ("pragma", "no-cache"),
        ("server", "scaffolding on HTTPServer2"),
        ("vary", "Origin, X-Origin, Referer"),
    ];
    answer(status, &headers, pretty(&body), condition)
}

/// Why there is no token.
struct Denied {
    error: &'static str,
    description: String,
}

fn invalid(description: &str) -> Denied {
    Denied {
        error: "invalid_grant",
        description: description.to_owned(),
    }
}

/// Who asks, by the claims of a JWT. Neither its signature nor its audience is looked at: Python's library names
/// Google's own address there, whatever the key file says.
fn assertion(text: &str, now: i64) -> Result<String, Denied> {
    let no_jwt =
        || invalid("Invalid JWT: it has no three parts with a JSON object in each of two.");
    let parts: Vec<_> = text.split('.').collect();
    let [header, claims, _signature] = parts[..] else {
        return Err(no_jwt());
    };
    object(header).ok_or_else(no_jwt)?;
    let claims = object(claims).ok_or_else(no_jwt)?;
    let issuer = claims.get("iss").and_then(Value::as_str);
    let issuer = issuer.filter(|issuer| !issuer.is_empty());
    let issuer = issuer.ok_or_else(|| invalid("Invalid JWT: the claim iss is missing."))?;
    let expires = claims.get("exp").and_then(Value::as_f64);
    // Milliseconds since 1970 would need more digits than a float has.
    #[expect(clippy::cast_precision_loss, reason = "seconds are small numbers")]
    let late = expires.is_none_or(|expires| expires < now as f64);
    if late {
        return Err(invalid(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check \
             your iat and exp values in the JWT claim.",
        ));
    }
    if issuer.contains("invalid") {
        return Err(invalid("Invalid grant: account not found"));
    }
    Ok(issuer.to_owned())
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('='));
    serde_json::from_slice(&bytes.ok()?).ok()
}

fn refresh(token: &str) -> Result<String, Denied> {
    match token {
        "" => Err(Denied {
            error: "invalid_request",
            description: "Missing required parameter: refresh_token".to_owned(),
        }),
        _ if token.contains("invalid") => Err(invalid("Token has been expired or revoked.")),
        _ => Ok(token.to_owned()),
    }
}

/// A token for this holder; the same holder gets the same one, so that credentials can be compared.
pub(super) fn grant(holder: &str, desk: &Desk<'_>) -> Value {
    let seed = desk.world.settings.seed;
    let mut digits = hex_sha256(format!("{seed}:{holder}").as_bytes());
    digits.truncate(32);
    json!({
        "access_token": format!("{TOKEN}{digits}"),
        "expires_in": LASTS,
        "token_type": "Bearer",
    })
}

/// A whole answer that comes from no API.
pub(super) fn answer(
    status: u16,
    headers: &[(&str, &str)],
    body: String,
    condition: &str,
) -> Answer {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut answer = Answer::whole(status, headers.collect(), vec![Bytes::from(body)]);
    condition.clone_into(&mut answer.summary.condition);
    answer
}

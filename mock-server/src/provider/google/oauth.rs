//! `POST /token`, which stands beside the API and hands out tokens. Assertions are parsed, never verified.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::provider::google::Desk;
use crate::provider::google::json::pretty;
use crate::provider::grant;
use crate::wire::{Answer, Request};

/// What every access token of this server begins with.
const TOKEN: &str = "ya29.mock.";
/// The seconds that an access token is said to last.
const LASTS: u64 = 3599;
/// What a token is good for.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Whether this server gave the token out.
pub(super) fn issued(credential: &str) -> bool {
    credential.starts_with(TOKEN)
}

/// The answer of `POST /token`.
pub(super) fn token(request: &Request, desk: &Desk<'_>) -> Answer {
    let fields = grant::fields(request);
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
    let claims = grant::claims(text).ok_or_else(no_jwt)?;
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
    let digits = grant::signature(desk.world.settings.seed, holder);
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

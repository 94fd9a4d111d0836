//! What stands beside the API and hands out tokens: `POST /token` and the metadata server of a virtual machine.
//! Assertions are parsed, never verified.

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
/// The project and the account of the metadata server.
const PROJECT: &str = "mock-project";
const EMAIL: &str = "image-mock@mock-project.iam.gserviceaccount.com";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
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
        Ok(holder) => (200, "ok", grant(&holder, desk)),
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
fn grant(holder: &str, desk: &Desk<'_>) -> Value {
    let digits = grant::signature(desk.world.settings.seed, holder);
    json!({
        "access_token": format!("{TOKEN}{digits}"),
        "expires_in": LASTS,
        "token_type": "Bearer",
    })
}

/// The answer of the metadata server.
pub(super) fn metadata(request: &Request, desk: &Desk<'_>) -> Answer {
    let asked = request.header("metadata-flavor");
    if asked.is_none_or(|flavor| !flavor.eq_ignore_ascii_case("google")) {
        let text = "Missing Metadata-Flavor:Google header.\n".to_owned();
        return plain(403, "text/html; charset=UTF-8", text, "forbidden");
    }
    let path = request.path.trim_end_matches('/');
    let rest = path.strip_prefix("/computeMetadata").unwrap_or_default();
    let rest = rest.strip_prefix("/v1").unwrap_or(rest);
    let recursive = request.query_value("recursive").is_some();
    let told = (request.method == "GET").then(|| item(rest, recursive, desk));
    match told.flatten() {
        Some(Told::Json(body)) => plain(200, "application/json", body.to_string(), "ok"),
        Some(Told::Text(text)) => plain(200, "application/text", text.to_owned(), "ok"),
        None => plain(
            404,
            "text/html; charset=UTF-8",
            String::new(),
            "unknown-path",
        ),
    }
}

/// What an item of the metadata is.
enum Told {
    Json(Value),
    Text(&'static str),
}

fn item(path: &str, recursive: bool, desk: &Desk<'_>) -> Option<Told> {
    let account = path.strip_prefix("/instance/service-accounts/");
    if let Some(account) = account {
        let (name, member) = account.split_once('/').unwrap_or((account, ""));
        if !matches!(name, "default" | EMAIL) {
            return None;
        }
        return match member {
            "" if recursive => Some(Told::Json(
                json!({ "aliases": ["default"], "email": EMAIL, "scopes": [SCOPE] }),
            )),
            "" => Some(Told::Text("aliases\nemail\nidentity\nscopes\ntoken\n")),
            "email" => Some(Told::Text(EMAIL)),
            "scopes" => Some(Told::Text(SCOPE)),
            "token" => Some(Told::Json(grant(EMAIL, desk))),
            _ => None,
        };
    }
    match path {
        "" => Some(Told::Text("instance/\nproject/\n")),
        "/instance" => Some(Told::Text("service-accounts/\n")),
        "/instance/service-accounts" => Some(Told::Text("default/\n")),
        "/project/project-id" => Some(Told::Text(PROJECT)),
        "/project/numeric-project-id" => Some(Told::Text("12345678")),
        "/universe/universe-domain" | "/universe/universe_domain" => {
            Some(Told::Text("googleapis.com"))
        }
        _ => None,
    }
}

fn plain(status: u16, content_type: &str, body: String, condition: &str) -> Answer {
    let headers = [
        ("content-type", content_type),
        // Clients refuse an answer without it.
        ("metadata-flavor", "Google"),
        ("server", "Metadata Server for VM"),
    ];
    answer(status, &headers, body, condition)
}

fn answer(status: u16, headers: &[(&str, &str)], body: String, condition: &str) -> Answer {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut answer = Answer::whole(status, headers.collect(), vec![Bytes::from(body)]);
    condition.clone_into(&mut answer.summary.condition);
    answer
}

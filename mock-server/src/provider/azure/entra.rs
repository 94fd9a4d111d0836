//! Microsoft Entra ID, as far as a client of Azure needs it: `POST /{tenant}/oauth2/v2.0/token` for the grant
//! `client_credentials`, and the document by which libraries find that address. Assertions are parsed, never
//! verified. Tokens are not kept: each carries a signature by which this server knows it again.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::catalogue::Values;
use crate::provider::openai::Desk;
use crate::provider::openai::error::mock_error;
use crate::provider::{Turn, grant};
use crate::wire::{Answer, Request};

/// The seconds that a token lasts.
const LASTS: i64 = 3599;
/// What a scope ends with; what stands before it is the audience.
const DEFAULT_SCOPE: &str = "/.default";

/// What a request asks Entra for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked<'r> {
    /// Where things are, for this tenant.
    Configuration(&'r str),
    /// A token, for this tenant.
    Token(&'r str),
}

/// What a request asks for; none where it is not Entra that is asked.
pub(super) fn asked(request: &Request) -> Option<Asked<'_>> {
    let parts: Vec<_> = request.path.split('/').collect();
    match (request.method.as_str(), &parts[..]) {
        ("POST", ["", tenant, "oauth2", "v2.0", "token"]) => Some(Asked::Token(tenant)),
        ("GET" | "HEAD", ["", tenant, "v2.0", ".well-known", "openid-configuration"]) => {
            Some(Asked::Configuration(tenant))
        }
        _ => None,
    }
}

/// The answer.
pub(super) fn answer(asked: Asked<'_>, request: &Request, desk: &Desk<'_>) -> Answer {
    match asked {
        Asked::Configuration(tenant) => whole(200, &configuration(tenant, desk)),
        Asked::Token(tenant) => match granted(&grant::form(request), desk.turn, tenant) {
            Ok(body) => whole(200, &body),
            Err(denied) => denied.answer(desk),
        },
    }
}

/// Whether a token of this server is good for Azure OpenAI now; none where it is not this server's.
pub(super) fn is_good(token: &str, audiences: &[String], turn: &Turn<'_>) -> Option<bool> {
    let (signed, signature) = token.rsplit_once('.')?;
    let issued = signature == grant::signature(turn.world.settings.seed, signed);
    let claims = issued.then(|| grant::claims(token)).flatten()?;
    let audience = claims.get("aud").and_then(Value::as_str);
    let meant = audience.is_some_and(|aud| audiences.iter().any(|known| known == aud));
    let expires = claims.get("exp").and_then(Value::as_i64);
    Some(meant && expires.is_some_and(|expires| expires > turn.now))
}

/// Why there is no token: a row of the catalogue and the values of its placeholders.
struct Denied {
    row: &'static str,
    values: Values<'static>,
}

impl Denied {
    fn new<const N: usize>(row: &'static str, values: [(&'static str, &str); N]) -> Self {
        let values = values.map(|(name, value)| (name, value.to_owned()));
        Self {
            row,
            values: Values::from(values),
        }
    }

    fn answer(mut self, desk: &Desk<'_>) -> Answer {
        let now = OffsetDateTime::from_unix_timestamp(desk.now).ok();
        let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
        let now = now.and_then(|now| now.format(form).ok());
        self.values.extend([
            ("timestamp", now.unwrap_or_default()),
            ("trace-id", desk.uuid()),
            ("correlation-id", desk.gateway_uuid()),
        ]);
        let row = desk.data.errors.row(self.row);
        let body = row.and_then(|row| Some((row.status, row.filled_body(&self.values)?)));
        let Some((status, body)) = body else {
            return mock_error(&format!("the catalogue has no row '{}'", self.row), desk);
        };
        let mut answer = whole(status, &body);
        self.row.clone_into(&mut answer.summary.condition);
        answer
    }
}

/// The body of a grant.
fn granted(fields: &Map<String, Value>, turn: &Turn<'_>, tenant: &str) -> Result<Value, Denied> {
    let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let needed = |param: &'static str| match field(param) {
        "" => Err(Denied::new("entra-missing-parameter", [("param", param)])),
        value => Ok(value),
    };
    let grant_type = needed("grant_type")?;
    if grant_type != "client_credentials" {
        let values = [("grant-type", grant_type)];
        return Err(Denied::new("entra-unsupported-grant", values));
    }
    let client = needed("client_id")?;
    let scope = needed("scope")?;
    let audience = scope.strip_suffix(DEFAULT_SCOPE);
    let audience = audience.filter(|audience| !audience.is_empty() && !audience.contains(' '));
    let audience =
        audience.ok_or_else(|| Denied::new("entra-invalid-scope", [("scope", scope)]))?;
    match (field("client_secret"), field("client_assertion")) {
        ("", "") => return Err(Denied::new("entra-missing-credential", [])),
        ("", assertion) if !asserts(assertion) => {
            return Err(Denied::new("entra-invalid-assertion", []));
        }
        (secret, _) if secret.contains("invalid") => {
            let values = [("client-id", client)];
            return Err(Denied::new("entra-invalid-secret", values));
        }
        _ => {}
    }
    Ok(json!({
        "token_type": "Bearer",
        "expires_in": LASTS,
        "ext_expires_in": LASTS,
        "access_token": token(audience, client, tenant, turn),
    }))
}

/// A JWT of somebody who is not called invalid.
fn asserts(assertion: &str) -> bool {
    let claims = grant::claims(assertion);
    let issuer = claims
        .as_ref()
        .and_then(|claims| claims.get("iss")?.as_str());
    issuer.is_some_and(|issuer| !issuer.contains("invalid"))
}

fn token(audience: &str, client: &str, tenant: &str, turn: &Turn<'_>) -> String {
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "image-mock-server" });
    let claims = json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": turn.now,
        "nbf": turn.now,
        "exp": turn.now + LASTS,
        "appid": client,
        "tid": tenant,
    });
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = grant::signature(turn.world.settings.seed, &signed);
    format!("{signed}.{signature}")
}

/// The members that OpenID Connect Discovery 1.0, section 3, requires, and how a client may say who it is.
fn configuration(tenant: &str, desk: &Desk<'_>) -> Value {
    let base = format!("{}/{tenant}", desk.world.public_url);
    json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "issuer": format!("{base}/v2.0"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
    })
}

/// The headers against caches are those of RFC 6749, section 5.1.
fn whole(status: u16, body: &Value) -> Answer {
    let headers = [
        ("content-type", "application/json; charset=utf-8"),
        ("cache-control", "no-store, no-cache"),
        ("pragma", "no-cache"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = Bytes::from(body.to_string());
    let mut answer = Answer::whole(status, headers.to_vec(), vec![body]);
    "ok".clone_into(&mut answer.summary.condition);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Studio;
    use crate::provider::World;
    use crate::settings::Settings;

    #[test]
    fn a_token_is_good_for_its_audience_and_its_time_and_cannot_be_made_up() {
        let world = World {
            settings: Settings::default(),
            studio: Studio::new(0),
            public_url: String::new(),
        };
        let mut turn = Turn::new(&world, 1);
        let audiences = ["https://a".to_owned()];
        let token = |audience| token(audience, "app", "tenant", &turn);
        let (good, other) = (token("https://a"), token("https://b"));
        assert_eq!(is_good(&good, &audiences, &turn), Some(true));
        assert_eq!(is_good(&other, &audiences, &turn), Some(false));
        let signature = good.rsplit_once('.').unwrap().1;
        let forged = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
        assert_eq!(is_good(&forged, &audiences, &turn), None);
        turn.now += LASTS;
        assert_eq!(is_good(&good, &audiences, &turn), Some(false));
    }
}

//! Tokens for a Google service account: a signed assertion is exchanged for an access token (RFC 7523), which is kept
//! until shortly before it expires.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Call, Transport};
use crate::config::{BaseUrl, ConfigError};
use crate::error::{ApiError, row};
use crate::limits::Limits;
use crate::redact::Redactor;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long an assertion is good for; Google takes at most an hour.
const ASSERTION_LIFE: i64 = 60 * 60;
/// A token is not used so shortly before its end: the call has to arrive while it is good.
const MARGIN: Duration = Duration::from_secs(60);

/// A service account, from its key file.
#[derive(Clone)]
pub struct ServiceAccount {
    email: String,
    key_id: String,
    token_uri: BaseUrl,
    key: Arc<RsaKeyPair>,
    token: Arc<Mutex<Option<Token>>>,
}

/// The key is not shown.
impl fmt::Debug for ServiceAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("ServiceAccount")
            .field(&self.email)
            .finish()
    }
}

struct Token {
    value: HeaderValue,
    until: Instant,
}

impl ServiceAccount {
    /// Reads a key file as Google hands it out.
    ///
    /// # Errors
    /// When it is not one, or its key is not an RSA key in PKCS #8.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        #[derive(Deserialize)]
        struct File {
            client_email: String,
            #[serde(default)]
            private_key_id: String,
            private_key: String,
            token_uri: String,
        }

        let file: File = serde_json::from_str(text).map_err(|_| {
            ConfigError::Account("it is no JSON with client_email, private_key and token_uri")
        })?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.as_bytes())
            .ok()
            .and_then(|key| RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok())
            .ok_or(ConfigError::Account(
                "its private_key is no RSA key in PKCS #8",
            ))?;
        Ok(Self {
            email: file.client_email,
            key_id: file.private_key_id,
            token_uri: file.token_uri.parse()?,
            key: Arc::new(key),
            token: Arc::default(),
        })
    }

    /// Whether tokens are fetched by TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.token_uri.is_https()
    }

    /// The value of `authorization`. Whoever asks while a token is being fetched waits for that one.
    pub(crate) async fn authorization(
        &self,
        transport: &Transport,
        limits: &Limits,
        redactor: &Redactor,
    ) -> Result<HeaderValue, ApiError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.value.clone());
        }
        let token = self.fetch(transport, limits, redactor).await?;
        let value = token.value.clone();
        *kept = Some(token);
        Ok(value)
    }

    async fn fetch(
        &self,
        transport: &Transport,
        limits: &Limits,
        redactor: &Redactor,
    ) -> Result<Token, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
            #[serde(default)]
            expires_in: u64,
        }

        let assertion = self.assertion(OffsetDateTime::now_utc().unix_timestamp())?;
        let call = Call {
            url: self.token_uri.join(""),
            credential: None,
            content_type: HeaderValue::from_static("application/x-www-form-urlencoded"),
            accept: "application/json",
            // Neither part has a character that a form would escape, but for the colons, which may stand.
            body: Bytes::from(format!("grant_type={GRANT}&assertion={assertion}")),
        };
        let mut reply = transport.send(call, limits).await?;
        let body = reply.read().await?;
        let answer: Option<Answer> = serde_json::from_slice(&body)
            .ok()
            .filter(|_| reply.status.is_success());
        let Some(answer) = answer else {
            tracing::warn!(
                status = reply.status.as_u16(),
                "no token for the service account"
            );
            return Err(row::UPSTREAM_AUTHENTICATION.into());
        };
        redactor.learn(&answer.access_token);
        let mut value = HeaderValue::try_from(format!("Bearer {}", answer.access_token))
            .map_err(|_| row::UPSTREAM_AUTHENTICATION)?;
        value.set_sensitive(true);
        let life = Duration::from_secs(answer.expires_in).saturating_sub(MARGIN);
        // A token that lives absurdly long is fetched anew after a day.
        let until = Instant::now() + life.min(Duration::from_secs(24 * 60 * 60));
        Ok(Token { value, until })
    }

    /// The signed statement of who asks for what (RFC 7519, RS256).
    fn assertion(&self, now: i64) -> Result<String, ApiError> {
        let head = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let claims = json!({
            "iss": self.email, "scope": SCOPE, "aud": self.token_uri.join(""),
            "iat": now, "exp": now + ASSERTION_LIFE,
        });
        let [head, claims] = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{head}.{claims}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| row::UPSTREAM_AUTHENTICATION)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_file_is_refused_without_being_quoted() {
        let file = r#"{"client_email":"a@b","private_key":"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n","token_uri":"https://t.example/token"}"#;
        for (text, expected) in [("{}", "no JSON"), (file, "no RSA key")] {
            let error = ServiceAccount::from_json(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("c2VjcmV0"), "{error}");
        }
    }
}

//! How the gateway shows each provider who it is.

use axum::http::{HeaderName, HeaderValue, header};

use crate::config::Provider;
use crate::error::{ApiError, row};
use crate::gateway::Gateway;

/// The header that opens a provider; none if no key was configured.
pub(super) async fn of(
    gateway: &Gateway,
    provider: Provider,
) -> Result<Option<(HeaderName, HeaderValue)>, ApiError> {
    if let (Provider::Vertex, Some(account)) = (provider, &gateway.vertex.account) {
        let value = account
            .authorization(&gateway.transport, &gateway.limits, &gateway.redactor)
            .await?;
        return Ok(Some((header::AUTHORIZATION, value)));
    }
    let Some(key) = &gateway.upstream(provider)?.key else {
        return Ok(None);
    };
    let (name, value) = match provider {
        Provider::OpenAi | Provider::Vertex => {
            (header::AUTHORIZATION, format!("Bearer {}", key.expose()))
        }
        Provider::Azure => (HeaderName::from_static("api-key"), key.expose().to_owned()),
        Provider::Gemini => (
            HeaderName::from_static("x-goog-api-key"),
            key.expose().to_owned(),
        ),
    };
    let mut value = HeaderValue::try_from(value).map_err(|_| row::UPSTREAM_AUTHENTICATION)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

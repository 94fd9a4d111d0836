//! Calls in the protocol of Vertex AI.

use axum::http::HeaderValue;
use serde::Serialize;

use crate::config::Provider;
use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::upstream::{Call, credential};

/// `POST …/publishers/google/models/{model}:generateContent`, or its stream as server-sent events.
pub(crate) async fn generate(
    gateway: &Gateway,
    model: &str,
    body: &impl Serialize,
    streamed: bool,
) -> Result<Call, ApiError> {
    let upstream = gateway.upstream(Provider::Vertex)?;
    let body = serde_json::to_vec(body).map_err(|_| row::INVALID_REQUEST)?;
    let verb = if streamed {
        "streamGenerateContent?alt=sse"
    } else {
        "generateContent"
    };
    let path = format!(
        "/v1/projects/{}/locations/{}/publishers/google/models/{model}:{verb}",
        gateway.vertex.project, gateway.vertex.location
    );
    Ok(Call {
        url: upstream.url.join(&path),
        credential: credential::of(gateway, Provider::Vertex).await?,
        content_type: HeaderValue::from_static("application/json"),
        accept: super::accept(streamed),
        body: body.into(),
    })
}

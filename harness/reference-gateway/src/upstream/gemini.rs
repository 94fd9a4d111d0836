//! Calls in the protocol of the Gemini API.

use axum::http::HeaderValue;
use bytes::Bytes;

use crate::config::Provider;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::upstream::{Call, credential};

/// How the pieces of a stream are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// One answer.
    Generate,
    /// Server-sent events.
    StreamEvents,
    /// The elements of a JSON list.
    StreamList,
}

impl Verb {
    fn path(self) -> &'static str {
        match self {
            Self::Generate => "generateContent",
            Self::StreamEvents => "streamGenerateContent?alt=sse",
            Self::StreamList => "streamGenerateContent",
        }
    }
}

/// `POST /v1beta/models/{model}:…`, with the client's own body.
pub(crate) async fn generate(
    gateway: &Gateway,
    model: &str,
    verb: Verb,
    body: Bytes,
) -> Result<Call, ApiError> {
    let upstream = gateway.upstream(Provider::Gemini)?;
    let path = format!("/v1beta/models/{model}:{}", verb.path());
    Ok(Call {
        url: upstream.url.join(&path),
        credential: credential::of(gateway, Provider::Gemini).await?,
        content_type: HeaderValue::from_static("application/json"),
        accept: super::accept(verb == Verb::StreamEvents),
        body,
    })
}

//! Calls in the protocol of Azure OpenAI: the deployment is in the path, so the body names no model.

use crate::config::Provider;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Operation, Payload};
use crate::upstream::{Call, credential};

/// `POST /openai/deployments/{deployment}/images/…`.
pub(crate) async fn images(
    gateway: &Gateway,
    operation: Operation,
    deployment: &str,
    mut payload: Payload<'_>,
    streamed: bool,
) -> Result<Call, ApiError> {
    let upstream = gateway.upstream(Provider::Azure)?;
    payload.remove("model");
    let (content_type, body) = payload.encode()?;
    let path = format!(
        "/openai/deployments/{deployment}{}?api-version={}",
        operation.path(),
        gateway.azure_api_version
    );
    Ok(Call {
        url: upstream.url.join(&path),
        credential: credential::of(gateway, Provider::Azure).await?,
        content_type,
        accept: super::accept(streamed),
        body,
    })
}

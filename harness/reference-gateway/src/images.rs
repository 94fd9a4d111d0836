//! Image requests on their way to the provider that makes them, and back.

use std::sync::Arc;

use axum::response::Response;

use crate::config::Provider;
use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::relay;
use crate::request::{Delivery, ImageRequest, Operation};
use crate::upstream::{azure, openai};

/// Sends a checked request upstream, once, and passes the answer on.
pub(crate) async fn make(
    gateway: &Arc<Gateway>,
    provider: Provider,
    operation: Operation,
    mut request: ImageRequest<'_>,
    upstream_model: &str,
    delivery: Delivery,
) -> Result<Response, ApiError> {
    let streamed = delivery == Delivery::Streamed;
    request.set_model(upstream_model)?;
    let payload = request.into_upstream_payload();
    let call = match provider {
        Provider::OpenAi => openai::images(gateway, operation, payload, streamed).await?,
        Provider::Azure => {
            azure::images(gateway, operation, upstream_model, payload, streamed).await?
        }
        Provider::Vertex | Provider::Gemini => return Err(row::NO_UPSTREAM.into()),
    };
    let reply = gateway.transport.send(call, &gateway.limits).await?;
    if !reply.status.is_success() {
        return Err(relay::error(reply, gateway).await);
    }
    if streamed && reply.is_event_stream() {
        return Ok(relay::stream(reply, gateway));
    }
    relay::images(reply, delivery, gateway).await
}

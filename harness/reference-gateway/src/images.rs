//! Image requests on their way to the provider that makes them, and back.

use std::borrow::Cow;
use std::sync::Arc;

use axum::response::Response;

use crate::config::Provider;
use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::relay;
use crate::request::{Delivery, ImageRequest, Operation};
use crate::upstream::{Call, azure, openai};

/// A checked request, and who makes its images.
pub(crate) struct Order<'a> {
    pub(crate) operation: Operation,
    pub(crate) request: ImageRequest<'a>,
    pub(crate) provider: Provider,
    /// As the provider names it.
    pub(crate) model: Cow<'static, str>,
    pub(crate) delivery: Delivery,
}

impl Order<'_> {
    /// The call to the provider, which needs nothing of the client's bytes any more.
    pub(crate) async fn call(self, gateway: &Gateway) -> Result<(Call, Delivery), ApiError> {
        let Self {
            operation,
            mut request,
            provider,
            model,
            delivery,
        } = self;
        let streamed = delivery == Delivery::Streamed;
        request.set_model(&model)?;
        let payload = request.into_upstream_payload();
        let call = match provider {
            Provider::OpenAi => openai::images(gateway, operation, payload, streamed).await?,
            Provider::Azure => azure::images(gateway, operation, &model, payload, streamed).await?,
            Provider::Vertex | Provider::Gemini => return Err(row::NO_UPSTREAM.into()),
        };
        Ok((call, delivery))
    }
}

/// Makes the call, once, and passes the answer on.
pub(crate) async fn answer(
    gateway: &Arc<Gateway>,
    (call, delivery): (Call, Delivery),
) -> Result<Response, ApiError> {
    let reply = gateway.transport.send(call, &gateway.limits).await?;
    if !reply.status.is_success() {
        return Err(relay::error(reply, gateway).await);
    }
    if delivery == Delivery::Streamed && reply.is_event_stream() {
        return Ok(relay::stream(reply, gateway));
    }
    relay::images(reply, delivery, gateway).await
}

//! The platform profile: `POST /v1/images/generations` for customers whose key belongs to an OpenAI platform group.
//!
//! The order of the checks is part of the document: who calls decides before what is sent.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;

use crate::auth::{self, Member};
use crate::body;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::relay;
use crate::request::{Delivery, ImageRequest};
use crate::upstream::openai;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new().route("/v1/images/generations", post(generations))
}

async fn generations(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let member = match auth::member(&head.headers, &gateway.clients)
        .and_then(|member| member.on_openai_platform().map(|()| member))
    {
        Ok(member) => member,
        Err(error) => {
            body::discard(&head.headers, body);
            return Err(error);
        }
    };
    let body = body::read(&head.headers, body, &gateway.limits).await?;
    let (call, delivery) = prepare(&gateway, &body, member)?;
    let reply = gateway.transport.send(call, &gateway.limits).await?;
    if !reply.status.is_success() {
        return Err(relay::error(reply, &gateway).await);
    }
    if delivery == Delivery::Streamed && reply.is_event_stream() {
        return Ok(relay::stream(reply, &gateway));
    }
    relay::images(reply, delivery, &gateway).await
}

/// Everything between the client's bytes and the upstream call; the bytes are not needed after it.
fn prepare(
    gateway: &Gateway,
    body: &[u8],
    member: Member,
) -> Result<(reqwest::Request, Delivery), ApiError> {
    let request = ImageRequest::parse(body)?;
    member.may_generate_images()?;
    request.require_prompt()?;
    let delivery = request.delivery()?;
    let call = openai::generations(
        gateway.transport.client(),
        &gateway.openai,
        &request.into_upstream_body(),
        delivery == Delivery::Streamed,
    )?;
    Ok((call, delivery))
}

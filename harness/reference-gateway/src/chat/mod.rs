//! Chats: what a client asks in the form of OpenAI's Chat Completions, and the same in Google's.
//!
//! Both directions borrow from the bytes that came: images are megabytes of base64, and none of them is decoded here.

mod answer;
mod request;
mod stream;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

pub(crate) use request::ChatRequest;

use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::relay;
use crate::upstream::{Broken, Reply, fault, vertex};
use answer::{Answer, Form, Heading};

/// Asks Vertex AI's `upstream_model`; the client knows it as `model`.
pub(crate) async fn complete(
    gateway: &Arc<Gateway>,
    request: &ChatRequest<'_>,
    model: &str,
    upstream_model: &str,
) -> Result<Response, ApiError> {
    let streamed = request.is_streamed;
    let call = vertex::generate(gateway, upstream_model, &request.content, streamed).await?;
    let reply = gateway.transport.send(call, &gateway.limits).await?;
    if !reply.status.is_success() {
        return Err(relay::error(reply, gateway).await);
    }
    let heading = Heading::new(model)?;
    if streamed && reply.is_event_stream() {
        let headers = relay::passed(&reply, gateway);
        let body = stream::body(
            reply.into_source(),
            heading,
            request.with_usage,
            gateway.clone(),
        );
        return Ok(relay::events(body, headers));
    }
    whole(reply, &heading, gateway).await
}

async fn whole(
    mut reply: Reply,
    heading: &Heading,
    gateway: &Gateway,
) -> Result<Response, ApiError> {
    let body = reply.read().await.map_err(|broken| match broken {
        Broken::TooLarge => row::RESPONSE_TOO_LARGE.into(),
        other => ApiError::from(other),
    })?;
    let redactor = &gateway.redactor;
    let answer: Answer<'_> = serde_json::from_slice(&body).map_err(|_| row::UPSTREAM_UNUSABLE)?;
    if let Some(error) = answer.refused_prompt(redactor) {
        return Err(relay::with_headers(error, &reply, gateway));
    }
    if !answer.is_usable() {
        tracing::warn!("the upstream's success says nothing");
        let error = fault::translate_unusable(&body, redactor);
        return Err(relay::with_headers(error, &reply, gateway));
    }
    let completion = answer.completion(heading, Form::Whole, redactor);
    let body = serde_json::to_vec(&completion).map_err(|_| row::UPSTREAM_UNUSABLE)?;
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.extend(relay::passed(&reply, gateway));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

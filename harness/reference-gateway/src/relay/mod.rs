//! From an upstream's answer to the client's.

mod headers;
mod json;
mod meaning;
mod stream;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::request::Delivery;
use crate::upstream::{self, Reply, fault};

pub(crate) use json::place;

/// The error for an answer that is not a success.
pub(crate) async fn error(mut reply: Reply, gateway: &Gateway) -> ApiError {
    // The status counts even if the text that explains it does not arrive.
    let body = reply.read().await.unwrap_or_default();
    let error = fault::translate(reply.status, &body, &gateway.redactor);
    with_headers(error, &reply, gateway)
}

/// The images of a JSON answer: as they came, or hosted.
pub(crate) async fn images(
    mut reply: Reply,
    delivery: Delivery,
    gateway: &Gateway,
) -> Result<Response, ApiError> {
    let body = reply.read().await?;
    let Some(answer) = json::Answer::parse(&body) else {
        tracing::warn!("the upstream's success holds no image");
        let error = fault::translate_unusable(&body, &gateway.redactor);
        return Err(with_headers(error, &reply, gateway));
    };
    let masked = gateway.redactor.keys(&body, &answer.image_data());
    let answer = match &masked {
        Some(masked) => json::Answer::parse(masked).ok_or(row::UPSTREAM_UNUSABLE)?,
        None => answer,
    };
    let hosted = match delivery {
        Delivery::Hosted => Some(answer.hosted(&gateway.store)?),
        Delivery::Inline | Delivery::Streamed => None,
    };
    let body = hosted.or(masked).map_or(body, Into::into);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = reply.status;
    let passed = passed(&reply, gateway);
    response.headers_mut().extend(passed);
    let content_type = reply
        .headers
        .get(header::CONTENT_TYPE)
        .filter(|_| upstream::essence(&reply.headers).as_deref() == Some("application/json"))
        .filter(|value| !gateway.redactor.finds_key(value.as_bytes()))
        .cloned()
        .unwrap_or(HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}

/// The events of a stream, as they come.
pub(crate) fn stream(reply: Reply, gateway: &Arc<Gateway>) -> Response {
    let passed = passed(&reply, gateway);
    events(stream::body(reply.into_source(), gateway.clone()), passed)
}

/// An answer of server-sent events.
pub(crate) fn events(body: Body, passed: Vec<(HeaderName, HeaderValue)>) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.extend(passed);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The headers of an upstream's answer that the client sees.
pub(crate) fn passed(reply: &Reply, gateway: &Gateway) -> Vec<(HeaderName, HeaderValue)> {
    headers::passed(&reply.headers, &gateway.redactor)
}

/// An error with those headers.
pub(crate) fn with_headers(error: ApiError, reply: &Reply, gateway: &Gateway) -> ApiError {
    passed(reply, gateway)
        .into_iter()
        .fold(error, |error, (name, value)| error.header(name, value))
}

//! The platform profile: `POST /v1/images/generations` for customers whose key belongs to an OpenAI platform group.
//! Extensions, which its document does not promise: `POST /v1/images/edits`, and the native route of Gemini groups that
//! the document names as another endpoint, and image tasks.
//!
//! The order of the checks is part of the document: who calls decides before what is sent.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::auth::{self, Member, Owner};
use crate::body;
use crate::config::Provider;
use crate::error::{ApiError, GoogleError, row};
use crate::gateway::Gateway;
use crate::images::{self, Order};
use crate::native;
use crate::request::{Delivery, ImageRequest, Operation, invalid};

const DEFAULT_MODEL: &str = "gpt-image-2";
const MODEL_PREFIX: &str = "gpt-image-";
/// How much of a refused model name an answer repeats.
const QUOTED_CHARACTERS: usize = 128;

/// The provider without which nothing works; the native route is there if Gemini is configured.
pub(super) const NEEDS: &[Provider] = &[Provider::OpenAi];

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route(
            "/v1/images/generations",
            post(|state, request| handle(state, Operation::Generations, request)),
        )
        .route(
            "/v1/images/edits",
            post(|state, request| handle(state, Operation::Edits, request)),
        )
        .route("/v1/images/tasks", post(submit))
        .route("/v1/images/tasks/events", get(events))
        .route("/v1/images/tasks/{id}", get(task))
        .route("/v1beta/models/{action}", post(gemini))
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    operation: Operation,
    request: Request,
) -> Result<Response, ApiError> {
    let allowed = |headers: &HeaderMap| customer(headers, &gateway);
    let (member, headers, body) = body::read_if(request, &gateway.limits, allowed).await?;
    let order = checked(member, operation, &headers, &body)?;
    images::answer(&gateway, order.call(&gateway).await?).await
}

/// Who asks, if their key is of the right platform.
fn customer(headers: &HeaderMap, gateway: &Gateway) -> Result<Member, ApiError> {
    let member = auth::member(headers, &gateway.clients)?;
    member.on_openai_platform()?;
    Ok(member)
}

/// A request that the document allows.
fn checked<'a>(
    member: Member,
    operation: Operation,
    headers: &HeaderMap,
    body: &'a [u8],
) -> Result<Order<'a>, ApiError> {
    let request = ImageRequest::parse(operation, headers, body)?;
    let model = model(&request)?;
    member.may_generate_images()?;
    request.require_prompt()?;
    let delivery = request.delivery(Delivery::Inline)?;
    Ok(Order {
        operation,
        request,
        provider: Provider::OpenAi,
        model,
        delivery,
    })
}

/// `POST /v1/images/tasks`: what is wrong with the request is told at once, the rest is the task's.
async fn submit(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Result<Response, ApiError> {
    let allowed = |headers: &HeaderMap| customer(headers, &gateway);
    let (member, headers, body) = body::read_if(request, &gateway.limits, allowed).await?;
    let owner = Owner::of(&headers)?;
    let order = checked(member, Operation::of(&headers, &body), &headers, &body)?;
    if order.delivery == Delivery::Streamed {
        return Err(ApiError::from(row::STREAMED_TASK).param("stream"));
    }
    let call = order.call(&gateway).await?;
    let tasks = Arc::clone(&gateway.tasks);
    tasks.submit(owner, async move {
        images::answer(&gateway, call).await.into_response()
    })
}

async fn task(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    customer(&headers, &gateway)?;
    gateway.tasks.look(&Owner::of(&headers)?, &id)
}

async fn events(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    customer(&headers, &gateway)?;
    Ok(gateway.tasks.events(Owner::of(&headers)?))
}

/// The model that was named, or the default.
fn model(request: &ImageRequest<'_>) -> Result<Cow<'static, str>, ApiError> {
    let Some(model) = request.model() else {
        return Ok(DEFAULT_MODEL.into());
    };
    if model.starts_with(MODEL_PREFIX) {
        return Ok(model.into());
    }
    let quoted: String = model.chars().take(QUOTED_CHARACTERS).collect();
    let quoted = serde_json::Value::String(quoted);
    Err(invalid(format!(
        "images endpoint requires an image model, got {quoted}"
    ))
    .param("model"))
}

/// `POST /v1beta/models/{model}:generateContent`, for Gemini groups.
async fn gemini(
    State(gateway): State<Arc<Gateway>>,
    Path(action): Path<String>,
    request: Request,
) -> Result<Response, GoogleError> {
    let query = request.uri().query().map(str::to_owned);
    let allowed =
        |headers: &HeaderMap| auth::google_member(headers, &gateway.clients)?.on_gemini_platform();
    let ((), _, body) = body::read_if(request, &gateway.limits, allowed).await?;
    native::generate(&gateway, &action, query.as_deref(), body).await
}

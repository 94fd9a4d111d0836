//! The platform profile: `POST /v1/images/generations` for customers whose key belongs to an OpenAI platform group.
//! Extensions, which its document does not promise: `POST /v1/images/edits`, and the native route of Gemini groups that
//! the document names as another endpoint.
//!
//! The order of the checks is part of the document: who calls decides before what is sent.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;

use crate::auth;
use crate::body;
use crate::config::Provider;
use crate::error::{ApiError, GoogleError};
use crate::gateway::Gateway;
use crate::images;
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
        .route("/v1/images/generations", post(generations))
        .route("/v1/images/edits", post(edits))
        .route("/v1beta/models/{action}", post(gemini))
}

async fn generations(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Result<Response, ApiError> {
    handle(&gateway, Operation::Generations, request).await
}

async fn edits(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Result<Response, ApiError> {
    handle(&gateway, Operation::Edits, request).await
}

async fn handle(
    gateway: &Arc<Gateway>,
    operation: Operation,
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
    let request = ImageRequest::parse(operation, &head.headers, &body)?;
    let model = model(&request)?;
    member.may_generate_images()?;
    request.require_prompt()?;
    let delivery = request.delivery(Delivery::Inline)?;
    images::make(
        gateway,
        Provider::OpenAi,
        operation,
        request,
        &model,
        delivery,
    )
    .await
}

/// The model that was named, or the default.
fn model(request: &ImageRequest<'_>) -> Result<String, ApiError> {
    let Some(model) = request.model() else {
        return Ok(DEFAULT_MODEL.to_owned());
    };
    if model.starts_with(MODEL_PREFIX) {
        return Ok(model);
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
    let (head, body) = request.into_parts();
    let allowed = |headers: &HeaderMap| -> Result<(), ApiError> {
        auth::google_member(headers, &gateway.clients)?.on_gemini_platform()
    };
    if let Err(error) = allowed(&head.headers) {
        body::discard(&head.headers, body);
        return Err(error.into());
    }
    let body = body::read(&head.headers, body, &gateway.limits).await?;
    native::generate(&gateway, &action, head.uri.query(), body).await
}

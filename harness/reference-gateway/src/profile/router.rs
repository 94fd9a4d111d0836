//! The router profile: models by the names `provider/vendor/model`; images by Azure OpenAI at the Images API, chats with
//! images by Vertex AI at Chat Completions. Links are the default, and the gateway hosts what is behind them, because
//! Azure returns none. Extension, which its document does not promise: `POST /v1/images/edits`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;

use crate::auth;
use crate::body;
use crate::chat::{self, ChatRequest};
use crate::config::Provider;
use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::images;
use crate::request::{Delivery, ImageRequest, Operation, invalid};

pub(super) const NEEDS: &[Provider] = &[Provider::Azure, Provider::Vertex];

/// A model that is served.
struct Model {
    /// As clients name it.
    name: &'static str,
    provider: Provider,
    /// As the provider names it; with Azure the deployment.
    upstream: &'static str,
    api: Api,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Api {
    Images,
    Chat,
}

const MODELS: &[Model] = &[
    Model {
        name: "azure/openai/gpt-image-1",
        provider: Provider::Azure,
        upstream: "gpt-image-1",
        api: Api::Images,
    },
    Model {
        name: "azure/openai/gpt-image-1.5",
        provider: Provider::Azure,
        upstream: "gpt-image-1.5",
        api: Api::Images,
    },
    Model {
        name: "vertex/google/gemini-2.5-flash-image-preview",
        provider: Provider::Vertex,
        upstream: "gemini-2.5-flash-image-preview",
        api: Api::Chat,
    },
];

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/v1/images/generations", post(generations))
        .route("/v1/images/edits", post(edits))
        .route("/v1/chat/completions", post(completions))
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
    let (headers, body) = admitted(gateway, request).await?;
    let request = ImageRequest::parse(operation, &headers, &body)?;
    let model = served(request.model(), Api::Images)?;
    request.require_prompt()?;
    let delivery = request.delivery(Delivery::Hosted)?;
    images::make(
        gateway,
        model.provider,
        operation,
        request,
        model.upstream,
        delivery,
    )
    .await
}

async fn completions(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (_, body) = admitted(&gateway, request).await?;
    let request = ChatRequest::parse(&body, &gateway.store)?;
    let model = served(request.model.clone(), Api::Chat)?;
    chat::complete(&gateway, &request, model.name, model.upstream).await
}

/// The body of a request whose key is good.
async fn admitted(gateway: &Gateway, request: Request) -> Result<(HeaderMap, Bytes), ApiError> {
    let (head, body) = request.into_parts();
    if let Err(error) = auth::member(&head.headers, &gateway.clients) {
        body::discard(&head.headers, body);
        return Err(error);
    }
    let body = body::read(&head.headers, body, &gateway.limits).await?;
    Ok((head.headers, body))
}

/// The row of the model that was named.
fn served(model: Option<String>, api: Api) -> Result<&'static Model, ApiError> {
    let Some(model) = model else {
        return Err(invalid("model is required")
            .param("model")
            .code("missing_required_parameter"));
    };
    match MODELS.iter().find(|known| known.name == model) {
        None => Err(ApiError::from(row::NO_MODEL).param("model")),
        Some(known) if known.api == api => Ok(known),
        Some(known) => {
            let path = match known.api {
                Api::Images => "/v1/images/generations",
                Api::Chat => "/v1/chat/completions",
            };
            Err(invalid(format!("{} is served at {path}", known.name))
                .param("model")
                .code("invalid_value"))
        }
    }
}

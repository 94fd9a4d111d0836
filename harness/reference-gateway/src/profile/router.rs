//! The router profile: models by the names `provider/vendor/model`; images by Azure OpenAI at the Images API, chats with
//! images by Vertex AI at Chat Completions. Links are the default, and the gateway hosts what is behind them, because
//! Azure returns none. Extension, which its document does not promise: `POST /v1/images/edits`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;

use crate::auth::{self, Member};
use crate::body;
use crate::chat::{self, ChatRequest};
use crate::config::Provider;
use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::images::{self, Order};
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
        .route(
            "/v1/images/generations",
            post(|state, request| handle(state, Operation::Generations, request)),
        )
        .route(
            "/v1/images/edits",
            post(|state, request| handle(state, Operation::Edits, request)),
        )
        .route("/v1/chat/completions", post(completions))
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    operation: Operation,
    request: Request,
) -> Result<Response, ApiError> {
    let (_, headers, body) = body::read_if(request, &gateway.limits, member(&gateway)).await?;
    let request = ImageRequest::parse(operation, &headers, &body)?;
    let model = served(request.model(), Api::Images)?;
    request.require_prompt()?;
    let delivery = request.delivery(Delivery::Hosted)?;
    let order = Order {
        operation,
        request,
        provider: model.provider,
        model: model.upstream.into(),
        delivery,
    };
    images::answer(&gateway, order.call(&gateway).await?).await
}

async fn completions(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (_, _, body) = body::read_if(request, &gateway.limits, member(&gateway)).await?;
    let request = ChatRequest::parse(&body, &gateway.store)?;
    let model = served(request.model.clone(), Api::Chat)?;
    chat::complete(&gateway, &request, model.name, model.upstream).await
}

/// Who asks, if their key is good: of the groups, only none at all is refused.
fn member(gateway: &Gateway) -> impl FnOnce(&HeaderMap) -> Result<Member, ApiError> {
    |headers| auth::member(headers, &gateway.clients)
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

//! What all requests share: settings, the way upstream, the hosted files, the secrets to hide.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;

use crate::StartError;
use crate::config::{Clients, Config, Provider, Upstream, Vertex};
use crate::error::{ApiError, row};
use crate::hosting::{self, Store};
use crate::limits::Limits;
use crate::redact::Redactor;
use crate::tasks::Tasks;
use crate::upstream::Transport;
use crate::upstream::google_account::ServiceAccount;

/// The state of a running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) clients: Clients,
    pub(crate) limits: Limits,
    pub(crate) upstreams: BTreeMap<Provider, Upstream>,
    pub(crate) azure_api_version: String,
    pub(crate) vertex: Vertex,
    pub(crate) transport: Transport,
    pub(crate) store: Store,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) redactor: Redactor,
}

impl Gateway {
    /// Checks the settings and prepares everything; `own_url` is where the gateway listens.
    pub(crate) fn new(config: Config, own_url: &str) -> Result<Self, StartError> {
        let redactor = Redactor::new(config.upstreams.values());
        let any_https = config
            .upstreams
            .values()
            .any(|upstream| upstream.url.is_https())
            || config
                .vertex
                .account
                .as_ref()
                .is_some_and(ServiceAccount::is_https);
        let public_url = config
            .public_url
            .as_ref()
            .map_or_else(|| own_url.to_owned(), |url| url.join(""));
        for provider in config.profile.needs() {
            if !config.upstreams.contains_key(provider) {
                return Err(StartError::NoUpstream(provider.name()));
            }
        }
        config.limits.check()?;
        Ok(Self {
            transport: Transport::new(any_https, &config.limits).map_err(StartError::Client)?,
            store: Store::new(public_url, &config.limits),
            tasks: Arc::new(Tasks::new(&config.limits)),
            clients: config.clients,
            upstreams: config.upstreams,
            azure_api_version: config.azure_api_version,
            vertex: config.vertex,
            limits: config.limits,
            redactor,
        })
    }

    /// Where a provider is reached.
    pub(crate) fn upstream(&self, provider: Provider) -> Result<&Upstream, ApiError> {
        let upstream = self.upstreams.get(&provider);
        upstream.ok_or_else(|| row::NO_UPSTREAM.into())
    }
}

/// All routes: those of the profile and those that every profile has.
pub(crate) fn router(routes: Router<Arc<Gateway>>, gateway: Gateway) -> Router {
    routes
        .route("/files/{name}", get(hosting::serve))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_route)
        .layer(middleware::from_fn(log))
        .with_state(Arc::new(gateway))
}

async fn unknown_route(method: Method, uri: Uri) -> ApiError {
    ApiError::from(row::NO_ROUTE).message(format!("Invalid URL ({method} {})", shown(&uri)))
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::from(row::NO_METHOD)
        .message(format!("Method {method} is not allowed on {}", shown(&uri)))
}

/// The path as an answer may repeat it: without the query, which may hold a key, and not endlessly long.
fn shown(uri: &Uri) -> String {
    uri.path().chars().take(256).collect()
}

/// One line for each request, with the route instead of the path: a path or query may hold what is secret.
async fn log(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    tracing::info!(
        %method,
        route = route.as_ref().map_or("unknown", MatchedPath::as_str),
        status = response.status().as_u16(),
        milliseconds = started.elapsed().as_millis(),
        "answered"
    );
    response
}

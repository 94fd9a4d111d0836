//! A small gateway for image generation: one OpenAI-shaped endpoint in front of OpenAI, Azure OpenAI and Vertex AI.
//!
//! It implements the document of its [`Profile`] completely and does nothing else: a request is checked, sent upstream once, and the
//! answer is passed on as it came – or as the error that a client can act on. Keys stay on their side.
//!
//! ```no_run
//! use reference_gateway::{Config, start};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::new("http://127.0.0.1:9100".parse()?);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let gateway = start(config, listener)?;
//! println!("listening on {}", gateway.url());
//! gateway.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Choices where the document is silent
//!
//! - A parameter that is `null` is absent. Documented parameters must have their documented type; everything else is
//!   forwarded as it was written, down to the digits of a number.
//! - `response_format` never goes upstream. `url` makes the gateway host the images itself; together with
//!   `stream: true` it is refused, because events carry base64 only.
//! - A missing or empty prompt is refused here rather than upstream.
//! - A stream always ends with a completed or an error event, whatever became of the upstream.
//! - An upstream answer with `content-encoding: gzip`, although not asked for, is decoded.
//! - In chats, what the models served cannot do (tools, audio, log probabilities) is refused; other members that they do
//!   not know are passed over. A prompt that the provider refuses is a 400, an answer that it withholds ends with
//!   `content_filter`.
//! - An image of a chat that is an address goes to the provider as one: the gateway fetches nothing that a client names.
//!
//! # Limits
//!
//! Hosted images are kept in memory and are gone after a restart. TLS is spoken to upstreams only; towards clients it
//! is the affair of a proxy in front.

mod auth;
mod body;
mod chat;
mod config;
mod error;
mod form;
mod gateway;
mod hosting;
mod images;
mod json;
mod limits;
#[cfg(feature = "mutants")]
mod mutants;
mod native;
mod profile;
mod random;
mod redact;
mod relay;
mod request;
mod server;
mod sse;
mod tasks;
mod upstream;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use config::{
    AZURE_API_VERSION, BaseUrl, Clients, Config, ConfigError, Group, Provider, Secret, Upstream,
    Vertex,
};
pub use limits::Limits;
pub use profile::{Profile, UnknownProfile};
pub use upstream::google_account::ServiceAccount;

use gateway::Gateway;

/// Starts a gateway on a listener; it serves when this returns. Must be called within a Tokio runtime.
///
/// # Errors
/// When the settings contradict each other, or the HTTP client or the listener cannot be used.
pub fn start(config: Config, listener: TcpListener) -> Result<Handle, StartError> {
    let address = listener.local_addr().map_err(StartError::Listener)?;
    let url = format!("http://{address}");
    let routes = config.profile.routes();
    let limits = config.limits.clone();
    #[cfg(feature = "mutants")]
    let mutants = config.mutants.clone();
    let gateway = Gateway::new(config, &url)?;
    let tasks = Arc::clone(&gateway.tasks);
    let router = gateway::router(routes, gateway);
    #[cfg(feature = "mutants")]
    let router = mutants::wrap(router, mutants);
    let (stop, stopped) = watch::channel(());
    let server = tokio::spawn(async move {
        server::serve(listener, router, limits, stopped).await;
        tasks.stop();
    });
    Ok(Handle { url, stop, server })
}

/// A running gateway. Dropping it ends the gateway as [`Handle::shutdown`] does, without waiting.
#[derive(Debug)]
pub struct Handle {
    url: String,
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
}

impl Handle {
    /// Where the gateway listens, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops taking connections, lets open exchanges end, cuts those that outlast [`Limits::shutdown`].
    pub async fn shutdown(self) {
        drop(self.stop);
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the server did not end in order");
        }
    }
}

/// Why a gateway could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The profile needs an upstream that is not configured.
    #[error("the profile needs an upstream for {0}")]
    NoUpstream(&'static str),
    /// One upstream answer might not fit among the hosted images.
    #[error("the room for hosted images must not be smaller than the largest upstream answer")]
    HostingTooSmall,
    /// A time limit is longer than a year.
    #[error("a time limit must not be longer than a year")]
    TimeTooLong,
    /// The HTTP client for upstream calls.
    #[error("the client for upstream calls could not be made")]
    Client(#[source] reqwest::Error),
    /// The listener has no address.
    #[error("the listener has no address")]
    Listener(#[source] std::io::Error),
}

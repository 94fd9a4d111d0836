//! A mock provider server that does image APIs properly: real images of the size and format asked for, real
//! streams, the provider's own validation and errors, faults on demand, and a journal of what arrived. It answers
//! as OpenAI, Azure OpenAI, Vertex AI and the Gemini API do, all on one port.
//!
//! As a binary it is `image-mock-server`; in a test it is a [`MockServer`].
//!
//! # In three minutes
//!
//! Start it, point the code under test at it, look at what arrived:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use mock_server::MockServer;
//!
//! let mock = MockServer::start().await?;
//! // Any OpenAI client: its base URL is `{url}/v1`, its key anything. (Azure's endpoint and Google's base URL
//! // are the bare `{url}`.)
//! let (status, body) = generate(&mock.url(), "a fox").await;
//! assert_eq!(status, 200);
//! assert!(body["data"][0]["b64_json"].is_string()); // a PNG that says what was asked
//!
//! let call = &mock.journal("").entries[0];
//! assert_eq!((call.path.as_str(), &call.sent["prompt"]), ("/v1/images/generations", &"a fox".into()));
//! # Ok(())
//! # }
//! ```
//!
//! Anything but success is a *scenario*: a condition of the provider (`rate-limit`, `moderation-blocked`, …) or a
//! fault on the wire (`truncate`, `hang`, …). The prompt can carry it, through any gateway:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mock = mock_server::MockServer::start().await?;
//! let (status, body) = generate(&mock.url(), "a fox [[mock:rate-limit;retry-after=7]]").await;
//! assert_eq!((status, &body["error"]["code"]), (429, &"rate_limit_exceeded".into()));
//! # Ok(())
//! # }
//! ```
//!
//! A test that says call by call what happens writes a *script* for a token of its own, which the prompt carries as
//! `[[case:TOKEN]]`; so tests can share a server:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mock = mock_server::MockServer::start().await?;
//! mock.script("abcdefgh23", ["server-error", "ok"])?;
//! mock.expect("abcdefgh23", 2)?; // verified when the mock is dropped
//! for status in [500, 200] {
//!     assert_eq!(generate(&mock.url(), "a fox [[case:abcdefgh23]]").await.0, status);
//! }
//! assert!(mock.verdict().is_clean()); // no storm of retries, nothing paid twice
//! # Ok(())
//! # }
//! ```
//!
//! | to … | use |
//! | --- | --- |
//! | behave otherwise from the start: keys, deployments, latency, limits, TLS | [`MockServer::builder`] |
//! | stop an answer in the middle and go on when the test says so | [`AnswerText::hold`](playbook::AnswerText::hold), [`MockServer::release`] |
//! | wait until a call arrived, or its answer is over | [`MockServer::journal_when`] |
//! | expect a number of calls | [`MockServer::expect`], [`MockServer::expect_none`] |
//! | judge the client: retries, waits, payments, leaks | [`MockServer::verdict`], [`MockServer::set_canaries`] |
//! | know every word of scenarios | [`vocabulary()`], `image-mock-server conditions` |
//! | do all this from another process | [`control`], under `/_mock/` |
//! | answer from a `wiremock::MockServer` that is there already | the feature `wiremock` |
//!
//! # Layout
//! * [`wire`]: requests and answers as plain values
//! * [`provider`]: what each provider takes and answers; [`catalogue`] and `fixtures` are its data
//! * [`image`]: painting, encoding, provenance
//! * [`verdict`]: what the journal says of the client; [`expect`]: how many calls a test expects
//! * [`latency`], [`rate_limit`], [`tls`]: realism on demand
//! * [`scenario`], [`fault`], [`habit`], [`playbook`]: what to answer instead of success
//! * [`journal`], [`control`]: what arrived, and the API under `/_mock/`
//! * `server`: the only part that touches sockets
//!
//! # Limits
//! So far: OpenAI's `images/generations`, `images/edits`, `images/variations`, `chat/completions` and
//! `responses` (fixed texts, and images), and `models`; the same of Azure but for variations, by deployment and on
//! `/openai/v1`, without the asynchronous dall-e-2, with addresses that say when they expire and never do; the token
//! server of Entra for client credentials, which verifies no assertion; `generateContent` with its stream, `countTokens` and Imagen's
//! `predict` on Vertex AI and the Gemini API, with Google's token and metadata servers, which verify no signature; the
//! models of the Gemini API; of the OpenAI-compatible endpoints chat in fixed words (images are refused there, as they
//! are by Google), models and `images/generations`. Text models have no tools, and a tuned model or endpoint is the
//! first model of its kind. Addresses of input images are taken as they are, nothing is fetched. Responses are not
//! stored, functions are not called, and of what text models refuse only what recordings show is refused. GIF and SVG,
//! which are previews, are refused.
//! HTTP/1.1, plain or over TLS.

mod builder;
pub mod catalogue;
pub mod control;
mod core;
pub mod duration;
pub mod expect;
pub mod fault;
pub mod flags;
pub mod habit;
pub mod image;
pub mod journal;
mod kept;
pub mod latency;
mod metrics;
mod mock;
#[cfg(feature = "mutants")]
mod mutants;
pub mod playbook;
pub mod provider;
pub mod rate_limit;
pub mod scenario;
mod server;
pub mod service_account;
pub mod settings;
pub mod tls;
pub mod verdict;
pub mod vocabulary;
mod wait;
pub mod wire;
#[cfg(feature = "wiremock")]
pub mod wiremock;

/// The README's snippets are compiled as tests of documentation.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

use std::io;

use crate::catalogue::CatalogueError;
use crate::core::Core;
use crate::scenario::ScenarioError;
use crate::settings::{DeploymentError, Settings};
use crate::tls::TlsError;

pub use builder::Builder;
pub use mock::{LibraryError, MockServer};

/// The vocabulary of scenarios, as `image-mock-server conditions` prints it.
///
/// # Errors
/// An embedded data file is not usable.
pub fn vocabulary() -> Result<Vec<control::Word>, StartError> {
    let core = Core::new(Settings::default(), "http://localhost")?;
    Ok(control::vocabulary(&core))
}

/// A server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An embedded data file is not usable.
    #[error(transparent)]
    Data(#[from] CatalogueError),
    /// A deployment of Azure cannot be made.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// No port could be opened.
    #[error("cannot listen")]
    Listen(#[source] io::Error),
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// Certificate and key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

//! The providers' answers for people who already have a `wiremock::MockServer` (feature `wiremock`).
//!
//! An [`ImageApi`] is a matcher and a responder: it takes the calls of the providers' operations and leaves
//! every other path to other mocks.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use mock_server::settings::Settings;
//! use mock_server::wiremock::ImageApi;
//! use wiremock::matchers::path;
//! use wiremock::{Mock, MockServer, ResponseTemplate};
//!
//! # let _ = rustls::crypto::ring::default_provider().install_default();
//! let server = MockServer::start().await;
//! let api = ImageApi::new(Settings::default())?;
//! Mock::given(api.clone()).respond_with(api.clone()).expect(2).mount(&server).await;
//! Mock::given(path("/healthz")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
//!
//! // The code under test, with `{server.uri()}/v1` as its base URL:
//! let (status, body) = generate(&server.uri(), "a fox").await;
//! assert_eq!((status, body["data"][0]["b64_json"].is_string()), (200, true));
//! let (status, body) = generate(&server.uri(), "a fox [[mock:quota]]").await;
//! assert_eq!((status, &body["error"]["code"]), (429, &"insufficient_quota".into()));
//! assert!(api.verdict().is_clean());
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//! wiremock sends whole bodies: streams come at once, holds do not hold. A fault that needs the wire (resets,
//! cuts, stalls, framing) is answered with 501, which names it; [`MockServer`](crate::MockServer) plays it.
//! `url` results begin with `http://localhost` unless `public_url` says where wiremock listens.

use std::sync::Arc;
use std::time::Duration;

use ::wiremock::{Match, Request, Respond, ResponseTemplate};
use time::OffsetDateTime;

use crate::StartError;
use crate::core::Core;
use crate::journal::{Page, Query};
use crate::provider::openai::FILES;
use crate::settings::Settings;
use crate::verdict::Verdict;
use crate::wire::{self, Answer, Framing, Pause, Step};

/// Matches calls of the providers' operations and responds as the providers do.
#[derive(Clone)]
pub struct ImageApi {
    core: Arc<Core>,
    only: Option<&'static str>,
}

impl ImageApi {
    /// Every provider, with these settings; TLS is wiremock's business.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        let core = Arc::new(Core::new(settings, "http://localhost")?);
        Ok(Self { core, only: None })
    }

    /// The same, for the calls of one provider: `openai`, `azure`, `vertex` or `gemini`. They share journal and
    /// counts with those it was made from; none where there is no such provider.
    #[must_use]
    pub fn only(&self, provider: &str) -> Option<Self> {
        let mut ids = self.core.providers.iter().map(|known| known.id());
        let only = ids.find(|id| *id == provider)?;
        Some(Self {
            only: Some(only),
            ..self.clone()
        })
    }

    /// What arrived with this token so far; with an empty text, everything that arrived.
    #[must_use]
    pub fn journal(&self, token: &str) -> Page {
        self.core.journal.page(&Query::of_token(token))
    }

    /// What the journal says of the client.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.core.verdict(None)
    }
}

impl Match for ImageApi {
    fn matches(&self, request: &Request) -> bool {
        let request = read(request);
        let mut providers = self.core.providers.iter();
        let Some(provider) = providers.find(|provider| provider.claims(&request)) else {
            return false;
        };
        let known =
            || request.path.starts_with(FILES) || provider.read(&request).operation.is_some();
        self.only.is_none_or(|only| only == provider.id()) && known()
    }
}

impl Respond for ImageApi {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let visit = self.core.receive(read(request), OffsetDateTime::now_utc());
        let quick = self.core.quick_answer(&visit);
        template(&quick.unwrap_or_else(|| self.core.answer(&visit)))
    }
}

fn read(request: &Request) -> wire::Request {
    let headers = request.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    wire::Request {
        method: request.method.to_string(),
        path: request.url.path().to_owned(),
        query: request.url.query().map(str::to_owned),
        headers: headers.collect(),
        body: request.body.clone().into(),
        body_too_large: false,
    }
}

fn template(answer: &Answer) -> ResponseTemplate {
    let framed = matches!(answer.framing, Framing::Chunked | Framing::Length);
    let hangs = |step: &Step| matches!(step, Step::Pause(Pause::Hang));
    if !framed || answer.is_cut() || answer.steps.iter().any(hangs) {
        let text = "this fault needs the wire: use mock_server::MockServer";
        return ResponseTemplate::new(501).set_body_string(text);
    }
    let (mut body, mut delay) = (Vec::new(), Duration::ZERO);
    for step in &answer.steps {
        match step {
            Step::Body { pieces, .. } => body.extend(pieces.concat()),
            Step::Pause(Pause::Delay(time)) => delay += *time,
            _ => {}
        }
    }
    let mime = answer
        .headers
        .iter()
        .find(|(name, _)| name == "content-type");
    let mime = mime.map_or("application/json", |(_, value)| value);
    let mut template = ResponseTemplate::new(answer.status).set_body_raw(body, mime);
    for (name, value) in &answer.headers {
        if name != "content-type" {
            template = template.append_header(name.as_str(), value.as_str());
        }
    }
    template.set_delay(delay)
}

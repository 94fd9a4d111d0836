//! The providers' answers for people who already have a `wiremock::MockServer` (feature `wiremock`).
//!
//! ```
//! use mock_server::wiremock::ImageApi;
//! use wiremock::{Mock, MockServer};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockServer::start().await;
//! let api = ImageApi::new(mock_server::settings::Settings::default())?;
//! Mock::given(api.clone()).respond_with(api).expect(0).mount(&server).await;
//! // … point the code under test at `{server.uri()}/v1` …
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # Limits
//! wiremock sends whole bodies: streams come at once, holds do not hold. A fault that needs the wire (resets,
//! cuts, stalls, framing) is answered with 501, which names it; [`MockServer`](crate::MockServer) plays it.

use std::sync::Arc;
use std::time::Duration;

use ::wiremock::{Match, Request, Respond, ResponseTemplate};
use time::OffsetDateTime;

use crate::StartError;
use crate::core::Core;
use crate::settings::Settings;
use crate::verdict::Verdict;
use crate::wire::{self, Answer, Framing, Pause, Step};

/// Matches calls of the providers' operations and responds as the providers do.
#[derive(Clone)]
pub struct ImageApi(Arc<Core>);

impl ImageApi {
    /// With these settings; TLS is wiremock's business.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        Ok(Self(Arc::new(Core::new(settings, "http://localhost")?)))
    }

    /// What the journal says of the client.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.0.verdict(None)
    }
}

impl Match for ImageApi {
    fn matches(&self, request: &Request) -> bool {
        let request = read(request);
        let mut providers = self.0.providers.iter();
        let provider = providers.find(|provider| provider.claims(&request));
        provider.is_some_and(|provider| provider.read(&request).operation.is_some())
    }
}

impl Respond for ImageApi {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let visit = self.0.receive(read(request), OffsetDateTime::now_utc());
        template(&self.0.answer(&visit))
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

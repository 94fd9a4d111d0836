//! A mock provider server that does image APIs properly: real images of the size and format asked for, real
//! streams, the provider's own validation and errors, faults on demand, and a journal of what arrived.
//!
//! As a binary it is `image-mock-server`; in a test it is a [`MockServer`]:
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mock = mock_server::MockServer::start().await?;
//! // Point any OpenAI client at `{url}/v1`; a case token in the prompt ties calls to a script.
//! mock.script("abcdefgh23", &["rate-limit;retry-after=1", "ok"])?;
//! let base_url = format!("{}/v1", mock.url());
//! # let _ = base_url;
//! // … run the code under test …
//! assert!(mock.journal("abcdefgh23").entries.is_empty());
//! mock.shutdown().await;
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # Layout
//! * [`wire`]: requests and answers as plain values
//! * [`provider`]: what each provider takes and answers; [`catalogue`] and `fixtures` are its data
//! * [`image`]: painting, encoding, provenance
//! * [`verdict`]: what the journal says of the client
//! * [`latency`], [`rate_limit`], [`tls`]: realism on demand
//! * [`scenario`], [`fault`], [`playbook`]: what to answer instead of success
//! * [`journal`], [`control`]: what arrived, and the API under `/_mock/`
//! * `server`: the only part that touches sockets
//!
//! # Limits
//! So far: OpenAI's `images/generations`, `images/edits`, `images/variations`, `chat/completions` and
//! `responses` (fixed texts, and images), and `models`; the same of Azure, by deployment and on `/openai/v1`, with
//! tokens of Entra, whose signatures nobody verifies; `generateContent` with its stream, `countTokens` and Imagen's
//! `predict` on Vertex AI and the Gemini API, with Google's token and metadata servers, which verify no signature; the
//! models of the Gemini API; of the OpenAI-compatible endpoints chat in fixed words (images are refused there, as they
//! are by Google), models and `images/generations`. Text models have no tools, and a tuned model or endpoint is the
//! first model of its kind. Addresses of input images are taken as they are, nothing is fetched. Responses are not
//! stored, functions are not called, and of what text models refuse only what recordings show is refused. GIF and SVG,
//! which are previews, are refused.
//! HTTP/1.1, plain or over TLS.

pub mod catalogue;
pub mod control;
mod core;
pub mod duration;
pub mod fault;
pub mod image;
pub mod journal;
mod kept;
pub mod latency;
mod metrics;
pub mod playbook;
pub mod provider;
pub mod rate_limit;
pub mod scenario;
mod server;
pub mod service_account;
pub mod settings;
pub mod tls;
pub mod verdict;
pub mod wire;
#[cfg(feature = "wiremock")]
pub mod wiremock;

/// The README's snippets are compiled as tests of documentation.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::catalogue::CatalogueError;
use crate::core::Core;
use crate::image::Token;
use crate::journal::{Page, Query};
use crate::playbook::{AnswerText, ScriptError, ScriptText};
use crate::scenario::{Directive, ScenarioError};
use crate::settings::{Deployment, Settings};
use crate::tls::TlsError;
use crate::verdict::Verdict;

/// A running mock server. Dropping it stops it at once; [`shutdown`](Self::shutdown) lets open answers end.
pub struct MockServer {
    core: Arc<Core>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    expected: Mutex<Vec<(Token, usize)>>,
}

impl MockServer {
    /// Starts a server with default settings on a free port of the loopback address.
    ///
    /// # Errors
    /// No port could be opened.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// A server that is told more before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens, for example `http://127.0.0.1:49152`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = scheme(self.core.identity.is_some());
        format!("{scheme}://{}", self.address)
    }

    /// The certificate that it speaks TLS with, as PEM, for clients that are to trust it; none without TLS.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        let identity = self.core.identity.as_ref()?;
        Some(&identity.certificate)
    }

    /// Sets the answers for the calls that carry `[[case:TOKEN]]` in their prompt, one scenario text a call.
    ///
    /// # Errors
    /// The token or a scenario text cannot be used.
    pub fn script(&self, token: &str, answers: &[&str]) -> Result<(), LibraryError> {
        let answers = answers.iter().map(|text| AnswerText {
            directive: (*text).to_owned(),
            hold: Vec::new(),
        });
        let script = ScriptText {
            answers: answers.collect(),
        };
        let conditions = self.core.conditions();
        let token = parse_token(token)?;
        Ok(self.core.playbook.set_script(token, &script, &conditions)?)
    }

    /// What arrived with this token so far; with an empty text, everything that arrived.
    #[must_use]
    pub fn journal(&self, token: &str) -> Page {
        self.core.journal.page(&Query {
            case: (!token.is_empty()).then(|| token.to_owned()),
            ..Query::default()
        })
    }

    /// What the journal says of the client so far: where it ignored Retry-After, stormed, paid twice, sent what
    /// is deprecated or refused, or leaked a canary.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.core.verdict(None)
    }

    /// Expects exactly so many calls with this token by the time the server is dropped or shut down; without
    /// them, dropping it panics and says what came.
    ///
    /// # Errors
    /// The token cannot be used.
    pub fn expect(&self, token: &str, calls: usize) -> Result<(), LibraryError> {
        let token = parse_token(token)?;
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.retain(|(known, _)| *known != token);
        expected.push((token, calls));
        Ok(())
    }

    /// Says which expectations do not hold now.
    ///
    /// # Errors
    /// What was expected and what came instead, a line a token.
    pub fn verify(&self) -> Result<(), String> {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = expected.iter().filter_map(|(token, calls)| {
            let page = self.journal(&token.to_string());
            let came = page.entries.len();
            let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
            let gap = if page.oldest > 1 {
                "; earlier entries were dropped"
            } else {
                ""
            };
            (came != *calls).then(|| {
                format!("case {token}: expected {calls} calls, {came} came (entries {seqs:?}{gap})")
            })
        });
        let missed: Vec<_> = missed.collect();
        match missed.is_empty() {
            true => Ok(()),
            false => Err(missed.join("\n")),
        }
    }

    /// Stops taking connections, lets open answers end (five seconds at most) and returns then.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        let _ = (&mut self.task).await;
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.task.abort();
        if !std::thread::panicking()
            && let Err(missed) = self.verify()
        {
            panic!("the mock server's expectations do not hold:\n{missed}");
        }
    }
}

fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

fn parse_token(token: &str) -> Result<Token, LibraryError> {
    let parsed = token.parse();
    parsed.map_err(|_| LibraryError::Token(token.to_owned()))
}

/// Settings of a server to be started.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    settings: Settings,
    scenario: Option<String>,
}

impl Builder {
    /// Replaces all settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Changes some settings.
    pub fn configure(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Accepts this credential, and no other that was not named.
    pub fn api_key(self, key: impl Into<String>) -> Self {
        self.configure(|settings| settings.api_keys.push(key.into()))
    }

    /// A deployment of Azure and the model behind it.
    pub fn deployment(self, name: impl Into<String>, model: impl Into<String>) -> Self {
        let (name, model) = (name.into(), model.into());
        self.configure(|settings| settings.deployments.push(Deployment { name, model }))
    }

    /// How long a success takes.
    pub fn latency(self, latency: latency::Latency) -> Self {
        self.configure(|settings| settings.latency = latency)
    }

    /// What a credential may ask for in a minute.
    pub fn rate_limit(self, limit: rate_limit::RateLimit) -> Self {
        self.configure(|settings| settings.rate_limit = limit)
    }

    /// Speaks TLS.
    pub fn tls(self, tls: tls::Tls) -> Self {
        self.configure(|settings| settings.tls = Some(tls))
    }

    /// What every call is answered with, unless a script, prompt or header says otherwise.
    pub fn scenario(mut self, text: impl Into<String>) -> Self {
        self.scenario = Some(text.into());
        self
    }

    /// Starts the server on a free port of the loopback address.
    ///
    /// # Errors
    /// No port could be opened, or the scenario cannot be used.
    pub async fn start(self) -> Result<MockServer, StartError> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        self.start_on(listener.map_err(StartError::Listen)?)
    }

    /// Starts the server on a listener of the caller's. Needs a tokio runtime.
    ///
    /// # Errors
    /// The listener has no address, or the scenario cannot be used.
    pub fn start_on(self, listener: TcpListener) -> Result<MockServer, StartError> {
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let scheme = scheme(self.settings.tls.is_some());
        let mut core = Core::new(self.settings, &format!("{scheme}://{address}"))?;
        if let Some(text) = self.scenario {
            let directive = Directive::parse(&text, &core.conditions())?;
            core.start_with(directive);
        }
        let core = Arc::new(core);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(server::serve(Arc::clone(&core), listener, stopped));
        Ok(MockServer {
            core,
            address,
            stop,
            task,
            expected: Mutex::default(),
        })
    }
}

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

/// A call of the library with something that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A script item cannot be parsed.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// Not a token.
    #[error("'{0}' is no token: expected 10 characters of a-z and 2-7")]
    Token(String),
}

//! Says how a server behaves before it starts: a method for each flag of the binary, but `--log`, which is the
//! business of the program around it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::core::Core;
use crate::latency::Latency;
use crate::mock::MockServer;
use crate::rate_limit::RateLimit;
use crate::scenario::Directive;
use crate::settings::{Deployment, Settings, Validation};
use crate::tls::Tls;
use crate::{StartError, mock};

/// Settings of a server to be started.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/client.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_server::MockServer;
/// use mock_server::rate_limit::RateLimit;
///
/// let mock = MockServer::builder()
///     .api_key("sk-mine")                        // no other credential is accepted
///     .deployment("pictures", "gpt-image-1")     // Azure: /openai/deployments/pictures/…
///     .rate_limit(RateLimit { requests: Some(5), images: None })
///     .image_bytes(2_000_000)                    // as large as real ones
///     .scenario("delay=10ms")                    // every call
///     .start()
///     .await?;
/// let (status, body) = generate(&mock.url(), "a fox").await; // with another key
/// assert_eq!((status, &body["error"]["code"]), (401, &"invalid_api_key".into()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    settings: Settings,
    scenario: Option<String>,
    listen: Option<SocketAddr>,
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

    /// `--listen`: where [`start`](Self::start) listens; a free port of the loopback address without it.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// `--api-key`: accepts this credential, and no other that was not named.
    pub fn api_key(self, key: impl Into<String>) -> Self {
        self.configure(|settings| settings.api_keys.push(key.into()))
    }

    /// `--anonymous`: takes calls of Vertex without a credential too.
    pub fn anonymous(self) -> Self {
        self.configure(|settings| settings.anonymous = true)
    }

    /// `--deployment`: a deployment of Azure and the model behind it. Any other name stands for the longest
    /// known model id in it.
    pub fn deployment(self, name: impl Into<String>, model: impl Into<String>) -> Self {
        let (name, model) = (name.into(), model.into());
        self.configure(|settings| settings.deployments.push(Deployment { name, model }))
    }

    /// `--public-url`: what `url` results begin with; the address it listens on without it.
    pub fn public_url(self, url: impl Into<String>) -> Self {
        self.configure(|settings| settings.public_url = Some(url.into()))
    }

    /// `--as-of`: judges on this day which models are retired.
    pub fn as_of(self, day: time::Date) -> Self {
        self.configure(|settings| settings.as_of = Some(day))
    }

    /// `--legacy-models`: serves every retired model.
    pub fn legacy_models(self) -> Self {
        self.configure(|settings| settings.legacy_models = true)
    }

    /// `--scenario`: what every call is answered with, unless a script, prompt or header says otherwise.
    pub fn scenario(mut self, text: impl Into<String>) -> Self {
        self.scenario = Some(text.into());
        self
    }

    /// `--validation`: refuses what the provider refuses, or takes any value.
    pub fn validation(self, validation: Validation) -> Self {
        self.configure(|settings| settings.validation = validation)
    }

    /// `--latency`: how long a success takes.
    pub fn latency(self, latency: Latency) -> Self {
        self.configure(|settings| settings.latency = latency)
    }

    /// `--rate-limit`: what a credential may ask for in a minute.
    pub fn rate_limit(self, limit: RateLimit) -> Self {
        self.configure(|settings| settings.rate_limit = limit)
    }

    /// `--image-bytes`: pads every image to at least so many bytes.
    pub fn image_bytes(self, bytes: usize) -> Self {
        self.configure(|settings| settings.image_bytes = Some(bytes))
    }

    /// `--seed`: fixes ids, pictures and latencies; 0 without it.
    pub fn seed(self, seed: u64) -> Self {
        self.configure(|settings| settings.seed = seed)
    }

    /// `--journal-entries`: keeps at most so many entries of the journal.
    pub fn journal_entries(self, entries: usize) -> Self {
        self.configure(|settings| settings.journal_entries = entries)
    }

    /// `--journal-bytes`: keeps at most about so many bytes of journal.
    pub fn journal_bytes(self, bytes: usize) -> Self {
        self.configure(|settings| settings.journal_bytes = bytes)
    }

    /// `--max-body`: refuses larger request bodies.
    pub fn max_body(self, bytes: usize) -> Self {
        self.configure(|settings| settings.max_body = bytes)
    }

    /// `--tls`, `--tls-cert` and `--tls-key`: speaks TLS. A client trusts
    /// [`MockServer::certificate`](MockServer::certificate).
    pub fn tls(self, tls: Tls) -> Self {
        self.configure(|settings| settings.tls = Some(tls))
    }

    /// `--mutant`: does something wrong on purpose.
    #[cfg(feature = "mutants")]
    pub fn mutants(self, mutants: impl IntoIterator<Item = mutation::Mutant>) -> Self {
        self.configure(|settings| settings.mutants.extend(mutants))
    }

    /// Starts the server. Needs a tokio runtime.
    ///
    /// # Errors
    /// The port cannot be opened, or a deployment, the scenario or the certificate cannot be used.
    pub async fn start(self) -> Result<MockServer, StartError> {
        let address = self.listen.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        let listener = TcpListener::bind(address).await;
        self.start_on(listener.map_err(StartError::Listen)?)
    }

    /// Starts the server on a listener of the caller's. Needs a tokio runtime.
    ///
    /// # Errors
    /// The listener has no address, or a deployment, the scenario or the certificate cannot be used.
    pub fn start_on(self, listener: TcpListener) -> Result<MockServer, StartError> {
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let scheme = mock::scheme(self.settings.tls.is_some());
        let mut core = Core::new(self.settings, &format!("{scheme}://{address}"))?;
        if let Some(text) = self.scenario {
            let directive = Directive::parse(&text, &core.words)?;
            core.start_with(directive);
        }
        Ok(MockServer::serving(Arc::new(core), address, listener))
    }
}

//! Everything that a run can be told before it starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::Catalog;
use crate::expectation::Expired;
use crate::run::setup::SetupError;

/// Where the mock of a target that the harness did not start listens, unless told otherwise.
pub const DEFAULT_UPSTREAM: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9100);
/// The variable that holds the client key of a target of which only the address is known.
pub const DEFAULT_KEY_VARIABLE: &str = "IMAGE_HARNESS_API_KEY";
/// Starts a gateway in front of the upstream with this address, and gives the gateway's own.
pub type Starter = Arc<dyn Fn(String) -> Starting + Send + Sync>;
/// A gateway that is being started.
pub type Starting =
    Pin<Box<dyn Future<Output = Result<String, Box<dyn std::error::Error + Send + Sync>>> + Send>>;

/// Changes how a mock is started.
pub type MockChange = Arc<dyn Fn(mock_server::Builder) -> mock_server::Builder + Send + Sync>;
/// Changes how the reference gateway is started.
#[cfg(feature = "reference-gateway")]
pub type GatewayChange = Arc<dyn Fn(&mut reference_gateway::Config) + Send + Sync>;

/// What the built-in target is started with instead of its defaults.
#[derive(Clone, Default)]
pub struct Changes {
    /// Changes the mock, whether it is the target or the upstream.
    pub mock: Option<MockChange>,
    /// Changes the reference gateway.
    #[cfg(feature = "reference-gateway")]
    pub gateway: Option<GatewayChange>,
}

/// What is to be tested.
#[derive(Clone, Default)]
pub enum TargetChoice {
    /// The reference gateway, or the mock alone with a native profile.
    #[default]
    Builtin,
    /// A file.
    File(PathBuf),
    /// A gateway that the caller starts.
    Started(Starter),
    /// An address.
    Url(String),
}

impl TargetChoice {
    /// What a text names: an address, or else a file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.contains("://") {
            Self::Url(text.to_owned())
        } else {
            Self::File(PathBuf::from(text))
        }
    }
}

/// Where the failures stand that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KnownFailures {
    /// In a file beside the target's, if there is one: `name.expectations.toml` beside `name.toml`.
    #[default]
    Beside,
    /// In this file.
    File(PathBuf),
    /// Nothing is known.
    Ignored,
}

/// What stands behind the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamChoice {
    /// A mock that the harness starts there; one that already answers there is used. Without an address the target
    /// file says where, or else [`DEFAULT_UPSTREAM`] does.
    Listen(Option<SocketAddr>),
    /// A mock that runs already.
    Url(String),
    /// No mock: a real provider.
    None,
}

/// Everything that a run can be told before it starts.
#[derive(Clone)]
pub struct Options {
    /// What is to be tested.
    pub target: TargetChoice,
    /// The profile, where the target does not say it.
    pub profile: Option<String>,
    /// The variable that holds the client key.
    pub api_key_env: Option<String>,
    /// The user's own cases.
    pub cases: Vec<PathBuf>,
    /// The dated set of requirements; the newest, unless stated.
    pub requirements: Option<String>,
    /// Where the failures stand that are known.
    pub expectations: KnownFailures,
    /// What becomes of expectations whose day is over.
    pub expired: Expired,
    /// What targets did before; without it, what the built-in ones did.
    pub snapshots: Option<PathBuf>,
    /// How often each instance is run.
    pub repeat: u32,
    /// What stands behind the target.
    pub upstream: UpstreamChoice,
    /// For one answer, where the target does not say it.
    pub timeout: Option<Duration>,
    /// Slow cases, too.
    pub slow: bool,
    /// One good request may be the probe.
    pub allow_paid: bool,
    /// Fixes tokens.
    pub seed: u64,
    /// What the built-in target is started with; it is then held against no snapshot.
    pub changes: Option<Changes>,
}

impl Options {
    /// Everything that can be selected, by the set of requirements that was asked for.
    ///
    /// # Errors
    /// A file cannot be used, or there is no such set.
    pub fn catalog(&self) -> Result<Catalog, SetupError> {
        let mut catalog = Catalog::load(&self.cases)?;
        catalog
            .choose(self.requirements.as_deref())
            .map_err(SetupError::Usage)?;
        Ok(catalog)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target: TargetChoice::default(),
            profile: None,
            api_key_env: None,
            cases: Vec::new(),
            requirements: None,
            expectations: KnownFailures::default(),
            expired: Expired::default(),
            snapshots: None,
            repeat: 1,
            upstream: UpstreamChoice::Listen(None),
            timeout: None,
            slow: false,
            allow_paid: false,
            seed: 0,
            changes: None,
        }
    }
}

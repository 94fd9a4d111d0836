//! Everything a server can be told before it starts, as one plain value. The flags and the builder both end
//! here.

use std::str::FromStr;

use crate::latency::Latency;
use crate::rate_limit::RateLimit;
use crate::scenario::Directive;
use crate::tls::Tls;

/// How the mock answers and what it keeps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Accept only these credentials, and tokens of the server's own; empty: anything non-empty that does not
    /// contain `invalid`.
    pub api_keys: Vec<String>,
    /// Vertex also takes calls without a credential.
    pub anonymous: bool,
    /// Azure's deployments, of known models; any other name stands for the longest known model id in it.
    pub deployments: Vec<Deployment>,
    /// The address that `url` results begin with; none: the address it listens on.
    pub public_url: Option<String>,
    /// The day on which models are judged retired; none: only what is retired by default.
    pub as_of: Option<time::Date>,
    /// Serve retired models as if they were not.
    pub legacy_models: bool,
    /// What every call is answered with, unless a script, prompt or header says otherwise.
    pub scenario: Option<Directive>,
    /// Refuse what the provider refuses.
    pub validation: Validation,
    /// How long a success takes.
    pub latency: Latency,
    /// What a credential may ask for in a minute.
    pub rate_limit: RateLimit,
    /// Fixes ids, pictures and latencies.
    pub seed: u64,
    /// Every image has at least this many bytes, and every thought signature of Gemini 3 holds as many.
    pub image_bytes: Option<usize>,
    /// Speak TLS; none: plain HTTP.
    pub tls: Option<Tls>,
    /// The journal keeps at most this many entries.
    pub journal_entries: usize,
    /// The journal keeps at most about this many bytes.
    pub journal_bytes: usize,
    /// Larger request bodies are refused, in bytes.
    pub max_body: usize,
    /// What it does wrong, for tests of tests.
    #[cfg(feature = "mutants")]
    pub mutants: Vec<mutation::Mutant>,
}

/// A deployment of Azure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// How it is called in paths.
    pub name: String,
    /// The id of the model behind it.
    pub model: String,
}

impl FromStr for Deployment {
    type Err = DeploymentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('=');
        let (name, model) = parts
            .filter(|(name, model)| !name.is_empty() && !name.contains('/') && !model.is_empty())
            .ok_or_else(|| DeploymentError::Form(text.to_owned()))?;
        Ok(Self {
            name: name.to_owned(),
            model: model.to_owned(),
        })
    }
}

/// A deployment that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// A text that names none.
    #[error("'{0}' is no deployment: expected NAME=MODEL, for example pictures=gpt-image-1")]
    Form(String),
    /// Nothing is known of the model.
    #[error("the model of deployment '{}' is not known: expected one of {known}", .deployment.name)]
    Model {
        /// The deployment as it was asked for.
        deployment: Deployment,
        /// The models that there are, with commas between them.
        known: String,
    },
}

/// How strictly request members are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Take any value and make the best of it.
    Lenient,
    /// As the provider does.
    #[default]
    Strict,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_keys: Vec::new(),
            anonymous: false,
            deployments: Vec::new(),
            public_url: None,
            as_of: None,
            legacy_models: false,
            scenario: None,
            validation: Validation::Strict,
            latency: Latency::None,
            rate_limit: RateLimit::default(),
            seed: 0,
            image_bytes: None,
            tls: None,
            journal_entries: 10_000,
            journal_bytes: 32 << 20,
            max_body: 64 << 20,
            #[cfg(feature = "mutants")]
            mutants: Vec::new(),
        }
    }
}

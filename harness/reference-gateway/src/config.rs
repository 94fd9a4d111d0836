//! What a gateway is started with, as plain values.
//!
//! Everything here is already parsed: an upstream address that exists is usable, a secret that exists can be sent
//! as a header. Reading flags and the environment is the binary's affair.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use crate::limits::Limits;
use crate::profile::Profile;
use crate::upstream::google_account::ServiceAccount;

/// The settings of one gateway.
///
/// ```
/// use reference_gateway::{Config, Provider};
///
/// let mut config = Config::new("http://127.0.0.1:9100".parse()?);
/// config.upstreams.entry(Provider::OpenAi).and_modify(|upstream| {
///     upstream.key = "sk-upstream-key".parse().ok();
/// });
/// # Ok::<(), reference_gateway::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// Which document the gateway implements.
    pub profile: Profile,
    /// The address that clients know, for the links to hosted images; the listening address if absent.
    pub public_url: Option<BaseUrl>,
    /// Where each provider is reached.
    pub upstreams: BTreeMap<Provider, Upstream>,
    /// Who may call.
    pub clients: Clients,
    /// The `api-version` of calls to Azure OpenAI.
    pub azure_api_version: String,
    /// Where in Vertex AI the models are.
    pub vertex: Vertex,
    /// Bounds on sizes, counts and times.
    pub limits: Limits,
    /// What it does wrong, for tests of tests.
    #[cfg(feature = "mutants")]
    pub mutants: Vec<mutation::Mutant>,
}

impl Config {
    /// The default settings in front of one upstream that serves every provider, without a key.
    #[must_use]
    pub fn new(upstream: BaseUrl) -> Self {
        let upstream = Upstream {
            url: upstream,
            key: None,
        };
        Self {
            profile: Profile::default(),
            public_url: None,
            upstreams: Provider::ALL
                .iter()
                .map(|provider| (*provider, upstream.clone()))
                .collect(),
            clients: Clients::default(),
            azure_api_version: AZURE_API_VERSION.to_owned(),
            vertex: Vertex::default(),
            limits: Limits::default(),
            #[cfg(feature = "mutants")]
            mutants: Vec::new(),
        }
    }
}

/// The newest preview that has every documented parameter of images (Azure OpenAI reference, 2025-04-01-preview).
pub const AZURE_API_VERSION: &str = "2025-04-01-preview";

/// Where in Vertex AI the models are, and who the gateway is there.
#[derive(Clone, Debug)]
pub struct Vertex {
    /// The id of the project.
    pub project: String,
    /// The region, or `global`.
    pub location: String,
    /// Whose tokens open it; without one the upstream's key is the token.
    pub account: Option<ServiceAccount>,
}

impl Default for Vertex {
    fn default() -> Self {
        Self {
            project: "reference".to_owned(),
            location: "us-central1".to_owned(),
            account: None,
        }
    }
}

/// One upstream: its address and the key that opens it.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The root of its API, with or without a trailing `/v1`.
    pub url: BaseUrl,
    /// Sent as the provider takes it; without one no credential is sent.
    pub key: Option<Secret>,
}

/// A provider whose protocol the gateway speaks to its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// The OpenAI API.
    OpenAi,
    /// Azure OpenAI, by deployments.
    Azure,
    /// Vertex AI.
    Vertex,
    /// The Gemini API.
    Gemini,
}

impl Provider {
    /// Every provider.
    pub const ALL: &[Self] = &[Self::OpenAi, Self::Azure, Self::Vertex, Self::Gemini];

    /// The name used on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Vertex => "vertex",
            Self::Gemini => "gemini",
        }
    }
}

impl FromStr for Provider {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::ALL
            .iter()
            .copied()
            .find(|provider| provider.name() == name)
            .ok_or_else(|| ConfigError::Provider(name.to_owned()))
    }
}

/// What a client key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// An OpenAI platform group with image generation.
    OpenAi,
    /// An OpenAI platform group without image generation.
    OpenAiNoImages,
    /// A Gemini platform group.
    Gemini,
    /// No group at all: a valid key that cannot be used.
    None,
}

impl Group {
    /// Every group.
    pub const ALL: &[Self] = &[Self::OpenAi, Self::OpenAiNoImages, Self::Gemini, Self::None];

    /// The name used on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenAiNoImages => "openai-no-images",
            Self::Gemini => "gemini",
            Self::None => "none",
        }
    }
}

impl FromStr for Group {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::ALL
            .iter()
            .copied()
            .find(|group| group.name() == name)
            .ok_or(ConfigError::Group)
    }
}

/// The keys that clients may use.
#[derive(Clone, Debug, Default)]
pub enum Clients {
    /// Any non-empty key is one of the group [`Group::OpenAi`], except what contains `invalid`.
    #[default]
    Open,
    /// These keys and no others.
    Listed(Vec<(Secret, Group)>),
}

/// A credential. It never shows itself in `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl FromStr for Secret {
    type Err = ConfigError;

    /// # Errors
    /// When the text is empty or has characters that no bearer token can have.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::Secret);
        }
        Ok(Self(text.to_owned()))
    }
}

/// An `http` or `https` address without credentials, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// The address with `path` (which begins with a slash) after it.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }

    pub(crate) fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.0.port()
    }
}

impl FromStr for BaseUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let url = Url::parse(text).map_err(|_| ConfigError::Url)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if plain {
            Ok(Self(url))
        } else {
            Err(ConfigError::Url)
        }
    }
}

/// A setting that cannot be used. No message quotes a value that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not an address that a gateway can call.
    #[error(
        "an address must be http:// or https:// with a host, and without credentials, query or fragment"
    )]
    Url,
    /// A provider that is not served.
    #[error("unknown provider `{0}`; known: openai, azure, vertex, gemini")]
    Provider(String),
    /// A key file of Google's that cannot be used.
    #[error("the service account file cannot be used: {0}")]
    Account(&'static str),
    /// A group that does not exist.
    #[error("unknown group of a client key; known: openai, openai-no-images, gemini, none")]
    Group,
    /// Text that cannot be a bearer token.
    #[error("a key must be non-empty and consist of visible ASCII characters")]
    Secret,
}

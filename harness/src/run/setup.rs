//! Brings a run up: the mock upstream, the target in front of it, and the proof that they are connected.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mock_server::MockServer;
use tokio::net::TcpListener;

use crate::case::Credential;
use crate::catalog::{Catalog, CatalogError, nearest};
use crate::check::Schemas;
use crate::exchange::client::Client;
use crate::exchange::mock::{Mock, MockError};
use crate::profile::Profile;
use crate::run::applies::Means;
use crate::run::probe;
use crate::run::session::Session;
use crate::target::{Secret, Target, TargetError, TargetFile};
use crate::verdict::Exit;

/// Where the mock of a target that the harness did not start listens, unless told otherwise.
pub const DEFAULT_UPSTREAM: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9100);
/// The variable that holds the client key of a target of which only the address is known.
pub const DEFAULT_KEY_VARIABLE: &str = "IMAGE_HARNESS_API_KEY";
/// The profile of the built-in target.
const BUILTIN_PROFILE: &str = "platform";
/// The profile of a target of which only the address is known.
const BASELINE_PROFILE: &str = "openai-images";

/// Starts a gateway in front of the upstream with this address, and gives the gateway's own.
pub type Starter = Arc<dyn Fn(String) -> Starting + Send + Sync>;
/// A gateway that is being started.
pub type Starting = Pin<Box<dyn Future<Output = Result<String, Box<dyn std::error::Error + Send + Sync>>> + Send>>;

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
        if text.contains("://") { Self::Url(text.to_owned()) } else { Self::File(PathBuf::from(text)) }
    }
}

/// What stands behind the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamChoice {
    /// A mock that the harness starts there; one that already answers there is used.
    Listen(SocketAddr),
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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target: TargetChoice::default(),
            profile: None,
            api_key_env: None,
            cases: Vec::new(),
            upstream: UpstreamChoice::Listen(DEFAULT_UPSTREAM),
            timeout: None,
            slow: false,
            allow_paid: false,
            seed: 0,
        }
    }
}

/// A session and the servers that it started; they end when this is dropped.
pub struct Running {
    /// What runs cases.
    pub session: Arc<Session>,
    _mock: Option<MockServer>,
    #[cfg(feature = "reference-gateway")]
    _gateway: Option<reference_gateway::Handle>,
}

/// Brings a run up. `env` reads environment variables.
///
/// # Errors
/// A command line or file that cannot be used; a server that cannot be started; a target that is not connected to
/// the mock.
pub async fn start(options: &Options, env: &(dyn Fn(&str) -> Option<String> + Sync)) -> Result<Running, SetupError> {
    let catalog = Catalog::load(&options.cases)?;
    let client = Client::new().map_err(SetupError::Client)?;
    let stage = Stage { options, env, catalog: &catalog };
    let parts = match &options.target {
        TargetChoice::Builtin => stage.builtin().await?,
        TargetChoice::Started(starter) => stage.started(starter).await?,
        TargetChoice::Url(_) | TargetChoice::File(_) => stage.external().await?,
    };
    let mut target = parts.target;
    if let Some(timeout) = options.timeout {
        target.timeout = timeout;
    }
    if let Some(mock) = &parts.mock_client {
        let clients = target.credentials.values().map(|secret| secret.value.clone());
        let canaries = if target.policies.shared_key { Vec::new() } else { clients.collect() };
        mock.canaries(canaries).await?;
    }
    let session = Session {
        upstream_url: parts.mock_client.as_ref().map(|mock| mock.url().to_owned()).unwrap_or_default(),
        mock: parts.mock_client,
        target,
        seed: options.seed,
        slow: options.slow,
        paid: options.allow_paid,
        client,
        schemas: Schemas::default(),
        catalog,
    };
    if parts.probed {
        probe::connected(&session, parts.probe, options.allow_paid).await?;
    }
    Ok(Running {
        session: Arc::new(session),
        _mock: parts.mock,
        #[cfg(feature = "reference-gateway")]
        _gateway: parts.gateway,
    })
}

/// What a run would be about, with nothing started: enough to list what applies.
pub struct Outline {
    /// What can be run.
    pub catalog: Catalog,
    /// Against what; a target that is started for the run has no address yet.
    pub target: Target,
    /// What the run would have.
    pub means: Means,
}

/// What a run with these options would be about.
///
/// # Errors
/// A command line or file that cannot be used.
pub fn outline(options: &Options, env: &(dyn Fn(&str) -> Option<String> + Sync)) -> Result<Outline, SetupError> {
    let catalog = Catalog::load(&options.cases)?;
    let stage = Stage { options, env, catalog: &catalog };
    let started = |default: &str| {
        let profile = stage.profile(options.profile.as_deref().unwrap_or(default))?;
        Ok::<_, SetupError>(Target::of_url("http://localhost", profile, fixed_key(Credential::Default)))
    };
    let target = match &options.target {
        TargetChoice::Builtin => {
            let mut target = started(BUILTIN_PROFILE)?;
            if !is_native(&target.profile) {
                complete_builtin(&mut target);
            }
            target
        }
        TargetChoice::Started(_) => started(BASELINE_PROFILE)?,
        TargetChoice::Url(_) | TargetChoice::File(_) => stage.target()?.0,
    };
    let means = Means {
        upstream: options.upstream != UpstreamChoice::None,
        slow: options.slow,
        paid: options.allow_paid,
    };
    Ok(Outline { catalog, target, means })
}

fn is_native(profile: &Profile) -> bool {
    mock_server::provider::PROVIDERS.iter().any(|provider| provider.id() == profile.id)
}

/// What the reference gateway has beside its profile.
fn complete_builtin(target: &mut Target) {
    let roles = [
        Credential::Default,
        Credential::Second,
        Credential::OtherGroup,
        Credential::NoImages,
        Credential::NoGroup,
    ];
    target.credentials = roles.into_iter().map(|role| (role, fixed_key(role))).collect();
    // Letting the provider's call go is one of two legal ways; the reference gateway's is this one.
    target.profile.features.insert("disconnect.cancels".to_owned());
}

/// What was started and found.
struct Parts {
    target: Target,
    mock: Option<MockServer>,
    mock_client: Option<Mock>,
    #[cfg(feature = "reference-gateway")]
    gateway: Option<reference_gateway::Handle>,
    /// Whether the connection between target and mock has to be proved.
    probed: bool,
    probe: Option<serde_json::Map<String, serde_json::Value>>,
}

struct Stage<'o> {
    options: &'o Options,
    env: &'o (dyn Fn(&str) -> Option<String> + Sync),
    catalog: &'o Catalog,
}

impl Stage<'_> {
    async fn builtin(&self) -> Result<Parts, SetupError> {
        let profile = self.profile(self.options.profile.as_deref().unwrap_or(BUILTIN_PROFILE))?;
        let mock = MockServer::start().await?;
        let mock_client = Mock::new(&mock.url())?;
        if is_native(&profile) {
            let mut target = Target::of_url(&mock.url(), profile, fixed_key(Credential::Default));
            target.name = "the mock itself".to_owned();
            target.is_mock = true;
            target.policies.shared_key = true;
            return Ok(Parts::new(target, Some(mock), Some(mock_client)));
        }
        self.reference(profile, mock, mock_client).await
    }

    #[cfg(feature = "reference-gateway")]
    async fn reference(&self, profile: Profile, mock: MockServer, mock_client: Mock) -> Result<Parts, SetupError> {
        let gateway = reference::start(&profile.id, &mock.url()).await?;
        let mut target = Target::of_url(gateway.url(), profile, fixed_key(Credential::Default));
        target.name = "the reference gateway".to_owned();
        complete_builtin(&mut target);
        target.upstream_keys = vec![reference::upstream_key()];
        let mut parts = Parts::new(target, Some(mock), Some(mock_client));
        parts.gateway = Some(gateway);
        Ok(parts)
    }

    #[cfg(not(feature = "reference-gateway"))]
    async fn reference(&self, _: Profile, _: MockServer, _: Mock) -> Result<Parts, SetupError> {
        Err(SetupError::Usage("this build has no reference gateway: name a target with --target".to_owned()))
    }

    /// A gateway that the caller starts in front of a mock on a free port.
    async fn started(&self, starter: &Starter) -> Result<Parts, SetupError> {
        let profile = self.profile(self.options.profile.as_deref().unwrap_or(BASELINE_PROFILE))?;
        let mock = MockServer::start().await?;
        let mock_client = Mock::new(&mock.url())?;
        let url = starter(mock.url()).await.map_err(SetupError::Gateway)?;
        let target = Target::of_url(&url, profile, self.key()?);
        let mut parts = Parts::new(target, Some(mock), Some(mock_client));
        parts.probed = true;
        Ok(parts)
    }

    async fn external(&self) -> Result<Parts, SetupError> {
        let (mut target, probe) = self.target()?;
        let (mock, mock_client) = self.upstream().await?;
        if let Some(mock) = &mock_client {
            target.is_mock = crate::run::request::same_origin(&target.base_url, mock.url());
            target.policies.shared_key |= target.is_mock;
        }
        let probed = mock_client.is_some() && !target.is_mock;
        let mut parts = Parts::new(target, mock, mock_client);
        (parts.probed, parts.probe) = (probed, probe);
        Ok(parts)
    }

    fn target(&self) -> Result<(Target, Option<serde_json::Map<String, serde_json::Value>>), SetupError> {
        let path = match &self.options.target {
            TargetChoice::Url(url) => {
                reqwest::Url::parse(url).map_err(|error| SetupError::Usage(format!("'{url}' is no address: {error}")))?;
                let profile = self.profile(self.options.profile.as_deref().unwrap_or(BASELINE_PROFILE))?;
                return Ok((Target::of_url(url, profile, self.key()?), None));
            }
            TargetChoice::File(path) => path,
            TargetChoice::Builtin | TargetChoice::Started(_) => {
                return Err(SetupError::Usage("no target was named".to_owned()));
            }
        };
        let file = TargetFile::read(path)?;
        let profile = self.profile(self.options.profile.as_deref().unwrap_or(&file.profile))?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let probe = file.probe.clone();
        let mut target = file.target(&name.unwrap_or_default(), profile, self.env)?;
        if self.options.api_key_env.is_some() || !target.credentials.contains_key(&Credential::Default) {
            target.credentials.insert(Credential::Default, self.key()?);
        }
        Ok((target, probe))
    }

    async fn upstream(&self) -> Result<(Option<MockServer>, Option<Mock>), SetupError> {
        let address = match &self.options.upstream {
            UpstreamChoice::None => return Ok((None, None)),
            UpstreamChoice::Url(url) => {
                let mock = Mock::new(url)?;
                mock.health().await?;
                return Ok((None, Some(mock)));
            }
            UpstreamChoice::Listen(address) => *address,
        };
        match TcpListener::bind(address).await {
            Ok(listener) => {
                let server = MockServer::builder().start_on(listener)?;
                let client = Mock::new(&server.url())?;
                Ok((Some(server), Some(client)))
            }
            Err(source) => {
                let client = Mock::new(&format!("http://{address}"))?;
                match client.health().await {
                    Ok(_) => Ok((None, Some(client))),
                    Err(_) => Err(SetupError::Upstream { address, source }),
                }
            }
        }
    }

    fn profile(&self, id: &str) -> Result<Profile, SetupError> {
        self.catalog.profile(id).ok_or_else(|| {
            let known = nearest(id, self.catalog.profiles.keys().map(String::as_str));
            SetupError::Usage(format!("unknown profile '{id}': did you mean {known}?"))
        })
    }

    /// The client key from the environment. Without a named variable a local gateway may need none: a key that
    /// opens nothing is sent.
    fn key(&self) -> Result<Secret, SetupError> {
        let named = self.options.api_key_env.as_deref();
        let variable = named.unwrap_or(DEFAULT_KEY_VARIABLE);
        match (self.env)(variable).filter(|value| !value.is_empty()) {
            Some(value) => Ok(Secret { value, shown: format!("${variable}") }),
            None if named.is_some() => Err(SetupError::Usage(format!("the variable {variable} is not set"))),
            None => Ok(fixed_key(Credential::Default)),
        }
    }
}

impl Parts {
    fn new(target: Target, mock: Option<MockServer>, mock_client: Option<Mock>) -> Self {
        Self {
            target,
            mock,
            mock_client,
            #[cfg(feature = "reference-gateway")]
            gateway: None,
            probed: false,
            probe: None,
        }
    }
}

/// A client key that opens nothing but what the harness starts itself.
fn fixed_key(role: Credential) -> Secret {
    let keys = BTreeMap::from([
        (Credential::Default, "sk-client-9fQ2xK7mWz4Ty1Lb"),
        (Credential::Second, "sk-client-3hV8nR5pXc6Jd0Gs"),
        (Credential::OtherGroup, "sk-client-7tB4yM1kHw9Zq2Nv"),
        (Credential::NoImages, "sk-client-5gD6rS8jFe3Uo7Ca"),
        (Credential::NoGroup, "sk-client-1wP0vL3bYi5Xm8Rk"),
    ]);
    let value = keys.get(&role).copied().unwrap_or("sk-client-0");
    Secret {
        value: value.to_owned(),
        shown: format!("${DEFAULT_KEY_VARIABLE}"),
    }
}

/// The reference gateway, in-process.
#[cfg(feature = "reference-gateway")]
mod reference {
    use reference_gateway::{Clients, Config, Group, Handle};
    use tokio::net::TcpListener;

    use super::{SetupError, fixed_key};
    use crate::case::Credential;
    use crate::target::Secret;

    /// The role of each key and the group that it belongs to.
    pub(super) const ROLES: &[(Credential, Group)] = &[
        (Credential::Default, Group::OpenAi),
        (Credential::Second, Group::OpenAi),
        (Credential::OtherGroup, Group::Gemini),
        (Credential::NoImages, Group::OpenAiNoImages),
        (Credential::NoGroup, Group::None),
    ];

    /// The key that the gateway sends upstream.
    pub(super) fn upstream_key() -> Secret {
        Secret {
            value: "sk-up-4Jq9Xw2Lr7Tn8Vb3Zk6P".to_owned(),
            shown: "<upstream key>".to_owned(),
        }
    }

    pub(super) async fn start(profile: &str, upstream: &str) -> Result<Handle, SetupError> {
        let unusable = |problem: String| SetupError::Usage(format!("the reference gateway: {problem}"));
        let upstream = upstream.parse().map_err(|error: reference_gateway::ConfigError| unusable(error.to_string()))?;
        let mut config = Config::new(upstream);
        // A baseline that the gateway has no document of its own for is judged on its default one.
        config.profile = profile.parse().unwrap_or_default();
        for upstream in config.upstreams.values_mut() {
            upstream.key = upstream_key().value.parse().ok();
        }
        let clients = ROLES.iter().filter_map(|(role, group)| Some((fixed_key(*role).value.parse().ok()?, *group)));
        config.clients = Clients::Listed(clients.collect());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(SetupError::Listen)?;
        reference_gateway::start(config, listener).map_err(|error| SetupError::Gateway(error.into()))
    }
}

/// A run cannot be brought up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The cases, requirements or profiles cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
    /// The target is not connected to the mock.
    #[error("{0}")]
    Disconnected(String),
    /// A gateway cannot be started.
    #[error("the gateway cannot be started: {0}")]
    Gateway(Box<dyn std::error::Error + Send + Sync>),
    /// No port could be opened.
    #[error("cannot listen on a loopback port")]
    Listen(#[source] std::io::Error),
    /// The mock cannot be spoken to.
    #[error(transparent)]
    Mock(#[from] MockError),
    /// The mock cannot be started.
    #[error("the mock cannot be started")]
    MockStart(#[from] mock_server::StartError),
    /// The target file cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The address for the mock is taken by something else.
    #[error("the mock upstream cannot listen on {address} ({source}), and no mock answers there; choose another address with --upstream-listen, or name a running mock with --upstream URL")]
    Upstream {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The command line cannot be used.
    #[error("{0}")]
    Usage(String),
}

impl SetupError {
    /// What the process exits with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Catalog(_) | Self::Target(_) | Self::Usage(_) => Exit::Usage,
            _ => Exit::Error,
        }
    }
}

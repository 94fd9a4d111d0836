//! Brings a run up: the mock upstream, the target in front of it, and the proof that they are connected.

mod error;
mod known;
mod options;
#[cfg(feature = "reference-gateway")]
mod reference;

pub use error::SetupError;
pub use known::beside;
pub use options::{
    DEFAULT_KEY_VARIABLE, DEFAULT_UPSTREAM, KnownFailures, Options, Starter, Starting,
    TargetChoice, UpstreamChoice,
};

use std::collections::BTreeMap;
use std::sync::Arc;

use mock_server::MockServer;
use tokio::net::TcpListener;

use crate::case::Credential;
use crate::catalog::{Catalog, nearest};
use crate::check::Schemas;
use crate::exchange::client::Client;
use crate::exchange::mock::Mock;
use crate::expectation::Expectations;
use crate::profile::Profile;
use crate::recording::Judge;
use crate::run::applies::Means;
use crate::run::lane::FaultLane;
use crate::run::probe;
use crate::run::session::Session;
use crate::snapshot::Store;
use crate::target::{Secret, Target, TargetFile};

/// The profile of the built-in target.
const BUILTIN_PROFILE: &str = "platform";
/// The profile of a target of which only the address is known.
const BASELINE_PROFILE: &str = "openai-images";

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
pub async fn start(
    options: &Options,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Result<Running, SetupError> {
    let catalog = options.catalog()?;
    let client = Client::new().map_err(SetupError::Client)?;
    let stage = Stage {
        options,
        env,
        catalog: &catalog,
    };
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
        let clients = target
            .credentials
            .values()
            .map(|secret| secret.value.clone());
        let canaries = if target.policies.shared_key {
            Vec::new()
        } else {
            clients.collect()
        };
        mock.canaries(canaries).await?;
    }
    let (expectations, notes) = known::expectations(options, &catalog, &target)?;
    let mut session = Session {
        expectations,
        notes,
        snapshots: match (&options.snapshots, &options.target) {
            (Some(folder), _) => Store::Folder(folder.clone()),
            (None, TargetChoice::Builtin) => Store::Builtin,
            _ => Store::None,
        },
        repeat: options.repeat,
        upstream_url: parts
            .mock_client
            .as_ref()
            .map(|mock| mock.url().to_owned())
            .unwrap_or_default(),
        mock: parts.mock_client,
        target,
        seed: options.seed,
        slow: options.slow,
        paid: options.allow_paid,
        connected: false,
        faults: FaultLane::default(),
        client,
        schemas: Schemas::default(),
        provider_forms: Judge::builtin()?,
        catalog,
    };
    if parts.probed {
        probe::connected(&session, parts.probe, options.allow_paid).await?;
        session.connected = session.mock.is_some();
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
    /// Failures that are known.
    pub expectations: Expectations,
}

/// What a run with these options would be about.
///
/// # Errors
/// A command line or file that cannot be used.
pub fn outline(
    options: &Options,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Result<Outline, SetupError> {
    let catalog = options.catalog()?;
    let stage = Stage {
        options,
        env,
        catalog: &catalog,
    };
    let started = |default: &str| {
        let profile = stage.profile(options.profile.as_deref().unwrap_or(default))?;
        Ok::<_, SetupError>(Target::of_url(
            "http://localhost",
            profile,
            fixed_key(Credential::Default),
        ))
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
    let (expectations, _) = known::expectations(options, &catalog, &target)?;
    Ok(Outline {
        expectations,
        catalog,
        target,
        means,
    })
}

fn is_native(profile: &Profile) -> bool {
    mock_server::provider::PROVIDERS
        .iter()
        .any(|(id, _)| *id == profile.id)
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
    target.credentials = roles
        .into_iter()
        .map(|role| (role, fixed_key(role)))
        .collect();
    // Letting the provider's call go is one of two legal ways; the reference gateway's is this one.
    target
        .profile
        .features
        .insert("disconnect.cancels".to_owned());
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
    async fn reference(
        &self,
        profile: Profile,
        mock: MockServer,
        mock_client: Mock,
    ) -> Result<Parts, SetupError> {
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
        Err(SetupError::Usage(
            "this build has no reference gateway: name a target with --target".to_owned(),
        ))
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

    fn target(
        &self,
    ) -> Result<(Target, Option<serde_json::Map<String, serde_json::Value>>), SetupError> {
        let path = match &self.options.target {
            TargetChoice::Url(url) => {
                reqwest::Url::parse(url).map_err(|error| {
                    SetupError::Usage(format!("'{url}' is no address: {error}"))
                })?;
                let profile =
                    self.profile(self.options.profile.as_deref().unwrap_or(BASELINE_PROFILE))?;
                return Ok((Target::of_url(url, profile, self.key()?), None));
            }
            TargetChoice::File(path) => path,
            TargetChoice::Builtin | TargetChoice::Started(_) => {
                return Err(SetupError::Usage("no target was named".to_owned()));
            }
        };
        let file = TargetFile::read(path)?;
        let profile = self.profile(self.options.profile.as_deref().unwrap_or(&file.profile))?;
        let name = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let probe = file.probe.clone();
        let mut target = file.target(&name.unwrap_or_default(), profile, self.env)?;
        if self.options.api_key_env.is_some()
            || !target.credentials.contains_key(&Credential::Default)
        {
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
            Some(value) => Ok(Secret {
                value,
                shown: format!("${variable}"),
            }),
            None if named.is_some() => Err(SetupError::Usage(format!(
                "the variable {variable} is not set"
            ))),
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

//! Brings a run up: the mock upstream, the target in front of it, and the proof that they are connected.

mod error;
mod external;
mod fill;
mod known;
mod options;
#[cfg(feature = "reference-gateway")]
mod reference;

pub use error::SetupError;
pub(crate) use error::told;
pub use known::beside;
#[cfg(feature = "reference-gateway")]
pub use options::GatewayChange;
pub use options::{
    Changes, DEFAULT_KEY_VARIABLE, DEFAULT_UPSTREAM, KnownFailures, MockChange, Options, Starter,
    Starting, TargetChoice, UpstreamChoice,
};

use std::collections::BTreeMap;
use std::sync::Arc;

use mock_server::MockServer;
use reqwest::Certificate;
use serde_json::{Map, Value};

use crate::case::Credential;
use crate::catalog::{Catalog, nearest};
use crate::check::Schemas;
use crate::exchange::client::Client;
use crate::exchange::mock::Mock;
use crate::expectation::Expectations;
use crate::profile::Profile;
use crate::recording::Judge;
use crate::run::applies::Means;
use crate::run::incident::Incidents;
use crate::run::lane::FaultLane;
use crate::run::probe;
use crate::run::process::{Guard, Keeper, Reset};
use crate::run::session::Session;
use crate::snapshot::Store;
use crate::target::{DisconnectPolicy, MalformedPolicy, Secret, Target};

/// The profile of the built-in target.
const BUILTIN_PROFILE: &str = "platform";
/// The profile of a target of which only the address is known.
const BASELINE_PROFILE: &str = "openai-images";

/// A session and the servers that it started; they end when this is dropped.
pub struct Running {
    /// What runs cases.
    pub session: Arc<Session>,
    /// The gateway goes before its provider does.
    _guard: Guard,
    _mock: Option<MockServer>,
    #[cfg(feature = "reference-gateway")]
    _gateway: Option<reference_gateway::Handle>,
}

/// Brings a run up and proves that target and mock are connected. `env` reads environment variables.
///
/// # Errors
/// A command line or file that cannot be used; a server that cannot be started; a target that is not connected to
/// the mock.
pub async fn start(
    options: &Options,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Result<Running, SetupError> {
    let mut opened = open(options, env).await?;
    if opened.probed {
        let session = &mut opened.session;
        probe::connected(session, opened.probe, options.allow_paid).await?;
        session.connected = session.mock.is_some();
    }
    Ok(Running {
        session: Arc::new(opened.session),
        _guard: opened.guard,
        _mock: opened.mock,
        #[cfg(feature = "reference-gateway")]
        _gateway: opened.gateway,
    })
}

/// A run of which nothing is proved yet.
pub(crate) struct Opened {
    /// What runs cases.
    pub(crate) session: Session,
    /// Whether the connection between target and mock has to be proved.
    pub(crate) probed: bool,
    /// The target file's own probe.
    pub(crate) probe: Option<Map<String, Value>>,
    guard: Guard,
    mock: Option<MockServer>,
    #[cfg(feature = "reference-gateway")]
    gateway: Option<reference_gateway::Handle>,
}

/// Brings a run up as far as nothing is asked of the target.
pub(crate) async fn open(
    options: &Options,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Result<Opened, SetupError> {
    let catalog = options.catalog()?;
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
        mock.canaries(canaries(&target)).await?;
    }
    let (expectations, mut notes) = known::expectations(options, &catalog, &target)?;
    notes.extend(parts.note);
    let seen = parts.mock_client.as_ref().map(|mock| mock.url().to_owned());
    let session = Session {
        expectations,
        notes,
        snapshots: match (&options.snapshots, &options.target) {
            (Some(folder), _) => Store::Folder(folder.clone()),
            (None, TargetChoice::Builtin) if options.changes.is_none() => Store::Builtin,
            _ => Store::None,
        },
        repeat: options.repeat,
        upstream_url: target.upstream_url.clone().or(seen).unwrap_or_default(),
        mock: parts.mock_client,
        mock_key: parts.mock_key,
        target,
        seed: options.seed,
        slow: options.slow,
        paid: options.allow_paid,
        connected: false,
        faults: FaultLane::default(),
        reset: parts.reset,
        keeper: Arc::clone(&parts.guard.0),
        incidents: Incidents::default(),
        client: parts.client,
        schemas: Schemas::default(),
        provider_forms: Judge::builtin()?,
        catalog,
    };
    Ok(Opened {
        session,
        probed: parts.probed,
        probe: parts.probe,
        guard: parts.guard,
        mock: parts.mock,
        #[cfg(feature = "reference-gateway")]
        gateway: parts.gateway,
    })
}

/// What must not arrive at the provider: the keys of clients.
fn canaries(target: &Target) -> Vec<String> {
    if target.policies.shared_key {
        return Vec::new();
    }
    let secrets = target.credentials.values();
    secrets.map(|secret| secret.value.clone()).collect()
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
                complete_builtin(&mut target)?;
            }
            target
        }
        TargetChoice::Started(_) => started(BASELINE_PROFILE)?,
        TargetChoice::Url(_) | TargetChoice::File(_) => stage.named()?.0,
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
fn complete_builtin(target: &mut Target) -> Result<(), SetupError> {
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
    // What legally differs: these are the reference gateway's ways.
    target.policies.disconnect = Some(DisconnectPolicy::Cancels);
    target.policies.malformed = MalformedPolicy::Normalise;
    #[cfg(feature = "reference-gateway")]
    {
        let extensions = reference::extensions(&target.profile.id).iter();
        let extensions = extensions.map(|feature| (*feature).to_owned());
        target.profile.features.extend(extensions);
    }
    let shaped = target.policies.shape(&mut target.profile);
    shaped.map_err(SetupError::Usage)
}

/// What was started and found.
struct Parts {
    target: Target,
    client: Client,
    /// Ends what was started.
    guard: Guard,
    mock: Option<MockServer>,
    mock_client: Option<Mock>,
    /// A key that the mock takes.
    mock_key: Secret,
    #[cfg(feature = "reference-gateway")]
    gateway: Option<reference_gateway::Handle>,
    /// Whether the connection between target and mock has to be proved.
    probed: bool,
    probe: Option<Map<String, Value>>,
    reset: Option<Reset>,
    /// What is to be said of all this.
    note: Option<String>,
}

struct Stage<'o> {
    options: &'o Options,
    env: &'o (dyn Fn(&str) -> Option<String> + Sync),
    catalog: &'o Catalog,
}

impl Stage<'_> {
    async fn builtin(&self) -> Result<Parts, SetupError> {
        let profile = self.profile(self.options.profile.as_deref().unwrap_or(BUILTIN_PROFILE))?;
        let changes = self.options.changes.clone().unwrap_or_default();
        let builder = MockServer::builder();
        let mock = match &changes.mock {
            Some(change) => change(builder).start().await?,
            None => builder.start().await?,
        };
        let mock_client = Mock::new(&mock.url())?;
        if is_native(&profile) {
            let mut target = Target::of_url(&mock.url(), profile, fixed_key(Credential::Default));
            target.name = "the mock itself".to_owned();
            target.is_mock = true;
            target.policies.shared_key = true;
            return Parts::new(target, Some(mock), Some(mock_client));
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
        let changes = self.options.changes.as_ref();
        let change = changes.and_then(|changes| changes.gateway.as_deref());
        let gateway = reference::start(&profile.id, &mock.url(), change).await?;
        let mut target = Target::of_url(gateway.url(), profile, fixed_key(Credential::Default));
        target.name = "the reference gateway".to_owned();
        complete_builtin(&mut target)?;
        target.upstream_keys = vec![reference::upstream_key()];
        let mut parts = Parts::new(target, Some(mock), Some(mock_client))?;
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
        let mut parts = Parts::new(target, Some(mock), Some(mock_client))?;
        parts.probed = true;
        Ok(parts)
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
    fn new(
        target: Target,
        mock: Option<MockServer>,
        mock_client: Option<Mock>,
    ) -> Result<Self, SetupError> {
        let own = mock.as_ref().and_then(MockServer::certificate);
        let own = own.and_then(|pem| Certificate::from_pem(pem.as_bytes()).ok());
        let trusted = target.trusted.iter().cloned().chain(own);
        Ok(Self {
            client: Client::new(trusted).map_err(SetupError::Client)?,
            target,
            guard: Guard(Arc::new(Keeper::default())),
            mock,
            mock_client,
            mock_key: Secret {
                value: "sk-straight-to-the-mock".to_owned(),
                shown: "sk-straight-to-the-mock".to_owned(),
            },
            #[cfg(feature = "reference-gateway")]
            gateway: None,
            probed: false,
            probe: None,
            reset: None,
            note: None,
        })
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

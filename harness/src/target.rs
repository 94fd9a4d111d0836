//! Targets: what is tested, how it is reached, what it promises. A URL is enough; a file says more.

mod file;
mod key;
mod lifecycle;
pub mod overlay;
mod policy;
pub mod value;

pub use file::{TargetError, TargetFile};
pub use key::KeySource;
pub use lifecycle::{Ready, Reset, ResetRequest, Start, Stop, StopSignal};
pub use policy::{
    BytesPolicy, CachePolicy, DisconnectPolicy, MalformedPolicy, Policies, RetryPolicy,
    UnsupportedPolicy,
};

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Certificate;
use serde_json::{Map, Value};

use crate::case::Credential;
use crate::profile::{Auth, Profile};

/// How long the harness waits for one answer, unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may lack an event while the provider holds.
const DEFAULT_HOLD_LIMIT: Duration = Duration::from_secs(5);
/// How long a target may be unwell after a fault.
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(60);

/// A target that can be tested.
#[derive(Clone, Debug)]
pub struct Target {
    /// For reports: the name of the file, or the URL.
    pub name: String,
    /// Scheme, host and port, without a slash at the end.
    pub base_url: String,
    /// What it promises, with its own features and limits added.
    pub profile: Profile,
    /// Where the credential goes.
    pub auth: Auth,
    /// Headers on every request.
    pub headers: BTreeMap<String, String>,
    /// Parameters in the query of every request; one that a path has already takes this value.
    pub query: BTreeMap<String, String>,
    /// Members of every JSON body that is sent: what is there is replaced, objects are merged.
    pub body: Map<String, Value>,
    /// Whom the certificate of an https target may rest on, beside those whom the machine trusts.
    pub trusted: Vec<Certificate>,
    /// The mock as the target sees it, where that is not how the harness sees it.
    pub upstream_url: Option<String>,
    /// Everything else that came from the environment.
    pub other_secrets: Vec<Secret>,
    /// Role → credential.
    pub credentials: BTreeMap<Credential, Secret>,
    /// The keys that the target sends upstream: they must never come back.
    pub upstream_keys: Vec<Secret>,
    /// What legally differs between targets.
    pub policies: Policies,
    /// For one answer.
    pub timeout: Duration,
    /// How long a client may lack an event while the provider holds.
    pub hold_limit: Duration,
    /// How long the target may be unwell after a fault.
    pub cooldown: Duration,
    /// The target is a mock and its own upstream: nothing stands between.
    pub is_mock: bool,
}

/// A credential and the variable that it came from.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// The value itself.
    pub value: String,
    /// How a report names it: `$VARIABLE`.
    pub shown: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Target {
    /// A target of which only the address is known.
    #[must_use]
    pub fn of_url(url: &str, profile: Profile, key: Secret) -> Self {
        Self {
            name: url.to_owned(),
            base_url: url.trim_end_matches('/').to_owned(),
            auth: auth_of(&profile),
            profile,
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            body: Map::new(),
            trusted: Vec::new(),
            upstream_url: None,
            other_secrets: Vec::new(),
            credentials: BTreeMap::from([(Credential::Default, key)]),
            upstream_keys: Vec::new(),
            policies: Policies::default(),
            timeout: DEFAULT_TIMEOUT,
            hold_limit: DEFAULT_HOLD_LIMIT,
            cooldown: DEFAULT_COOLDOWN,
            is_mock: false,
        }
    }

    /// The credential of a role; roles that name none have none.
    #[must_use]
    pub fn credential(&self, role: Credential) -> Option<Secret> {
        match role {
            Credential::None => None,
            Credential::Invalid => Some(self.credentials.get(&role).cloned().unwrap_or_else(
                || Secret {
                    value: "sk-invalid-conformance-key".to_owned(),
                    shown: "sk-invalid-conformance-key".to_owned(),
                },
            )),
            _ => self.credentials.get(&role).cloned(),
        }
    }

    /// Whether a request with this role can be sent.
    #[must_use]
    pub fn has_credential(&self, role: Credential) -> bool {
        matches!(role, Credential::None | Credential::Invalid)
            || self.credentials.contains_key(&role)
    }

    /// Every value that must never be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.credentials
            .values()
            .chain(&self.upstream_keys)
            .chain(&self.other_secrets)
    }
}

fn auth_of(profile: &Profile) -> Auth {
    profile.auth.clone().unwrap_or_else(|| Auth {
        header: "authorization".to_owned(),
        scheme: Some("Bearer".to_owned()),
    })
}

//! Targets: what is tested, how it is reached, what it promises. A URL is enough; a file says more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::case::Credential;
use crate::exchange::images::Locator;
use crate::operation::Operation;
use crate::profile::{Auth, Model, Profile};

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
    /// Values of those headers that came from the environment.
    pub header_secrets: Vec<Secret>,
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

/// What legally differs between targets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Policies {
    /// The images come as the provider sent them, or coded anew.
    pub bytes: BytesPolicy,
    /// Whether calls whose outcome is not known may be repeated.
    pub retries: RetryPolicy,
    /// Members that the target adds to upstream requests.
    pub injects: Vec<String>,
    /// JSON pointers (`*` stands for one segment) at which answers may differ from the provider's own, beside those
    /// of the profile.
    pub differs: Vec<String>,
    /// Where chat completions carry images.
    pub image_locator: Locator,
    /// The client's key is the upstream key: it may come back upstream.
    pub shared_key: bool,
}

/// Whether images are passed through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BytesPolicy {
    /// Coded anew; the pixels must still say what they belong to.
    Recoded,
    /// Byte by byte.
    #[default]
    Verbatim,
}

/// Which failed calls may be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryPolicy {
    /// Also those whose outcome is not known.
    Ambiguous,
    /// Only those that made nothing.
    #[default]
    Unpaid,
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
            header_secrets: Vec::new(),
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
            .chain(&self.header_secrets)
    }
}

fn auth_of(profile: &Profile) -> Auth {
    profile.auth.clone().unwrap_or_else(|| Auth {
        header: "authorization".to_owned(),
        scheme: Some("Bearer".to_owned()),
    })
}

/// A target file as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// Scheme, host and port.
    pub base_url: String,
    /// The profile that it promises.
    #[serde(default = "default_profile")]
    pub profile: String,
    /// Operation → path, where the profile's does not fit.
    #[serde(default)]
    pub paths: BTreeMap<Operation, String>,
    /// Where the credential goes, where the profile's does not fit.
    pub auth: Option<Auth>,
    /// Headers on every request; a value `$NAME` is read from the environment and never shown.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Role → the environment variable that holds the credential.
    #[serde(default)]
    pub credentials: BTreeMap<Credential, String>,
    /// Keys that the target sends upstream: environment variables, or the keys themselves where they open
    /// nothing.
    #[serde(default)]
    pub upstream_keys: Vec<KeySource>,
    /// More that the target can do.
    #[serde(default)]
    pub features: BTreeSet<String>,
    /// What the target cannot do although its profile has it.
    #[serde(default)]
    pub lacks: BTreeSet<String>,
    /// How much of it.
    #[serde(default)]
    pub limits: BTreeMap<String, i64>,
    /// Key → model.
    #[serde(default)]
    pub models: BTreeMap<String, Model>,
    /// What legally differs.
    #[serde(default)]
    pub policies: Policies,
    /// The body of the probe, where a size of 1x1 does not do: it must reach the provider and be refused there.
    pub probe: Option<serde_json::Map<String, serde_json::Value>>,
    /// Seconds for one answer.
    pub timeout: Option<f64>,
    /// Seconds for an event while the provider holds.
    pub hold_limit: Option<f64>,
    /// Seconds that the target may be unwell after a fault.
    pub cooldown: Option<f64>,
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum KeySource {
    /// An environment variable.
    Env(String),
    /// The key itself.
    Value(String),
}

fn default_profile() -> String {
    "openai-images".to_owned()
}

impl TargetFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no target file; the message says where and what was expected.
    pub fn read(path: &Path) -> Result<Self, TargetError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| TargetError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|error| TargetError::Form {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    }

    /// The target, with its profile and the environment's values.
    ///
    /// # Errors
    /// A time limit that is no positive number. A credential whose variable is not set is left out: cases that
    /// need it do not apply.
    pub fn target(
        self,
        name: &str,
        mut profile: Profile,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Target, TargetError> {
        profile.features.extend(self.features);
        profile
            .features
            .retain(|feature| !self.lacks.contains(feature));
        profile.limits.extend(self.limits);
        profile.paths.extend(self.paths);
        profile.models.extend(self.models);
        let secret = |variable: &String| {
            let value = env(variable).filter(|value| !value.is_empty())?;
            Some(Secret {
                value,
                shown: format!("${variable}"),
            })
        };
        let credentials = self
            .credentials
            .iter()
            .filter_map(|(role, variable)| Some((*role, secret(variable)?)));
        let upstream_keys = self
            .upstream_keys
            .iter()
            .enumerate()
            .filter_map(|(index, source)| match source {
                KeySource::Env(variable) => secret(variable),
                KeySource::Value(value) => Some(Secret {
                    value: value.clone(),
                    shown: format!("<upstream key {}>", index + 1),
                }),
            });
        let mut headers = self.headers;
        let mut header_secrets = Vec::new();
        for value in headers.values_mut() {
            if let Some(secret) = value
                .strip_prefix('$')
                .and_then(|name| secret(&name.to_owned()))
            {
                value.clone_from(&secret.value);
                header_secrets.push(secret);
            }
        }
        let auth = self.auth.clone().unwrap_or_else(|| auth_of(&profile));
        Ok(Target {
            name: name.to_owned(),
            base_url: self.base_url.trim_end_matches('/').to_owned(),
            credentials: credentials.collect(),
            upstream_keys: upstream_keys.collect(),
            auth,
            profile,
            headers,
            header_secrets,
            policies: self.policies,
            timeout: seconds("timeout", self.timeout, DEFAULT_TIMEOUT)?,
            hold_limit: seconds("hold_limit", self.hold_limit, DEFAULT_HOLD_LIMIT)?,
            cooldown: seconds("cooldown", self.cooldown, DEFAULT_COOLDOWN)?,
            is_mock: false,
        })
    }
}

fn seconds(
    name: &'static str,
    stated: Option<f64>,
    default: Duration,
) -> Result<Duration, TargetError> {
    let Some(number) = stated else {
        return Ok(default);
    };
    let time = Duration::try_from_secs_f64(number).ok();
    time.filter(|time| !time.is_zero())
        .ok_or(TargetError::Time { name, number })
}

/// A target that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Not a target file.
    #[error("{}: {problem}", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// Where and what was expected.
        problem: String,
    },
    /// A time limit that is none.
    #[error("{name} = {number}: expected a positive number of seconds")]
    Time {
        /// The key.
        name: &'static str,
        /// What was written.
        number: f64,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

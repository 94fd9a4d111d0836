//! Target files: TOML, held against `schemas/target.json` before anything is read from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mock_server::flags::Flags;
use reqwest::Certificate;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::case::Credential;
use crate::operation::Operation;
use crate::profile::{Auth, Model, Profile};
use crate::schema;
use crate::target::key::{KeySource, Keys};
use crate::target::{
    DEFAULT_COOLDOWN, DEFAULT_HOLD_LIMIT, DEFAULT_TIMEOUT, Policies, Reset, Start, Stop, Target,
    auth_of, value,
};

/// What stands for a free port in `base_url`.
const PORT: &str = "${port}";

/// A target file as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// Scheme, host and port; `${port}` is a free one, for a gateway that the harness starts.
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
    /// Parameters in the query of every request; a value `$NAME` likewise.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Members of every JSON body that the harness sends.
    #[serde(default)]
    pub body: Map<String, Value>,
    /// Whom the certificate of an https target may rest on: a PEM file.
    pub ca_file: Option<PathBuf>,
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
    pub probe: Option<Map<String, Value>>,
    /// The mock as the target sees it, where that is not how the harness sees it.
    pub upstream_url: Option<String>,
    /// Flags of `image-mock-server` for the mock that the harness starts.
    #[serde(default)]
    pub mock: Vec<String>,
    /// How the gateway is started.
    pub start: Option<Start>,
    /// What makes it well again.
    pub reset: Option<Reset>,
    /// How it is stopped.
    pub stop: Option<Stop>,
    /// Seconds for one answer.
    pub timeout: Option<f64>,
    /// Seconds for an event while the provider holds.
    pub hold_limit: Option<f64>,
    /// Seconds that the target may be unwell after a fault.
    pub cooldown: Option<f64>,
    /// Where the file lies; relative paths begin there.
    #[serde(skip)]
    pub folder: PathBuf,
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
        let read = Self::parse(&text).map_err(|problem| TargetError::Form {
            path: path.to_owned(),
            problem,
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { folder, ..read })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// The key of each thing that is wrong, what was found there and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let written: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let written = serde_json::to_value(written).map_err(|error| error.to_string())?;
        let schema = schema::compile("target").map_err(|error| error.to_string())?;
        let issues = schema::issues(&schema, &written);
        if !issues.is_empty() {
            let lines = issues.iter().map(|(pointer, problem)| match key(pointer) {
                key if key.is_empty() => problem.clone(),
                key => format!("{key}: {problem}"),
            });
            return Err(lines.collect::<Vec<_>>().join("\n"));
        }
        let file: Self = serde_json::from_value(written).map_err(|error| error.to_string())?;
        file.check()?;
        Ok(file)
    }

    /// What the schema cannot say.
    fn check(&self) -> Result<(), String> {
        let values = self.values();
        let wrong = values.filter_map(|(key, text)| {
            let problem = value::check(text).err()?;
            Some(format!("{key}: {problem}"))
        });
        let mut wrong: Vec<_> = wrong.collect();
        wrong.extend(self.mock_flags().err());
        wrong.extend(self.base_url(1).err());
        let picks_port = self.base_url.contains(PORT);
        let told = self
            .start
            .as_ref()
            .is_some_and(|start| start.mentions("port") || start.mentions("target"));
        if picks_port && !told {
            wrong.push(format!(
                "base_url: {PORT} is a free port, and nobody tells the gateway which: write {PORT} into start.command or start.environment"
            ));
        }
        if self.stop.is_some() && self.start.is_none() {
            wrong.push(
                "stop: nothing is stopped that was not started: [start] is missing".to_owned(),
            );
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong.join("\n")),
        }
    }

    /// Every value that may hold `${…}` or `$NAME`, with its key.
    fn values(&self) -> impl Iterator<Item = (String, &str)> {
        let start = self.start.iter().flat_map(Start::values);
        let reset = self.reset.iter().flat_map(Reset::values);
        let stop = self.stop.iter().flat_map(Stop::values);
        start.chain(reset).chain(stop)
    }

    /// Whether the harness chooses the target's port.
    #[must_use]
    pub fn picks_port(&self) -> bool {
        self.base_url.contains(PORT)
    }

    /// The address with a port in the place of `${port}`, and the port that it has then.
    ///
    /// # Errors
    /// It is no address.
    pub fn base_url(&self, port: u16) -> Result<(String, u16), String> {
        let text = self.base_url.replace(PORT, &port.to_string());
        let text = text.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&text)
            .map_err(|error| format!("base_url: '{}' is no address: {error}", self.base_url))?;
        let port = url.port_or_known_default().unwrap_or_default();
        Ok((text, port))
    }

    /// The flags of the mock, if there are any.
    ///
    /// # Errors
    /// What the mock itself would say of them.
    pub fn mock_flags(&self) -> Result<Option<Flags>, String> {
        if self.mock.is_empty() {
            return Ok(None);
        }
        let flags = Flags::parse(&self.mock).map_err(|error| {
            let text = error.to_string();
            let text = text.trim_start_matches("error: ").trim_end();
            format!("mock: {text}")
        })?;
        Ok(Some(flags))
    }

    /// The target, with its profile and the environment's values. Where the harness chooses the port, the address
    /// still holds `${port}`.
    ///
    /// # Errors
    /// A time limit that is no positive number; a file of certificates that cannot be read; policies that the profile
    /// does not allow. A credential whose variable is not set is left out: cases that need it do not apply.
    pub fn target(
        self,
        name: &str,
        mut profile: Profile,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Target, TargetError> {
        let trusted = self.trusted()?;
        let mut other_secrets: Vec<_> = self
            .values()
            .flat_map(|(_, text)| value::secrets(text, &env))
            .collect();
        profile.features.extend(self.features);
        profile
            .features
            .retain(|feature| !self.lacks.contains(feature));
        profile.limits.extend(self.limits);
        profile.paths.extend(self.paths);
        profile.models.extend(self.models);
        self.policies
            .shape(&mut profile)
            .map_err(TargetError::Policy)?;
        let keys = Keys { env: &env };
        let credentials = keys.credentials(&self.credentials);
        let upstream_keys = keys.upstream(&self.upstream_keys);
        let (mut headers, mut query) = (self.headers, self.query);
        for value in headers.values_mut().chain(query.values_mut()) {
            other_secrets.extend(keys.put_into(value));
        }
        let auth = self.auth.clone().unwrap_or_else(|| auth_of(&profile));
        Ok(Target {
            name: name.to_owned(),
            base_url: self.base_url.trim_end_matches('/').to_owned(),
            credentials,
            upstream_keys,
            auth,
            profile,
            headers,
            query,
            body: self.body,
            trusted,
            upstream_url: self
                .upstream_url
                .map(|url| url.trim_end_matches('/').to_owned()),
            other_secrets,
            policies: self.policies,
            timeout: seconds("timeout", self.timeout, DEFAULT_TIMEOUT)?,
            hold_limit: seconds("hold_limit", self.hold_limit, DEFAULT_HOLD_LIMIT)?,
            cooldown: seconds("cooldown", self.cooldown, DEFAULT_COOLDOWN)?,
            is_mock: false,
        })
    }

    fn trusted(&self) -> Result<Vec<Certificate>, TargetError> {
        let Some(file) = &self.ca_file else {
            return Ok(Vec::new());
        };
        let path = self.folder.join(file);
        let pem = std::fs::read(&path).map_err(|source| TargetError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if found.is_empty() {
            return Err(TargetError::Form {
                path,
                problem: "ca_file: expected certificates in PEM (-----BEGIN CERTIFICATE-----), found none".to_owned(),
            });
        }
        Ok(found)
    }
}

/// A JSON pointer as the key that TOML has for it.
fn key(pointer: &str) -> String {
    let parts = pointer.split('/').skip(1);
    let parts = parts.map(|part| part.replace("~1", "/").replace("~0", "~"));
    parts.collect::<Vec<_>>().join(".")
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
    /// What the target says of itself and what its profile says do not go together.
    #[error("{0}")]
    Policy(String),
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

#[cfg(test)]
mod tests;

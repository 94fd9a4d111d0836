//! How a target is started, reset and stopped, as its file says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::case::Status;
use crate::target::value;

/// A gateway is to be ready after so long.
const DEFAULT_READY: Duration = Duration::from_secs(60);
/// A reset may take so long.
const DEFAULT_RESET: Duration = Duration::from_secs(30);
/// Between the wish that a gateway end and its end by force.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// How the gateway is started.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Program and arguments; no shell reads them. The program stays in the foreground.
    pub command: Vec<String>,
    /// Where it runs; the folder of the target file without it.
    pub directory: Option<PathBuf>,
    /// Added to the environment of the harness.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// When it can be tested.
    #[serde(default)]
    pub ready: Ready,
    /// Where its output goes as well, with secrets masked.
    pub log: Option<PathBuf>,
}

/// When a gateway can be tested: a path answers, or a line was printed; without either, when its port is open.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// A path below the base URL that answers to a `GET`.
    pub path: Option<String>,
    /// With which status; any success without it.
    pub status: Option<Status>,
    /// A text that a line of its output holds.
    pub line: Option<String>,
    /// Seconds.
    within: Option<f64>,
}

/// What makes a target well again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// Program and arguments, run in the folder of the target file.
    pub command: Option<Vec<String>>,
    /// A request to the target.
    pub request: Option<ResetRequest>,
    /// Also before the refusals and before the faults.
    #[serde(default)]
    pub between_lanes: bool,
    /// Seconds.
    within: Option<f64>,
}

/// A request that makes a target well again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    /// `POST` unless stated.
    pub method: Option<String>,
    /// Below the base URL.
    pub path: String,
    /// With these headers only.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A JSON object.
    pub body: Option<Map<String, Value>>,
    /// What it answers; any success without it.
    pub status: Option<Status>,
}

/// How the gateway is stopped.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Run before the signal, for what the started program does not end itself, such as a container.
    pub command: Option<Vec<String>>,
    /// What its process group is sent.
    #[serde(default)]
    pub signal: StopSignal,
    /// Seconds until it is killed.
    grace: Option<f64>,
}

/// A signal that asks a program to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// The terminal is gone.
    Hup,
    /// As Ctrl-C.
    Int,
    /// At once.
    Kill,
    /// As Ctrl-\.
    Quit,
    /// The usual wish.
    #[default]
    Term,
}

impl Start {
    /// Every value that may hold `${…}` or `$NAME`, with its key.
    pub fn values(&self) -> impl Iterator<Item = (String, &str)> {
        let environment = self.environment.iter();
        let environment =
            environment.map(|(name, value)| (format!("start.environment.{name}"), value.as_str()));
        words("start.command", &self.command).chain(environment)
    }

    /// Whether some value holds `${name}`.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        self.values().any(|(_, value)| value::mentions(value, name))
    }
}

impl Ready {
    /// How long it may take.
    #[must_use]
    pub fn within(&self) -> Duration {
        time(self.within, DEFAULT_READY)
    }
}

impl Reset {
    /// How long it may take.
    #[must_use]
    pub fn within(&self) -> Duration {
        time(self.within, DEFAULT_RESET)
    }

    /// Every value that may hold `${…}` or `$NAME`, with its key.
    pub fn values(&self) -> impl Iterator<Item = (String, &str)> {
        let headers = self.request.iter().flat_map(|request| &request.headers);
        let headers =
            headers.map(|(name, value)| (format!("reset.request.headers.{name}"), value.as_str()));
        words("reset.command", self.command.iter().flatten()).chain(headers)
    }
}

impl Stop {
    /// How long the gateway may take to end by itself.
    #[must_use]
    pub fn grace(&self) -> Duration {
        time(self.grace, DEFAULT_GRACE)
    }

    /// Every value that may hold `${…}` or `$NAME`, with its key.
    pub fn values(&self) -> impl Iterator<Item = (String, &str)> {
        words("stop.command", self.command.iter().flatten())
    }
}

fn words<'w>(
    key: &'static str,
    words: impl IntoIterator<Item = &'w String>,
) -> impl Iterator<Item = (String, &'w str)> {
    let words = words.into_iter().enumerate();
    words.map(move |(index, word)| (format!("{key}.{index}"), word.as_str()))
}

/// The schema has seen to it that what is stated is a time.
fn time(stated: Option<f64>, default: Duration) -> Duration {
    stated
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(default)
}

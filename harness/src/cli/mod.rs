//! The command line of `image-harness`: what was typed, and what it means. Everything for people goes to
//! stderr or, where it is the command's product, to stdout.

mod baseline;
mod check_recording;
mod completions;
mod copy;
mod diff;
mod doctor;
mod explain;
mod list;
mod matrix;
mod merge;
mod requirements;
mod run;
mod validate;

pub(crate) use run::ReportRequest;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::case::Pattern;
use crate::report::document::ReadError;
use crate::run::plan::Selection;
use crate::run::setup::{
    self, DEFAULT_KEY_VARIABLE, KnownFailures, Options, SetupError, TargetChoice, UpstreamChoice,
};
use crate::verdict::Exit;

/// Replays image generation cases against a gateway and judges both of its sides.
///
/// Without --target it tests the bundled reference gateway, in-process, in front of the bundled mock provider.
///
/// Exit codes: 0 all good, 1 some case failed or was untestable, 2 the command line or a file cannot be used, 3 an error of the
/// harness or its set-up, 4 nothing was selected, or nothing applies.
#[derive(Debug, Parser)]
#[command(name = "image-harness", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the known failures of a target: what fails now is added, what passes now is taken out.
    Baseline(baseline::Baseline),
    /// Hold recorded answers of providers against the schemas, without a target.
    CheckRecording(check_recording::CheckRecording),
    /// Print what a shell needs to complete this command line.
    Completions(completions::Completions),
    /// Write the suite without the runner: cases, requirements, profiles, images, snapshots, and their schemas.
    Copy(copy::Copy),
    /// Say what changed between two JSON reports; a regression is exit code 1.
    ///
    /// Compares every check of every case. A regression held in A and is broken in B. Nothing else makes the exit code
    /// 1: fixes, failures that are broken in another way, new cases and cases that are gone are only told.
    Diff(diff::Diff),
    /// Look step by step why a target cannot be tested, and say what to do.
    ///
    /// Nothing is asked for that costs money, until it is proved that the mock is the target's provider (or with --allow-paid).
    /// Ends with 0 if the target can be tested, with 3 if not.
    Doctor(doctor::Doctor),
    /// Show a case: what it sends, what it expects, in whose words.
    Explain(explain::Explain),
    /// List the cases that apply to a target.
    List(list::List),
    /// Join JSON reports into one table of what each target supports.
    ///
    /// A row for each requirement, a column for each report. What a target does not claim (n/a) is no support.
    Matrix(matrix::Matrix),
    /// Join the JSON reports of the parts of a run: shards, or processes.
    ///
    /// All must be of one version, target, profile and set of requirements. A case that several parts ran counts once, with
    /// its worst outcome, and a note says so where they disagree. The exit code is the one that the whole run would have had.
    Merge(merge::Merge),
    /// List what is required, in whose words, and which cases judge it.
    Requirements(requirements::Requirements),
    /// Run cases and report.
    Run(run::Run),
    /// Look at cases of your own: what cannot be used, and what an author would want to know.
    Validate(validate::Validate),
}

/// What is tested; the same for every command.
#[derive(Clone, Debug, Args)]
struct TargetArgs {
    /// An address (http://localhost:4000) or a target file. Default: the reference gateway.
    #[arg(long, value_name = "URL|FILE")]
    target: Option<String>,
    /// The profile that the target promises.
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// The environment variable that holds the client key.
    #[arg(long, value_name = "VAR", help = format!("The environment variable that holds the client key [default: {DEFAULT_KEY_VARIABLE}]"))]
    api_key_env: Option<String>,
    /// A folder with cases of your own, laid out like fixtures/ (repeatable).
    #[arg(long, value_name = "DIR")]
    cases: Vec<PathBuf>,
    /// A dated set of requirements, such as 2026-11: later ones do not count. Default: the newest.
    #[arg(long, value_name = "DATE")]
    requirements: Option<String>,
    /// Known failures; without it the file beside the target file, name.expectations.toml.
    #[arg(long, value_name = "FILE")]
    expectations: Option<PathBuf>,
    /// Where the mock upstream listens [default: what the target file says, else 127.0.0.1:9100]
    #[arg(long, value_name = "ADDR")]
    upstream_listen: Option<SocketAddr>,
    /// A mock that runs already; with the target's own address: the target is a mock itself.
    #[arg(long, value_name = "URL", conflicts_with_all = ["upstream_listen", "no_upstream"])]
    upstream: Option<String>,
    /// A real provider is behind the target: cases that need the mock do not apply.
    #[arg(long, conflicts_with = "upstream_listen")]
    no_upstream: bool,
    /// Also slow cases.
    #[arg(long)]
    slow: bool,
    /// Fixes case tokens.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Which cases.
#[derive(Clone, Debug, Args)]
struct SelectionArgs {
    /// Only cases that match, for example parameters/** or '**/n@n=2' (repeatable).
    #[arg(long = "case", value_name = "PATTERN", value_parser = pattern)]
    only: Vec<Pattern>,
    /// No cases that match (repeatable).
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    skip: Vec<Pattern>,
    /// Only the part I of N parts of about the same size.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(u32, u32)>,
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::parse(text).map_err(|error| error.to_string())
}

fn shard(text: &str) -> Result<(u32, u32), String> {
    let parts = text
        .split_once('/')
        .and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    match parts {
        Some((part, parts)) if part >= 1 && part <= parts => Ok((part, parts)),
        _ => Err("expected I/N with I from 1 to N, such as 2/5".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    mock_server::duration::parse(text)
}

impl TargetArgs {
    fn options(&self, timeout: Option<Duration>, allow_paid: bool) -> Options {
        Options {
            target: self
                .target
                .as_deref()
                .map(TargetChoice::parse)
                .unwrap_or_default(),
            profile: self.profile.clone(),
            api_key_env: self.api_key_env.clone(),
            cases: self.cases.clone(),
            requirements: self.requirements.clone(),
            expectations: self
                .expectations
                .clone()
                .map_or(KnownFailures::Beside, KnownFailures::File),
            upstream: match &self.upstream {
                Some(url) => UpstreamChoice::Url(url.clone()),
                None if self.no_upstream => UpstreamChoice::None,
                None => UpstreamChoice::Listen(self.upstream_listen),
            },
            timeout,
            slow: self.slow,
            allow_paid,
            seed: self.seed,
            ..Options::default()
        }
    }

    /// The options that name the same target again.
    fn again(&self) -> String {
        let mut words = Vec::new();
        let mut option = |name: &str, value: Option<String>| {
            words.extend(value.map(|value| format!("{name} {value}")));
        };
        option("--target", self.target.clone());
        option("--profile", self.profile.clone());
        option("--api-key-env", self.api_key_env.clone());
        for folder in &self.cases {
            option("--cases", Some(folder.display().to_string()));
        }
        option("--requirements", self.requirements.clone());
        option(
            "--expectations",
            self.expectations
                .as_ref()
                .map(|path| path.display().to_string()),
        );
        option("--upstream", self.upstream.clone());
        let listen = self.upstream_listen;
        option(
            "--upstream-listen",
            listen.map(|address| address.to_string()),
        );
        words.extend(self.no_upstream.then(|| "--no-upstream".to_owned()));
        words.join(" ")
    }
}

impl SelectionArgs {
    fn selection(&self) -> Selection {
        Selection {
            cases: self.only.clone(),
            skip: self.skip.clone(),
            shard: self.shard,
            ..Selection::default()
        }
    }
}

impl Cli {
    /// Does what the command line says.
    #[must_use]
    pub fn run(self) -> Exit {
        let done = match self.command {
            Command::Baseline(baseline) => baseline.run(),
            Command::CheckRecording(check) => check.run(),
            Command::Completions(completions) => completions.run(),
            Command::Copy(copy) => copy.run(),
            Command::Diff(diff) => diff.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Explain(explain) => explain.run(),
            Command::List(list) => list.run(),
            Command::Matrix(matrix) => matrix.run(),
            Command::Merge(merge) => merge.run(),
            Command::Requirements(requirements) => requirements.run(),
            Command::Run(run) => run.run(),
            Command::Validate(validate) => validate.run(),
        };
        done.unwrap_or_else(|stopped| {
            let _ = writeln!(std::io::stderr(), "error: {}", stopped.message);
            stopped.exit
        })
    }
}

/// Why a command ended early.
#[derive(Debug)]
struct Stopped {
    exit: Exit,
    message: String,
}

impl Stopped {
    fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }

    fn error(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Error,
            message: message.into(),
        }
    }
}

impl From<SetupError> for Stopped {
    fn from(error: SetupError) -> Self {
        Self {
            exit: error.exit(),
            message: setup::told(&error),
        }
    }
}

impl From<ReadError> for Stopped {
    fn from(error: ReadError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        Self::error(error.to_string())
    }
}

/// Environment variables, read here and nowhere else.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

//! `image-harness run`: runs cases and reports.

use std::io::Write as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::case::Instance;
use crate::cli::{SelectionArgs, Stopped, TargetArgs, duration, env};
use crate::expectation::Expired;
use crate::report::out::Output;
use crate::report::{self, Context, Report, ReportError, Reporting};
use crate::run::engine::{self, Pace};
use crate::run::event::Event;
use crate::run::plan::select;
use crate::run::setup::{self, Running};
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Write a report, for example junit=report.xml or json=report.json (repeatable); the terminal is always
    /// reported to.
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    reports: Vec<ReportRequest>,
    /// So many cases at a time.
    #[arg(long, value_name = "N", default_value_t = default_jobs(), value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// For one answer, for example 30s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// A folder of snapshots to compare with; what is new or changed is left there for cargo insta review.
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,
    /// Run each case so often; one that passes and fails by turns fails, unless it is listed as flaky.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// What becomes of known failures whose day is over.
    #[arg(long, value_enum, default_value_t)]
    expired: Expired,
    /// Begin nothing after the first failure.
    #[arg(long)]
    fail_fast: bool,
    /// Requests may cost money: good cases with --no-upstream, and one good request as the probe.
    #[arg(long)]
    allow_paid: bool,
}

fn default_jobs() -> u16 {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    u16::try_from(cores * 2).unwrap_or(16).clamp(2, 16)
}

/// A report that was asked for: `FORMAT=FILE`.
#[derive(Clone, Debug)]
pub(crate) struct ReportRequest {
    format: String,
    path: PathBuf,
}

impl FromStr for ReportRequest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = text.split_once('=').ok_or_else(|| {
            format!(
                "expected FORMAT=FILE with FORMAT one of {}",
                report::names().join(", ")
            )
        })?;
        report::format(format).map_err(|error| error.to_string())?;
        Ok(Self {
            format: format.to_owned(),
            path: PathBuf::from(path),
        })
    }
}

impl ReportRequest {
    /// Opens the file and makes the report.
    pub(crate) fn open(&self, context: &Arc<Context>) -> Result<Box<dyn Report>, ReportError> {
        let place = self.path.display().to_string();
        let output =
            Output::file(&self.path).map_err(|source| ReportError::Write { place, source })?;
        Ok(report::format(&self.format)?.report(context, output))
    }
}

impl Run {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let runtime = tokio::runtime::Runtime::new()?;
        let mut options = self.target.options(self.timeout, self.allow_paid);
        (options.repeat, options.expired) = (self.repeat, self.expired);
        options.snapshots.clone_from(&self.snapshots);
        let running = runtime.block_on(setup::start(&options, &env))?;
        let instances = select(
            &running.session.catalog,
            &running.session.target,
            &self.selection.selection(),
        );
        if instances.is_empty() {
            return Err(Stopped {
                exit: Exit::Nothing,
                message: "no case is selected: see image-harness list".to_owned(),
            });
        }
        let exit = runtime.block_on(self.report(&running, &instances));
        // A target that never stops sending must not keep the process: nobody waits for its connections.
        drop(running);
        runtime.shutdown_background();
        exit
    }

    async fn report(&self, running: &Running, instances: &[Instance]) -> Result<Exit, Stopped> {
        let session = &running.session;
        let rerun = format!("image-harness run {}", self.target.again());
        let context = Arc::new(session.context(instances.len(), rerun.trim_end()));
        let mut reporting = Reporting::new();
        let terminal =
            report::format("terminal").map_err(|error| Stopped::error(error.to_string()))?;
        reporting.add(
            "on the terminal",
            terminal.report(&context, Output::stdout()),
        );
        for request in &self.reports {
            let report = request
                .open(&context)
                .map_err(|error| Stopped::usage(error.to_string()))?;
            reporting.add(request.path.display().to_string(), report);
        }
        reporting.event(&Event::Started(&context.header));
        let pace = Pace {
            jobs: self.jobs.into(),
            fail_fast: self.fail_fast,
        };
        let summary = engine::run(session, instances, pace, |event| reporting.event(event)).await;
        let broken = reporting.finish();
        for error in &broken {
            writeln!(std::io::stderr(), "error: {error}")?;
        }
        Ok(if broken.is_empty() {
            summary.exit
        } else {
            Exit::Error
        })
    }
}

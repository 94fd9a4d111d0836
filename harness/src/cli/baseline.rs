//! `image-harness baseline`: writes the known failures of a target.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::cli::{SelectionArgs, Stopped, TargetArgs, env};
use crate::expectation::{Baseline as Known, Changes, Expectations};
use crate::redact::Redactor;
use crate::run::engine::{self, Pace};
use crate::run::event::Event;
use crate::run::plan::select;
use crate::run::setup::{self, KnownFailures, Options, TargetChoice};
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Baseline {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// So many cases at a time.
    #[arg(long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,
    /// Say what would change and write nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Baseline {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let mut options = self.target.options(None, false);
        let path = file(&options)?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(Stopped::usage(format!(
                    "cannot read {}: {error}",
                    path.display()
                )));
            }
        };
        let listed = Expectations::parse(&text)
            .map_err(|problem| Stopped::usage(format!("{}: {problem}", path.display())))?;
        // What happens is looked at as if nothing were known.
        options.expectations = KnownFailures::Ignored;
        let changes = self.changes(&options, &text, &listed)?;
        let mut err = std::io::stderr();
        for name in &changes.added {
            writeln!(err, "added    {name}")?;
        }
        for name in &changes.removed {
            writeln!(err, "removed  {name}")?;
        }
        if changes.added.is_empty() && changes.removed.is_empty() {
            writeln!(err, "{} is as it should be", path.display())?;
        } else if !self.dry_run {
            std::fs::write(&path, &changes.text).map_err(|error| {
                Stopped::error(format!("cannot write {}: {error}", path.display()))
            })?;
            writeln!(err, "wrote {}: give every entry its reason", path.display())?;
        }
        Ok(Exit::Good)
    }

    fn changes(
        &self,
        options: &Options,
        text: &str,
        listed: &Expectations,
    ) -> Result<Changes, Stopped> {
        let runtime = tokio::runtime::Runtime::new()?;
        let running = runtime.block_on(setup::start(options, &env))?;
        let session = &running.session;
        let instances = select(
            &session.catalog,
            &session.target,
            &self.selection.selection(),
        );
        let mut known = Known::default();
        let pace = Pace {
            jobs: self.jobs.get(),
            fail_fast: false,
        };
        let summary = runtime.block_on(engine::run(session, &instances, pace, |event| {
            if let Event::Finished(outcome) = event
                && let Some(instance) = instances.iter().find(|other| other.id == outcome.id)
            {
                known.add(instance, outcome);
            }
        }));
        if summary.exit == Exit::Nothing || !summary.notes.is_empty() {
            return Err(Stopped {
                exit: summary.exit,
                message: format!(
                    "nothing is written, the run proves nothing: {}",
                    summary.notes.join("; ")
                ),
            });
        }
        let redactor = Redactor::of(&session.target);
        let changes = known.applied(text, listed, |message| {
            crate::report::out::one_line(&redactor.text(message))
        });
        drop(running);
        runtime.shutdown_background();
        Ok(changes)
    }
}

fn file(options: &Options) -> Result<PathBuf, Stopped> {
    match (&options.expectations, &options.target) {
        (KnownFailures::File(path), _) => Ok(path.clone()),
        (KnownFailures::Beside, TargetChoice::File(target)) => Ok(setup::beside(target)),
        _ => Err(Stopped::usage(
            "say where to write: --expectations FILE, or a target file, beside which it is written",
        )),
    }
}

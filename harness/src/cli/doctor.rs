//! `image-harness doctor`: why a target cannot be tested, and what to do; the lines that point a known gateway at the
//! mock.

use std::io::Write as _;
use std::time::Duration;

use clap::Args;

use crate::cli::{Stopped, TargetArgs, duration, env};
use crate::doctor::{Diagnosis, State, Step, examine};
use crate::recipe;
use crate::run::setup::DEFAULT_UPSTREAM;
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    target: TargetArgs,
    /// Print how a known gateway is pointed at the mock, and a target file for it; an unknown name lists the known ones.
    #[arg(long, value_name = "NAME")]
    recipe: Option<String>,
    /// For one answer, for example 30s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// Good requests may be sent where no mock is behind the target.
    #[arg(long)]
    allow_paid: bool,
}

impl Doctor {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        if let Some(name) = &self.recipe {
            let recipe = recipe::named(name).map_err(Stopped::usage)?;
            let address = self.target.upstream_listen.unwrap_or(DEFAULT_UPSTREAM);
            let upstream = self.target.upstream.clone();
            let upstream = upstream.unwrap_or_else(|| format!("http://{address}"));
            write!(std::io::stdout(), "{}", recipe.text(&upstream))?;
            if self.target.target.is_none() {
                return Ok(Exit::Good);
            }
            writeln!(std::io::stdout())?;
        }
        let runtime = tokio::runtime::Runtime::new()?;
        let options = self.target.options(self.timeout, self.allow_paid);
        let diagnosis = runtime.block_on(examine(&options, &env));
        runtime.shutdown_background();
        let diagnosis = diagnosis?;
        print(&diagnosis)?;
        Ok(diagnosis.exit())
    }
}

fn print(diagnosis: &Diagnosis) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for step in &diagnosis.steps {
        let state = match step.state {
            State::Good => "ok",
            State::Note => "note",
            State::Bad => "NOT OK",
        };
        let Step { name, found, .. } = step;
        writeln!(out, "{state:7} {name:12} {found}")?;
        if let Some(advice) = &step.advice {
            writeln!(out, "{:20} -> {advice}", "")?;
        }
    }
    if let Some(suggestion) = &diagnosis.suggestion {
        writeln!(
            out,
            "\n# a target file that says what was seen:\n\n{suggestion}"
        )?;
    }
    let verdict = match diagnosis.exit() {
        Exit::Good => "the target can be tested",
        _ => "the target cannot be tested like this",
    };
    writeln!(out, "\n{verdict}")
}

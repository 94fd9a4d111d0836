//! `image-harness list`: what applies to a target, and what does not and why.

use std::io::Write as _;

use clap::Args;

use crate::cli::{SelectionArgs, Stopped, TargetArgs, env};
use crate::run::applies::applies;
use crate::run::plan::select;
use crate::run::setup::outline;
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Also those that do not apply, with the reason.
    #[arg(long)]
    all: bool,
}

impl List {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let outline = outline(&self.target.options(None, false), &env)?;
        let mut out = std::io::stdout().lock();
        let mut shown = 0_usize;
        for instance in select(
            &outline.catalog,
            &outline.target,
            &self.selection.selection(),
        ) {
            match applies(&instance, &outline.target, outline.means) {
                Ok(()) => writeln!(out, "{:60} {}", instance.id, instance.case.summary)?,
                Err(reason) if self.all => {
                    writeln!(out, "{:60} not applicable: {reason}", instance.id)?;
                }
                Err(_) => continue,
            }
            shown += 1;
        }
        if shown == 0 {
            let stopped = Stopped {
                exit: Exit::Nothing,
                message: "no case is selected".to_owned(),
            };
            return Err(stopped);
        }
        Ok(Exit::Good)
    }
}

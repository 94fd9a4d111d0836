//! `image-harness validate DIR`: a user's own cases, without running them.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::advice::{Part, advice};
use crate::case::Instance;
use crate::catalog::Catalog;
use crate::cli::Stopped;
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// A folder that is laid out like fixtures/: cases/, requirements/, images/ (repeatable).
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Exit with 1 if there is anything that an author would want to know.
    #[arg(long)]
    strict: bool,
}

impl Validate {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let load = |folders: &[PathBuf]| {
            Catalog::load(folders).map_err(|error| Stopped::usage(error.to_string()))
        };
        let (catalog, builtin) = (load(&self.folders)?, load(&[])?);
        let part = Part::between(&catalog, &builtin);
        let told = advice(&catalog, &part);
        let own = catalog.cases.iter();
        let own = own.filter(|case| part.cases.contains(case.id.as_str()));
        let instances: usize = own.map(|case| Instance::all(case, &[]).len().max(1)).sum();
        let mut out = std::io::stdout().lock();
        for line in &told {
            writeln!(out, "warning: {line}")?;
        }
        writeln!(
            out,
            "cases {} (instances {instances}), requirements {}, files {}: can be used, warnings {}",
            part.cases.len(),
            part.requirements.len(),
            part.files.len(),
            told.len()
        )?;
        Ok(if self.strict && !told.is_empty() {
            Exit::Failed
        } else {
            Exit::Good
        })
    }
}

//! `image-harness merge`: one report of the parts of a run.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Stopped;
use crate::report::document::Document;
use crate::report::merge::merge;
use crate::report::out::{Encoding, Out};
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Merge {
    /// Reports of the shards or processes of one run, as --report json=FILE writes them.
    #[arg(value_name = "REPORT", required = true)]
    reports: Vec<PathBuf>,
    /// Where the report of the whole goes; without it, to stdout.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Merge {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let whole = merge(Document::read_all(&self.reports)?).map_err(Stopped::usage)?;
        let text = whole
            .text()
            .map_err(|error| Stopped::error(error.to_string()))?;
        Out::product(self.output.as_deref(), Encoding::Json)?.finish(&text)?;
        Ok(Exit::ALL
            .into_iter()
            .find(|exit| *exit as u8 == whole.exit)
            .unwrap_or(Exit::Error))
    }
}

//! `image-harness requirements`: what is required, in whose words, and which cases judge it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::catalog::nearest;
use crate::cli::Stopped;
use crate::report::out::{Encoding, Out};
use crate::report::requirements::{markdown, text};
use crate::run::setup::Options;
use crate::traceability::Table;
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Requirements {
    /// Only what this profile promises, and what it takes out.
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// A dated set of requirements, such as 2026-11; default: the newest.
    #[arg(long, value_name = "DATE")]
    requirements: Option<String>,
    /// A folder with cases of your own, laid out like fixtures/ (repeatable).
    #[arg(long, value_name = "DIR")]
    cases: Vec<PathBuf>,
    /// As what the table is written.
    #[arg(long, value_enum, default_value_t)]
    format: TableFormat,
    /// Where the table goes; without it, to stdout.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// As what the table is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum TableFormat {
    /// For programs; schemas/requirements-table.json.
    Json,
    /// A table for each source.
    Markdown,
    /// For a terminal.
    #[default]
    Text,
}

impl Requirements {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let options = Options {
            cases: self.cases.clone(),
            requirements: self.requirements.clone(),
            ..Options::default()
        };
        let catalog = options.catalog()?;
        let profile = self.profile.as_deref().map(|id| {
            catalog.profile(id).ok_or_else(|| {
                let known = nearest(id, catalog.profiles.keys().map(String::as_str));
                Stopped::usage(format!("unknown profile '{id}': did you mean {known}?"))
            })
        });
        let table = Table::of(&catalog, profile.transpose()?.as_ref());
        let (text, encoding) = match self.format {
            TableFormat::Json => {
                let json = serde_json::to_string_pretty(&table);
                let json = json.map_err(|error| Stopped::error(error.to_string()))?;
                (json + "\n", Encoding::Json)
            }
            TableFormat::Markdown => (markdown(&table), Encoding::Plain),
            TableFormat::Text => (text(&table), Encoding::Plain),
        };
        Out::product(self.output.as_deref(), encoding)?.finish(&text)?;
        Ok(Exit::Good)
    }
}

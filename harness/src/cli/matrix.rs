//! `image-harness matrix`: what each target supports, in one table.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::catalog::Catalog;
use crate::cli::Stopped;
use crate::report::document::Document;
use crate::report::matrix::{self, Matrix as Table};
use crate::report::out::{Encoding, Out};
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Matrix {
    /// A JSON report of each target, as run --report json=FILE writes it.
    #[arg(value_name = "REPORT", required = true)]
    reports: Vec<PathBuf>,
    /// As what the table is written.
    #[arg(long, value_enum, default_value_t)]
    format: TableFormat,
    /// Where the table goes; without it, to stdout.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A folder with cases of your own, whose requirements the reports speak of (repeatable).
    #[arg(long, value_name = "DIR")]
    cases: Vec<PathBuf>,
}

/// As what a table is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum TableFormat {
    /// One file without network.
    Html,
    /// Tables.
    #[default]
    Markdown,
}

impl Matrix {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let reports = Document::read_all(&self.reports)?;
        let catalog =
            Catalog::load(&self.cases).map_err(|error| Stopped::usage(error.to_string()))?;
        let names = self.reports.iter().map(|path| path.display().to_string());
        let table = Table::of(&catalog, &reports, &names.collect::<Vec<_>>());
        let (text, encoding) = match self.format {
            TableFormat::Html => (matrix::html(&table), Encoding::Xml),
            TableFormat::Markdown => (matrix::markdown(&table), Encoding::Plain),
        };
        Out::product(self.output.as_deref(), encoding)?.finish(&text)?;
        Ok(Exit::Good)
    }
}

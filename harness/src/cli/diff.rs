//! `image-harness diff`: what changed between two reports.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Stopped;
use crate::report::diff::{Kind, diff};
use crate::report::document::Document;
use crate::report::out::{Encoding, Out, one_line};
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The report to compare with, as run --report json=FILE writes it.
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The report of today.
    #[arg(value_name = "B")]
    after: PathBuf,
}

impl Diff {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let before = Document::read(&self.before)?;
        let after = Document::read(&self.after)?;
        let changes = diff(&before, &after);
        let mut text = String::new();
        for (what, one, other) in [
            ("versions", &before.version, &after.version),
            ("targets", &before.target, &after.target),
            ("profiles", &before.profile, &after.profile),
            ("requirements", &before.requirements, &after.requirements),
        ] {
            if one != other {
                text += &format!("note: the {what} differ: {one} and {other}\n");
            }
        }
        for kind in Kind::ALL {
            let of_kind: Vec<_> = changes.iter().filter(|one| one.kind == kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            text += &format!("\n{} ({}):\n", kind.title(), of_kind.len());
            for change in of_kind {
                text += &format!("  {}  {}\n", one_line(&change.place), change.text);
            }
        }
        if changes.is_empty() {
            text += "nothing changed\n";
        }
        Out::product(None, Encoding::Plain)?.finish(text.trim_start_matches('\n'))?;
        let has_regression = changes
            .first()
            .is_some_and(|change| change.kind == Kind::Regression);
        Ok(if has_regression {
            Exit::Failed
        } else {
            Exit::Good
        })
    }
}

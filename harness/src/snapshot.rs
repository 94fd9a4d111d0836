//! Snapshots: what a target answered and sent on, in a normal form, compared with what it did before. Schemas and
//! expectations say what conforms; snapshots say what changed. The files are those of insta, so that
//! `cargo insta review` works on them.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::check::{Finding, Mismatch};
use crate::report::Context;
use crate::report::hop::{Hop, Observed};
use crate::report::normalise::Normaliser;
use crate::run::CaseOutcome;
use crate::verdict::Verdict;

/// The id of the check; it has no requirement, since nobody owes that nothing changes.
pub const CHECK: &str = "snapshot";
/// The seed that the built-in ones were made with: the default.
const BUILTIN_SEED: u64 = 0;
/// The folder of the built-in ones.
const FOLDER: &str = "snapshots";

/// Where snapshots are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Store {
    /// Nowhere: nothing is compared.
    #[default]
    None,
    /// In the binary: those of the built-in targets.
    Builtin,
    /// In a folder of the user's.
    Folder(PathBuf),
}

/// What came of a comparison.
#[derive(Debug, PartialEq, Eq)]
enum Comparison {
    /// Nothing changed.
    Same,
    /// There was none yet.
    New,
    /// It was this.
    Changed(String),
}

impl Store {
    /// The store, unless it was filled with another seed: tokens, and with them the pictures, are others then.
    #[must_use]
    pub fn of(&self, seed: u64) -> Option<&Self> {
        (*self != Self::Builtin || seed == BUILTIN_SEED).then_some(self)
    }

    /// Compares what was observed of a case with its snapshots and writes the findings into its outcome. In a
    /// folder, what is new or changed is left as `.snap.new`. Most cases have none: `context` is then not made.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn judge(
        &self,
        context: impl FnOnce() -> Context,
        outcome: &mut CaseOutcome,
    ) -> io::Result<()> {
        let steps = outcome.steps.iter().enumerate();
        let pinned = steps.filter(|(_, step)| step.step.expect.snapshot);
        let pinned: Vec<_> = pinned.map(|(index, _)| index).collect();
        if *self == Self::None || pinned.is_empty() {
            return Ok(());
        }
        let context = context();
        let mut findings = Vec::new();
        for index in pinned {
            let contents = contents(&context, outcome, index);
            let path = path(&context.header.profile, &outcome.id, index);
            let comparison = self.compare(&path, &outcome.summary, &contents)?;
            findings.push(finding(index, &path, comparison, contents));
        }
        let worst = findings.iter().map(|finding| finding.verdict).max();
        outcome.verdict = outcome.verdict.max(worst.unwrap_or_default());
        outcome.findings.extend(findings);
        Ok(())
    }

    fn compare(&self, path: &str, summary: &str, contents: &str) -> io::Result<Comparison> {
        let (known, file) = match self {
            Self::None => return Ok(Comparison::Same),
            Self::Builtin => (
                fixtures::text(&format!("{FOLDER}/{path}")).map(str::to_owned),
                None,
            ),
            Self::Folder(folder) => {
                let file = folder.join(path);
                (read(&file)?, Some(file))
            }
        };
        let known = known.map(|text| body(&text).to_owned());
        let comparison = match known {
            Some(known) if known.trim_end() == contents.trim_end() => Comparison::Same,
            Some(known) => Comparison::Changed(known),
            None => Comparison::New,
        };
        if let Some(file) = file {
            let pending = file.with_extension("snap.new");
            if comparison == Comparison::Same {
                // What an earlier run left is settled.
                let _ = std::fs::remove_file(&pending);
            } else {
                if let Some(folder) = pending.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let expression = Value::from(summary);
                let text =
                    format!("---\nsource: {path}\nexpression: {expression}\n---\n{contents}\n");
                std::fs::write(pending, text)?;
            }
        }
        Ok(comparison)
    }
}

/// `platform/response/generations/body@n=2.snap`; from the second step on with the step's number.
fn path(profile: &str, instance: &str, step: usize) -> String {
    let number = match step {
        0 => String::new(),
        _ => format!(".{}", step + 1),
    };
    format!("{profile}/{instance}{number}.snap")
}

/// What the target answered and sent on in a step, in a normal form.
fn contents(context: &Context, outcome: &CaseOutcome, step: usize) -> String {
    let observed = Observed::of(context, outcome, step, 0);
    let of_target = |hop: &&Hop| {
        matches!(
            hop,
            Hop::TargetToClient { .. } | Hop::TargetToUpstream { .. }
        )
    };
    let hops = observed.hops.iter().filter(of_target);
    let hops: Value = hops
        .filter_map(|hop| serde_json::to_value(hop).ok())
        .collect();
    let normal = Normaliser::new(&context.header, Some(outcome)).normalise(&hops);
    serde_json::to_string_pretty(&normal).unwrap_or_default()
}

fn finding(step: usize, path: &str, comparison: Comparison, contents: String) -> Finding {
    let (verdict, mismatch) = match comparison {
        Comparison::Same => (Verdict::Pass, None),
        Comparison::New => (
            Verdict::Pass,
            Some(Mismatch::new(format!("there was no snapshot {path} yet"))),
        ),
        Comparison::Changed(known) => (
            Verdict::Fail,
            Some(Mismatch::of(
                format!("it is not as in the snapshot {path}"),
                known,
                contents,
            )),
        ),
    };
    Finding {
        id: crate::case::step_check_id(step, CHECK),
        requirement: CHECK.to_owned(),
        verdict,
        step,
        copy: 0,
        mismatch,
        excuse: None,
    }
}

fn read(file: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What stands behind the head of a file of insta's.
fn body(text: &str) -> &str {
    let text = text.strip_prefix("---\n").unwrap_or(text);
    text.split_once("\n---\n").map_or(text, |(_, body)| body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_what_is_new_and_what_changed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::Folder(folder.path().to_owned());
        let path = path("platform", "a/b/c@n=2", 1);
        assert_eq!(path, "platform/a/b/c@n=2.2.snap");
        let file = folder.path().join(&path);
        let pending = file.with_extension("snap.new");
        let compare = |contents: &str| store.compare(&path, "a \"case\"", contents).unwrap();
        assert_eq!(compare("[1]"), Comparison::New);
        // As `cargo insta accept` does.
        std::fs::rename(&pending, &file).unwrap();
        assert_eq!(compare("[1]"), Comparison::Same);
        assert!(!pending.exists());
        assert_eq!(compare("[2]"), Comparison::Changed("[1]\n".to_owned()));
        assert!(
            std::fs::read_to_string(&pending)
                .unwrap()
                .ends_with("---\n[2]\n")
        );
        assert_eq!(compare("[1]"), Comparison::Same);
        assert!(!pending.exists(), "what is settled goes");
    }
}

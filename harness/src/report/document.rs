//! The JSON report as a value: what `json` writes, and what `merge`, `diff`, `matrix` and `--rerun-failed` read.
//! The form is that of `schemas/report.json`; [`Document::read`] says where a file is none.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::{Coverage, Money};
use crate::schema::{self, SchemaError};
use crate::verdict::Verdict;

/// What every report says of who wrote it.
const TOOL: &str = "image-harness";
/// A larger file is no report of ours.
const MOST_BYTES: u64 = 512 << 20;

/// How often which verdict, in the order of [`Verdict::ALL`].
pub type Counts = BTreeMap<Verdict, usize>;

/// A whole report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// `image-harness`.
    pub tool: String,
    /// Of the tool.
    pub version: String,
    /// The target's name.
    pub target: String,
    /// The profile's id.
    pub profile: String,
    /// The dated set of requirements.
    pub requirements: String,
    /// A number for every verdict.
    pub summary: Counts,
    /// Images asked for, made, delivered.
    pub money: Money,
    /// How much of what the profile promises was looked at.
    #[serde(default)]
    pub coverage: Coverage,
    /// What the run as a whole shows.
    pub notes: Vec<String>,
    /// What the process ended with.
    pub exit: u8,
    /// Sorted by id.
    pub cases: Vec<CaseRecord>,
    /// What differs between two runs of one build.
    pub timing: Timing,
}

/// How long it took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// From the first case to the last, in milliseconds.
    pub total_ms: u64,
    /// Id → milliseconds.
    pub cases: BTreeMap<String, u64>,
}

/// What came of one instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseRecord {
    /// `area/operation/slug@n=2`.
    pub id: String,
    /// What it is about.
    pub summary: String,
    /// The worst of its checks, or what kept it from running.
    pub verdict: Verdict,
    /// Why, where no check says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The known failure that it is listed as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expectation: Option<KnownFailure>,
    /// What its checks said.
    pub checks: Vec<CheckRecord>,
}

/// What one check said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRecord {
    /// `images.size`; from the second step on `2:images.size`.
    pub id: String,
    /// What came out.
    pub verdict: Verdict,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// What is wrong, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The known failure that it is listed as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expectation: Option<KnownFailure>,
    /// What was observed, where it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Value>,
}

/// The entry of a file of expectations that changed a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFailure {
    /// As written there.
    pub entry: String,
    /// Why the failure is accepted.
    pub reason: String,
    /// Where it is being worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
}

impl Document {
    /// Reads a report.
    ///
    /// # Errors
    /// The file cannot be read, or is none; the message names the place and what belongs there.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let unreadable = |source| ReadError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Self::parse(&bytes).map_err(|problem| ReadError::Form {
            path: path.to_owned(),
            problem,
        })
    }

    /// The reports of several files, in their order.
    ///
    /// # Errors
    /// One of them is none.
    pub fn read_all(paths: &[PathBuf]) -> Result<Vec<Self>, ReadError> {
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|error| format!("no JSON: {error}"))?;
        let schema = schema::compile("report").map_err(|error: SchemaError| error.to_string())?;
        if let Some((pointer, problem)) = schema::issues(&schema, &value).into_iter().next() {
            let place = if pointer.is_empty() { "/" } else { &pointer };
            return Err(format!(
                "no report (run --report json=FILE writes one): at {place}: {problem}"
            ));
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// The report as its file holds it.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn text(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// A number for every verdict.
#[must_use]
pub fn counts(verdicts: impl IntoIterator<Item = (Verdict, usize)>) -> Counts {
    let mut counts: Counts = Verdict::ALL.iter().map(|verdict| (*verdict, 0)).collect();
    for (verdict, count) in verdicts {
        *counts.entry(verdict).or_default() += count;
    }
    counts
}

/// The name under which reports go.
#[must_use]
pub fn tool() -> String {
    TOOL.to_owned()
}

/// The version of this build.
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// A file that is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is something else.
    #[error("{}: {problem}", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// Where, and what belongs there.
        problem: String,
    },
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_was_written_is_read_and_written_as_it_was() {
        let written = sample::report("json");
        let read = Document::parse(written.as_bytes()).unwrap();
        // Written values escape hidden characters; here they stand as they are.
        let again = crate::report::out::Encoding::Json.harmless(&read.text().unwrap());
        assert!(again == written);
    }

    #[test]
    fn a_file_that_is_no_report_says_where() {
        let error = |text: &str| Document::parse(text.as_bytes()).unwrap_err();
        assert!(error("<html>").contains("no JSON"));
        let mut report: Value = serde_json::from_str(&sample::report("json")).unwrap();
        report["cases"][0]["verdict"] = "passed".into();
        let said = error(&report.to_string());
        assert!(said.contains("/cases/0/verdict"), "{said}");
        assert!(said.contains("\"pass\""), "{said}");
    }
}

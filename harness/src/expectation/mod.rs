//! Expectations: failures of a target that are known. A listed case runs and must still fail; every entry has its
//! reason, and an entry that no longer holds is told.

mod apply;
mod baseline;

pub use apply::Excuse;
pub use baseline::{Baseline, Changes};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use time::Date;

use crate::case::{Instance, Pattern, PatternError};
use crate::check::CHECKS;

/// What an entry names instead of a check when a case is untestable as a whole.
pub const UNTESTABLE: &str = "untestable";

/// What is known to fail.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// In the order of the file.
    pub entries: Vec<Entry>,
}

/// One known failure.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is about, as written: `case`, instance or pattern, and `#check`.
    pub text: String,
    /// Which instances.
    pub pattern: Pattern,
    /// Which check of theirs; none: the case as a whole.
    pub check: Option<String>,
    /// How it fails.
    pub status: Status,
    /// Why it is accepted.
    pub reason: String,
    /// Where it is being worked on.
    pub issue: Option<String>,
    /// The last day on which it is accepted.
    pub until: Option<Date>,
    /// Its day is over and the run says that such entries excuse nothing.
    pub void: bool,
}

/// How something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Always.
    Fails,
    /// At times.
    Flaky,
}

/// What becomes of an entry whose day is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Expired {
    /// It excuses nothing any more.
    Fail,
    /// It still holds, and the run says that it is over.
    #[default]
    Warn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    expect: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    case: String,
    status: Status,
    reason: String,
    issue: Option<String>,
    until: Option<toml::value::Datetime>,
}

impl Expectations {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read or is no file of expectations; the message says where and what was expected.
    pub fn read(path: &Path) -> Result<Self, ExpectationError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ExpectationError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
        Self::parse(&text).map_err(|problem| ExpectationError::Form {
            path: path.to_owned(),
            problem,
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// Where it is wrong, and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut entries = Vec::with_capacity(file.expect.len());
        let mut known = BTreeSet::new();
        for (index, written) in file.expect.into_iter().enumerate() {
            let text = written.case.clone();
            let entry = written
                .entry()
                .map_err(|problem| format!("entry {} ('{text}'): {problem}", index + 1))?;
            if !known.insert(entry.text.clone()) {
                return Err(format!(
                    "entry {} ('{text}') is listed twice: one of them has to go",
                    index + 1
                ));
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// Says which entries name nothing among these instances: all that the catalogue has for a target.
    ///
    /// # Errors
    /// A line for each such entry.
    pub fn check(&self, instances: &[Instance]) -> Result<(), String> {
        let unmatched = self.entries.iter().filter_map(|entry| {
            let named = instances
                .iter()
                .any(|instance| instance.matches(&entry.pattern));
            (!named).then(|| {
                let nearest = crate::catalog::nearest(
                    entry.text.split('#').next().unwrap_or_default(),
                    instances.iter().map(|instance| instance.id.as_str()),
                );
                format!("'{}' names no case: did you mean {nearest}?", entry.text)
            })
        });
        let unmatched: Vec<_> = unmatched.collect();
        if unmatched.is_empty() {
            Ok(())
        } else {
            Err(unmatched.join("\n"))
        }
    }

    /// Looks at the days of the entries: what is over is told in a note each, and excuses nothing if so wanted.
    #[must_use]
    pub fn age(&mut self, today: Date, expired: Expired) -> Vec<String> {
        let mut notes = Vec::new();
        for entry in &mut self.entries {
            let Some(until) = entry.until.filter(|until| *until < today) else {
                continue;
            };
            entry.void = expired == Expired::Fail;
            notes.push(format!(
                "the expectation '{}' was to end on {until}: {}",
                entry.text, entry.reason
            ));
        }
        notes
    }
}

impl Written {
    fn entry(self) -> Result<Entry, String> {
        let (case, check) = match self.case.split_once('#') {
            Some((case, check)) => (case, Some(check.to_owned())),
            None => (self.case.as_str(), None),
        };
        let pattern = Pattern::parse(case).map_err(|error: PatternError| error.to_string())?;
        if let Some(check) = check.as_deref().filter(|check| !is_known(check)) {
            let known: Vec<_> = CHECKS.iter().map(|check| check.id()).collect();
            return Err(format!(
                "no check is called '{check}': ids begin with {}, or it is '{UNTESTABLE}'",
                known.join(", ")
            ));
        }
        if self.reason.trim().is_empty() {
            return Err("the reason is empty: say why this failure is accepted".to_owned());
        }
        let until = self.until.map(date).transpose()?;
        Ok(Entry {
            pattern,
            check,
            status: self.status,
            reason: self.reason,
            issue: self.issue,
            until,
            void: false,
            text: self.case,
        })
    }
}

/// Whether some finding can have this id: `images.size`, `2:law.leak`, `json:/data`.
fn is_known(id: &str) -> bool {
    let check = match id.split_once(':') {
        Some((step, check)) if step.parse::<usize>().is_ok() => check,
        _ => id,
    };
    let begins = |known: &str| {
        let rest = check.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':']))
    };
    check == UNTESTABLE
        || check == crate::snapshot::CHECK
        || CHECKS.iter().any(|check| begins(check.id()))
}

fn date(written: toml::value::Datetime) -> Result<Date, String> {
    let wrong = || format!("until = {written}: expected a day such as 2027-01-31");
    let day = written
        .date
        .filter(|_| written.time.is_none())
        .ok_or_else(wrong)?;
    let month = time::Month::try_from(day.month).map_err(|_| wrong())?;
    Date::from_calendar_date(day.year.into(), month, day.day).map_err(|_| wrong())
}

/// Expectations that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExpectationError {
    /// Not a file of expectations, or entries that name nothing.
    #[error("{}: {problem}", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// Where and what was expected.
        problem: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(text: &str) -> String {
        Expectations::parse(text).unwrap_err()
    }

    #[test]
    fn a_file_is_read() {
        let text = r#"
            [[expect]]
            case = "a/b/c@n=2#images.size"
            status = "fails"
            reason = "known"
            issue = "https://example.com/1"
            until = 2027-01-31
            [[expect]]
            case = "a/b/*"
            status = "flaky"
            reason = "at times"
        "#;
        let read = Expectations::parse(text).unwrap();
        let [first, second] = &read.entries[..] else {
            panic!("two entries")
        };
        assert_eq!(first.pattern.as_str(), "a/b/c@n=2");
        assert_eq!(first.check.as_deref(), Some("images.size"));
        assert_eq!(first.until, Some(time::macros::date!(2027 - 01 - 31)));
        assert_eq!((second.status, &second.check), (Status::Flaky, &None));
    }

    #[test]
    fn the_schema_and_the_reader_agree() {
        let schema = crate::schema::compile("expectations").unwrap();
        let good = json!({ "expect": [{ "case": "a/b/c#status", "status": "fails", "reason": "r", "until": "2027-01-31" }] });
        assert_eq!(crate::schema::issues(&schema, &good), []);
        for (member, value) in [
            ("status", json!("never")),
            ("reason", json!(" ")),
            ("until", json!("soon")),
            ("more", json!(1)),
        ] {
            let mut bad = good.clone();
            bad["expect"][0][member] = value;
            assert_ne!(crate::schema::issues(&schema, &bad), [], "{member}");
            let text = toml::to_string(&bad).unwrap();
            assert!(Expectations::parse(&text).is_err(), "{member}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let entry = |rest: &str| format!("[[expect]]\ncase = \"a/b/c\"\n{rest}\n");
        for (text, wanted) in [
            (entry("status = \"fails\""), "missing field `reason`"),
            (
                entry("status = \"fails\"\nreason = \" \""),
                "reason is empty",
            ),
            (
                entry("status = \"never\"\nreason = \"x\""),
                "unknown variant",
            ),
            (
                entry("status = \"fails\"\nreason = \"x\"\nuntill = 2027-01-01"),
                "untill",
            ),
            (
                entry("status = \"fails\"\nreason = \"x\"\nuntil = 07:32:00"),
                "expected a day",
            ),
            (
                "[[expect]]\ncase = \"a/b/c#imges.size\"\nstatus = \"fails\"\nreason = \"x\""
                    .to_owned(),
                "no check is called 'imges.size'",
            ),
            (
                entry("status = \"fails\"\nreason = \"x\"").repeat(2),
                "listed twice",
            ),
        ] {
            assert!(error(&text).contains(wanted), "{text}: {}", error(&text));
        }
    }

    #[test]
    fn an_entry_whose_day_is_over_is_told() {
        let text =
            "[[expect]]\ncase = \"a/b/c\"\nstatus = \"fails\"\nreason = \"x\"\nuntil = 2026-01-31";
        let today = time::macros::date!(2026 - 02 - 01);
        let mut read = Expectations::parse(text).unwrap();
        assert_eq!(
            read.age(today.previous_day().unwrap(), Expired::Fail).len(),
            0
        );
        assert_eq!(read.age(today, Expired::Warn).len(), 1);
        assert!(!read.entries[0].void);
        assert_eq!(read.age(today, Expired::Fail).len(), 1);
        assert!(read.entries[0].void);
    }
}

//! The file of expectations, written by the tool: what fails now and is not listed gets an entry, what is listed
//! and passes now loses its own. Everything else of the file, comments too, stays as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Entry, Expectations, Status, UNTESTABLE};
use crate::case::Instance;
use crate::run::CaseOutcome;
use crate::verdict::Verdict;

/// The line that begins an entry.
const HEAD: &str = "[[expect]]";

/// What a run says of a file of expectations. The run must have been judged without it.
#[derive(Debug, Default)]
pub struct Baseline {
    /// instance → check → what is wrong with it.
    failed: BTreeMap<String, BTreeMap<String, String>>,
    ran: Vec<Instance>,
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Changes {
    /// The new text.
    pub text: String,
    /// Entries that were written, as `case#check`.
    pub added: Vec<String>,
    /// Entries that were taken out.
    pub removed: Vec<String>,
}

impl Baseline {
    /// Takes notice of an outcome. Errors of ours are nobody's known failure.
    pub fn add(&mut self, instance: &Instance, outcome: &CaseOutcome) {
        let ran = matches!(
            outcome.verdict,
            Verdict::Pass | Verdict::Warn | Verdict::Untestable | Verdict::Fail
        );
        if !ran {
            return;
        }
        self.ran.push(instance.clone());
        let failed = outcome
            .findings
            .iter()
            .filter(|finding| matches!(finding.verdict, Verdict::Untestable | Verdict::Fail));
        let mut checks: BTreeMap<String, String> = failed
            .map(|finding| {
                let message = finding.mismatch.as_ref().map(|wrong| wrong.message.clone());
                (finding.id.clone(), message.unwrap_or_default())
            })
            .collect();
        if checks.is_empty() && outcome.verdict == Verdict::Untestable {
            let reason = outcome.reason.clone().unwrap_or_default();
            checks.insert(UNTESTABLE.to_owned(), reason);
        }
        if !checks.is_empty() {
            self.failed.insert(instance.id.clone(), checks);
        }
    }

    /// Writes what failed into the text of a file and takes out what passed; `clean` makes a message fit to be
    /// kept (without secrets).
    #[must_use]
    pub fn applied(
        &self,
        text: &str,
        expectations: &Expectations,
        clean: impl Fn(&str) -> String,
    ) -> Changes {
        let stale: Vec<bool> = expectations
            .entries
            .iter()
            .map(|entry| self.is_stale(entry))
            .collect();
        let mut text = without(text, &stale);
        let mut added = Vec::new();
        for (instance, checks) in &self.failed {
            for (check, message) in checks {
                if self.is_listed(expectations, instance, check) {
                    continue;
                }
                let name = format!("{instance}#{check}");
                let reason = clean(&format!("not explained yet: {message}"));
                if !text.is_empty() && !text.ends_with("\n\n") {
                    text.push('\n');
                }
                let _ = write!(
                    text,
                    "{HEAD}\ncase = {}\nstatus = \"fails\"\nreason = {}\n",
                    toml::Value::from(name.as_str()),
                    toml::Value::from(reason)
                );
                added.push(name);
            }
        }
        let removed = expectations
            .entries
            .iter()
            .zip(&stale)
            .filter(|(_, stale)| **stale)
            .map(|(entry, _)| entry.text.clone());
        Changes {
            text,
            added,
            removed: removed.collect(),
        }
    }

    /// Whether what an entry names ran, and none of it failed. One that never ran, or that is flaky, stays.
    fn is_stale(&self, entry: &Entry) -> bool {
        let named: Vec<_> = self
            .ran
            .iter()
            .filter(|instance| instance.matches(&entry.pattern))
            .collect();
        let fails = |instance: &&Instance| {
            let checks = self.failed.get(&instance.id);
            checks.is_some_and(|checks| {
                entry
                    .check
                    .as_ref()
                    .is_none_or(|check| checks.contains_key(check))
            })
        };
        entry.status == Status::Fails && !named.is_empty() && !named.iter().any(fails)
    }

    fn is_listed(&self, expectations: &Expectations, instance: &str, check: &str) -> bool {
        let instance = self.ran.iter().find(|ran| ran.id == instance);
        instance.is_some_and(|instance| {
            expectations.entries.iter().any(|entry| {
                let same = entry.check.as_deref().is_none_or(|named| named == check);
                same && instance.matches(&entry.pattern)
            })
        })
    }
}

/// The text without the entries that are marked, each from its head to the next one's.
fn without(text: &str, marked: &[bool]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut entry = None;
    for line in text.split_inclusive('\n') {
        if line.trim() == HEAD {
            entry = Some(entry.map_or(0, |number: usize| number + 1));
        }
        let drop = entry.and_then(|number| marked.get(number)).copied();
        // A comment or an empty line between two entries belongs to the one behind it.
        let between = line.trim().is_empty() || line.trim_start().starts_with('#');
        if !drop.unwrap_or_default() || between {
            kept.push_str(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::case::Loader;
    use crate::check::{Finding, Mismatch};

    fn instances() -> Vec<Instance> {
        let case = r#"{ "summary": "what a test needs", "matrix": { "n": [1, 2] },
            "request": { "operation": "images.generations", "body": { "prompt": "${prompt}", "n": "${n}" } },
            "expect": { "response": [{ "requirement": "law.json", "status": 200 }] } }"#;
        let case = Loader::new().unwrap().load("a/b/c.json", case).unwrap();
        Instance::all(&Arc::new(case), &[])
    }

    /// A run in which the second instance fails its status.
    fn baseline() -> Baseline {
        let mut baseline = Baseline::default();
        for (index, instance) in instances().iter().enumerate() {
            let verdict = [Verdict::Pass, Verdict::Fail][index];
            let mut outcome = CaseOutcome::without_evidence(instance, verdict, String::new());
            outcome.findings.push(Finding {
                id: "status".to_owned(),
                requirement: "law.json".to_owned(),
                verdict,
                step: 0,
                copy: 0,
                mismatch: (index == 1).then(|| Mismatch::new("500 with sk-secret")),
                excuse: None,
            });
            baseline.add(instance, &outcome);
        }
        baseline
    }

    fn applied(text: &str) -> Changes {
        let read = Expectations::parse(text).unwrap();
        let changes = baseline().applied(text, &read, |text| text.replace("sk-secret", "***"));
        // What is written can be read.
        Expectations::parse(&changes.text).unwrap();
        changes
    }

    #[test]
    fn what_fails_is_added_once() {
        let first = applied("");
        assert_eq!(first.added, ["a/b/c@n=2#status"]);
        assert!(
            first.text.contains("not explained yet: 500 with ***"),
            "{}",
            first.text
        );
        let second = applied(&first.text);
        assert_eq!((second.added.len(), second.removed.len()), (0, 0));
        assert_eq!(second.text, first.text);
    }

    #[test]
    fn what_passes_is_taken_out_and_comments_stay() {
        let entry = |case: &str, status: &str| {
            format!(
                "# about {case}\n{HEAD}\ncase = \"{case}\"\nstatus = \"{status}\"\nreason = \"r\"\n\n"
            )
        };
        let text = "# the head\n\n".to_owned()
            + &entry("a/b/c@n=1#status", "fails")
            + &entry("a/b/c#images.size", "fails")
            + &entry("a/b/c", "flaky")
            + &entry("x/y/z", "fails");
        let changes = applied(&text);
        assert_eq!(changes.removed, ["a/b/c@n=1#status", "a/b/c#images.size"]);
        assert_eq!(changes.added, Vec::<String>::new());
        for kept in ["# the head", "# about a/b/c\n", "case = \"x/y/z\""] {
            assert!(changes.text.contains(kept), "{}", changes.text);
        }
    }
}

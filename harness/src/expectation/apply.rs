//! What entries make of what happened.

use super::{Entry, Expectations, Status, UNTESTABLE};
use crate::case::Instance;
use crate::check::Finding;
use crate::run::CaseOutcome;
use crate::verdict::Verdict;

/// The entry that excuses a verdict, or that is stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excuse {
    /// The entry, as written.
    pub entry: String,
    /// Why it is accepted.
    pub reason: String,
    /// Where it is being worked on.
    pub issue: Option<String>,
}

impl Expectations {
    /// Judges an outcome by the entries that name it. What is known to fail must still fail; an error of ours is
    /// never excused by an entry for a case as a whole, and what was not run is not judged.
    pub fn judge(&self, instance: &Instance, outcome: &mut CaseOutcome) {
        let ran = matches!(
            outcome.verdict,
            Verdict::Pass | Verdict::Warn | Verdict::Untestable | Verdict::Fail | Verdict::Error
        );
        let mine = |entry: &&Entry| !entry.void && instance.matches(&entry.pattern);
        if !ran || !self.entries.iter().any(|entry| mine(&entry)) {
            return;
        }
        let (of_checks, of_case): (Vec<_>, Vec<_>) = self
            .entries
            .iter()
            .filter(mine)
            .partition(|entry| entry.check.is_some());
        for entry in of_checks {
            match entry.check.as_deref() {
                Some(UNTESTABLE) => judge_untestable(entry, outcome),
                Some(check) => judge_check(entry, check, outcome),
                None => {}
            }
        }
        for entry in of_case {
            judge_case(entry, outcome);
        }
    }
}

fn judge_check(entry: &Entry, check: &str, outcome: &mut CaseOutcome) {
    let stopped = stopped(outcome);
    let mut named: Vec<&mut Finding> = outcome
        .findings
        .iter_mut()
        .filter(|finding| finding.id == check && finding.verdict != Verdict::Error)
        .collect();
    match entry.status {
        Status::Flaky => {
            for finding in named {
                excuse(finding, entry, Verdict::Flaky);
            }
        }
        Status::Fails => {
            let broken = |finding: &&mut &mut Finding| finding.verdict != Verdict::Pass;
            if named.iter_mut().any(|finding| broken(&finding)) {
                for finding in named.iter_mut().filter(broken) {
                    excuse(finding, entry, Verdict::ExpectedFail);
                }
            } else if let Some(finding) = named.first_mut() {
                excuse(finding, entry, Verdict::UnexpectedPass);
            } else if !stopped && !outcome.verdict.is_failure() {
                stale(entry, outcome);
            }
        }
    }
    if !stopped && outcome.excuse.is_none() {
        outcome.verdict = worst(&outcome.findings);
    }
}

fn judge_untestable(entry: &Entry, outcome: &mut CaseOutcome) {
    match (entry.status, outcome.verdict) {
        (Status::Fails, Verdict::Untestable) => whole(entry, outcome, Verdict::ExpectedFail),
        (Status::Flaky, Verdict::Untestable | Verdict::Pass | Verdict::Warn) => {
            whole(entry, outcome, Verdict::Flaky);
        }
        (Status::Fails, Verdict::Pass | Verdict::Warn) => stale(entry, outcome),
        _ => {}
    }
}

fn judge_case(entry: &Entry, outcome: &mut CaseOutcome) {
    match (entry.status, outcome.verdict) {
        (_, Verdict::Error) => {}
        (Status::Flaky, _) => whole(entry, outcome, Verdict::Flaky),
        (Status::Fails, Verdict::Untestable | Verdict::Fail) => {
            whole(entry, outcome, Verdict::ExpectedFail);
        }
        (Status::Fails, Verdict::Pass | Verdict::Warn) => stale(entry, outcome),
        (Status::Fails, _) => {}
    }
}

/// Whether something else than its checks decided about a case.
fn stopped(outcome: &CaseOutcome) -> bool {
    outcome.reason.is_some() || outcome.findings.is_empty()
}

fn worst(findings: &[Finding]) -> Verdict {
    let verdicts = findings.iter().map(|finding| finding.verdict);
    verdicts.max().unwrap_or_default()
}

fn excuse(finding: &mut Finding, entry: &Entry, verdict: Verdict) {
    finding.verdict = verdict;
    finding.excuse = Some(Excuse::of(entry));
}

/// Excuses the case and everything in it that does not hold.
fn whole(entry: &Entry, outcome: &mut CaseOutcome, verdict: Verdict) {
    outcome.verdict = verdict;
    outcome.excuse = Some(Excuse::of(entry));
    let failed =
        |finding: &&mut Finding| matches!(finding.verdict, Verdict::Untestable | Verdict::Fail);
    for finding in outcome.findings.iter_mut().filter(failed) {
        excuse(finding, entry, verdict);
    }
}

fn stale(entry: &Entry, outcome: &mut CaseOutcome) {
    outcome.verdict = Verdict::UnexpectedPass;
    outcome.excuse = Some(Excuse::of(entry));
}

impl Excuse {
    fn of(entry: &Entry) -> Self {
        Self {
            entry: entry.text.clone(),
            reason: entry.reason.clone(),
            issue: entry.issue.clone(),
        }
    }

    /// The reason with the address of the issue.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.issue {
            Some(issue) => format!("{} ({issue})", self.reason),
            None => self.reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::case::Loader;

    fn instance() -> Instance {
        let case = r#"{ "summary": "what a test needs",
            "request": { "operation": "images.generations", "body": { "prompt": "${prompt}" } },
            "expect": { "response": [{ "requirement": "law.json", "status": 200 }] } }"#;
        let case = Loader::new().unwrap().load("a/b/c.json", case).unwrap();
        Instance::all(&Arc::new(case), &[]).remove(0)
    }

    /// The verdict of a case with these findings under these entries.
    fn judged(findings: &[(&str, Verdict)], entries: &[(&str, &str)]) -> (Verdict, Vec<Verdict>) {
        let instance = instance();
        let written: String = entries
            .iter()
            .map(|(case, status)| {
                format!(
                    "[[expect]]\ncase = \"{case}\"\nstatus = \"{status}\"\nreason = \"known\"\n"
                )
            })
            .collect();
        let mut outcome =
            CaseOutcome::without_evidence(&instance, Verdict::NotApplicable, String::new());
        outcome.reason = None;
        outcome.findings = findings
            .iter()
            .map(|(id, verdict)| Finding {
                id: (*id).to_owned(),
                requirement: "law.json".to_owned(),
                verdict: *verdict,
                step: 0,
                copy: 0,
                mismatch: None,
                excuse: None,
            })
            .collect();
        outcome.verdict = worst(&outcome.findings);
        Expectations::parse(&written)
            .unwrap()
            .judge(&instance, &mut outcome);
        let of_checks = outcome.findings.iter().map(|finding| finding.verdict);
        (outcome.verdict, of_checks.collect())
    }

    #[test]
    fn an_entry_for_a_check_excuses_that_check_alone() {
        use Verdict::{Error, ExpectedFail, Fail, Flaky, Pass, UnexpectedPass, Warn};
        let entry = [("a/b/*#status", "fails")];
        let cases: &[(&[_], Verdict, &[Verdict])] = &[
            (
                &[("status", Fail), ("json", Pass)],
                ExpectedFail,
                &[ExpectedFail, Pass],
            ),
            (&[("status", Warn)], ExpectedFail, &[ExpectedFail]),
            (
                &[("status", Fail), ("json", Fail)],
                Fail,
                &[ExpectedFail, Fail],
            ),
            (
                &[("status", Pass), ("json", Pass)],
                UnexpectedPass,
                &[UnexpectedPass, Pass],
            ),
            (&[("json", Pass)], UnexpectedPass, &[Pass]),
            (&[("json", Fail)], Fail, &[Fail]),
            (&[("status", Error)], Error, &[Error]),
        ];
        for (findings, verdict, of_checks) in cases {
            assert_eq!(
                judged(findings, &entry),
                (*verdict, of_checks.to_vec()),
                "{findings:?}"
            );
        }
        let flaky = [("a/b/c#status", "flaky")];
        assert_eq!(judged(&[("status", Pass)], &flaky).0, Flaky);
        assert_eq!(judged(&[("status", Fail)], &flaky).0, Flaky);
    }

    #[test]
    fn an_entry_for_a_case_excuses_everything_but_our_errors() {
        use Verdict::{Error, ExpectedFail, Fail, Flaky, Pass, UnexpectedPass, Untestable};
        for (status, found, verdict) in [
            ("fails", Fail, ExpectedFail),
            ("fails", Untestable, ExpectedFail),
            ("fails", Pass, UnexpectedPass),
            ("fails", Error, Error),
            ("flaky", Pass, Flaky),
            ("flaky", Fail, Flaky),
            ("flaky", Error, Error),
        ] {
            let (judged, _) = judged(&[("json", found)], &[("a/b/c", status)]);
            assert_eq!(judged, verdict, "{status} {found}");
        }
    }

    #[test]
    fn an_entry_for_another_case_changes_nothing() {
        let entries = [("a/b/d", "fails"), ("a/b/d#json", "fails")];
        assert_eq!(
            judged(&[("json", Verdict::Fail)], &entries).0,
            Verdict::Fail
        );
    }
}

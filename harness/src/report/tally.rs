//! What a run amounts to, gathered while it goes on, for formats that sum it up for people.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::report::Context;
use crate::report::evidence::message;
use crate::report::out::one_line;
use crate::report::page::reason;
use crate::run::CaseOutcome;
use crate::verdict::Verdict;

/// (check, requirement) → what cases said alike.
pub(super) type Alike = BTreeMap<(String, String), Noted>;

/// Counts of what came out, and what was said alike by many cases.
#[derive(Default)]
pub(super) struct Tally {
    counts: BTreeMap<Verdict, usize>,
    /// (check, requirement) → what SHOULD hold and does not.
    pub(super) warnings: Alike,
    /// (check, requirement) → what made cases fail; without a requirement, what ended them.
    pub(super) failures: Alike,
    /// (verdict, reason) → what is excused or was not judged.
    pub(super) excused: BTreeMap<(Verdict, String), Noted>,
}

/// Something that several cases have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    /// How many times.
    pub(super) count: usize,
    /// What the first one said.
    pub(super) message: String,
    /// The first one's id.
    pub(super) case: String,
}

impl Tally {
    /// Takes notice of a case.
    pub(super) fn add(&mut self, context: &Context, outcome: &CaseOutcome) {
        *self.counts.entry(outcome.verdict).or_default() += 1;
        for finding in &outcome.findings {
            let place = if finding.verdict == Verdict::Warn {
                &mut self.warnings
            } else if outcome.verdict.is_failure() && finding.verdict.is_failure() {
                &mut self.failures
            } else {
                continue;
            };
            let key = (check(&finding.id), finding.requirement.clone());
            note(place, key, outcome, || message(context, outcome, finding));
        }
        if matches!(outcome.verdict, Verdict::Pass | Verdict::Warn) {
            return;
        }
        let why = reason(context, outcome);
        if !outcome.verdict.is_failure() {
            let why = why.unwrap_or_else(|| outcome.id.clone());
            note(
                &mut self.excused,
                (outcome.verdict, why),
                outcome,
                String::new,
            );
        } else if !outcome.findings.iter().any(|one| one.verdict.is_failure()) {
            let key = (outcome.verdict.to_string(), String::new());
            note(&mut self.failures, key, outcome, || why.unwrap_or_default());
        }
    }

    /// How many cases came out so.
    pub(super) fn count(&self, verdicts: &[Verdict]) -> usize {
        let counts = verdicts.iter().filter_map(|one| self.counts.get(one));
        counts.sum()
    }

    /// How many cases are over.
    pub(super) fn done(&self) -> usize {
        self.counts.values().sum()
    }
}

/// A law is a check and a requirement of one name.
fn name(check: &str, requirement: &str) -> String {
    if check == requirement {
        return one_line(check);
    }
    one_line(&format!("{check} {requirement}"))
}

/// What cases said alike: (check and requirement, what was said), the most frequent first.
pub(super) fn often_first(alike: &Alike) -> Vec<(String, &Noted)> {
    let named = alike.iter();
    let mut named: Vec<_> = named
        .map(|((check, requirement), noted)| (name(check, requirement), noted))
        .collect();
    named.sort_by_key(|(_, noted)| Reverse(noted.count));
    named
}

fn note<K: Ord>(
    place: &mut BTreeMap<K, Noted>,
    key: K,
    outcome: &CaseOutcome,
    message: impl FnOnce() -> String,
) {
    let noted = place.entry(key).or_insert_with(|| Noted {
        count: 0,
        message: message(),
        case: outcome.id.clone(),
    });
    noted.count += 1;
}

/// The check of a finding: its step's number tells cases apart, not what is wrong.
fn check(id: &str) -> String {
    let stepped = id
        .split_once(':')
        .filter(|(step, _)| step.parse::<usize>().is_ok());
    stepped.map_or(id, |(_, check)| check).to_owned()
}

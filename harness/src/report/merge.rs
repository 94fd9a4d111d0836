//! Joins reports of the parts of one run, shards or processes, into the report of the whole.
//!
//! The parts must be of one version, target, profile and set of requirements. A case that several parts ran counts
//! once, with its worst outcome, and a note says so where they disagree: like a run with `--repeat`, a merged run
//! is as good as its worst repetition. Images and times are added up; an error of one part is one of the whole.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::report::document::{CaseRecord, Document, Timing, counts};
use crate::verdict::{Exit, Verdict};

/// The report of the whole.
///
/// # Errors
/// There are no parts, or what of them does not belong together.
pub fn merge(parts: Vec<Document>) -> Result<Document, String> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().ok_or("there is no report to merge")?;
    let mut cases: BTreeMap<String, CaseRecord> = BTreeMap::new();
    let mut clashes = Vec::new();
    add(&mut cases, std::mem::take(&mut whole.cases), &mut clashes);
    for part in parts {
        same_run(&whole, &part)?;
        add(&mut cases, part.cases, &mut clashes);
        whole.money += part.money;
        add_timing(&mut whole.timing, part.timing);
        whole.exit = worse(whole.exit, part.exit);
        whole.notes.extend(part.notes);
    }
    whole.notes.extend(clashes);
    let mut known = std::collections::BTreeSet::new();
    whole.notes.retain(|note| known.insert(note.clone()));
    let verdicts = cases.values().map(|case| case.verdict);
    whole.summary = counts(verdicts.clone().map(|verdict| (verdict, 1)));
    if whole.exit != Exit::Error as u8 {
        whole.exit = Exit::of(verdicts) as u8;
    }
    whole.cases = cases.into_values().collect();
    whole.coverage.judged = judged(&whole.cases);
    Ok(whole)
}

/// How many requirements some check judged. What is judged without one, a snapshot for example, is called as its check.
fn judged(cases: &[CaseRecord]) -> usize {
    let checks = cases.iter().flat_map(|case| &case.checks);
    let judged = checks.filter(|check| check.verdict != Verdict::Untestable);
    let requirements = judged.filter_map(|check| {
        let requirement = check.requirement.as_ref()?;
        let bare = check.id.rsplit(':').next().unwrap_or_default();
        (requirement != bare || requirement.starts_with("law.")).then_some(requirement)
    });
    requirements.collect::<BTreeSet<_>>().len()
}

/// An error of a part is one of the whole; everything else follows from the verdicts.
fn worse(one: u8, other: u8) -> u8 {
    if other == Exit::Error as u8 {
        other
    } else {
        one
    }
}

fn same_run(whole: &Document, part: &Document) -> Result<(), String> {
    for (what, one, other) in [
        ("version", &whole.version, &part.version),
        ("target", &whole.target, &part.target),
        ("profile", &whole.profile, &part.profile),
        ("requirements", &whole.requirements, &part.requirements),
    ] {
        if one != other {
            return Err(format!(
                "these are no parts of one run: {what} is '{one}' in one and '{other}' in another"
            ));
        }
    }
    Ok(())
}

fn add(cases: &mut BTreeMap<String, CaseRecord>, more: Vec<CaseRecord>, clashes: &mut Vec<String>) {
    for case in more {
        match cases.entry(case.id.clone()) {
            Entry::Vacant(free) => drop(free.insert(case)),
            Entry::Occupied(mut taken) => {
                let before = taken.get().verdict;
                if before != case.verdict {
                    clashes.push(format!(
                        "{} ran more than once and came out as {} and as {}: the worse counts",
                        case.id,
                        before.min(case.verdict),
                        before.max(case.verdict)
                    ));
                }
                if case.verdict > before {
                    taken.insert(case);
                }
            }
        }
    }
}

fn add_timing(timing: &mut Timing, more: Timing) {
    timing.total_ms += more.total_ms;
    for (id, took) in more.cases {
        *timing.cases.entry(id).or_default() += took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::verdict::Verdict;

    #[test]
    fn shards_add_up_to_the_whole() {
        let whole = sample::document();
        let mut parts = vec![whole.clone(), whole.clone()];
        for (part, kept) in [0, 1].into_iter().enumerate() {
            let mut index = 0;
            parts[part].cases.retain(|_| {
                index += 1;
                index % 2 == kept
            });
        }
        let merged = merge(parts).unwrap();
        assert_eq!(merged.cases, whole.cases);
        assert_eq!(merged.summary, whole.summary);
        assert_eq!(merged.exit, whole.exit);
        assert_eq!(merged.money.asked, 2 * whole.money.asked);
    }

    #[test]
    fn the_worst_of_one_case_counts_in_any_order() {
        let (mut good, mut bad) = (sample::document(), sample::document());
        for report in [&mut good, &mut bad] {
            report.cases.truncate(1);
            report.exit = 0;
        }
        good.cases[0].verdict = Verdict::Pass;
        bad.cases[0].verdict = Verdict::Fail;
        for parts in [vec![good.clone(), bad.clone()], vec![bad, good]] {
            let merged = merge(parts).unwrap();
            assert_eq!(merged.cases[0].verdict, Verdict::Fail);
            assert_eq!(merged.exit, 1);
            assert!(merged.notes.last().unwrap().contains("as pass and as fail"));
        }
    }

    #[test]
    fn an_error_of_a_part_stays_and_strangers_are_refused() {
        let mut part = sample::document();
        part.cases.clear();
        part.exit = 0;
        let mut broken = part.clone();
        broken.exit = 3;
        assert_eq!(merge(vec![part.clone(), broken]).unwrap().exit, 3);
        assert_eq!(merge(vec![part.clone()]).unwrap().exit, 4);
        let mut stranger = part.clone();
        stranger.profile = "router".into();
        let said = merge(vec![part, stranger]).unwrap_err();
        assert!(
            said.contains("profile is 'platform' in one and 'router'"),
            "{said}"
        );
        assert!(merge(Vec::new()).is_err());
    }
}

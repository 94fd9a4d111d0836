//! What changed between two reports, check by check.

use std::collections::BTreeMap;

use crate::report::document::{CaseRecord, Document};
use crate::report::out::one_line;
use crate::verdict::Verdict;

/// How something changed, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It held and is broken now.
    Regression,
    /// It was broken, known or not, and holds now.
    Fix,
    /// It is broken as before, but in another way or for another reason.
    Changed,
    /// It came out otherwise, and is neither broken now nor mended: a warning, an excuse, no longer judged.
    Other,
    /// Only the second report has it, or judges it.
    New,
    /// Only the first report has it.
    Gone,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// How.
    pub kind: Kind,
    /// `case` or `case#check`.
    pub place: String,
    /// From what to what, and why.
    pub text: String,
}

/// What came out of a case or a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found<'d> {
    verdict: Verdict,
    why: &'d str,
}

/// Check and requirement → the worst that it said.
type Checks<'d> = BTreeMap<(&'d str, &'d str), Found<'d>>;

impl Kind {
    /// Every kind, the most important first.
    pub const ALL: [Self; 6] = [
        Self::Regression,
        Self::Fix,
        Self::Changed,
        Self::Other,
        Self::New,
        Self::Gone,
    ];

    /// The heading of such changes.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Regression => "regressions",
            Self::Fix => "fixes",
            Self::Changed => "broken as before, in another way",
            Self::Other => "other verdicts",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }
}

/// Everything that changed, sorted by kind and place.
#[must_use]
pub fn diff(before: &Document, after: &Document) -> Vec<Change> {
    let old = by_id(before);
    let new = by_id(after);
    let mut changes = Vec::new();
    for (id, case) in &new {
        match old.get(id) {
            Some(other) => compare(other, case, &mut changes),
            None => changes.push(alone(Kind::New, case)),
        }
    }
    let gone = old.iter().filter(|(id, _)| !new.contains_key(*id));
    changes.extend(gone.map(|(_, case)| alone(Kind::Gone, case)));
    changes.sort();
    changes
}

fn by_id(report: &Document) -> BTreeMap<&str, &CaseRecord> {
    let cases = report.cases.iter();
    cases.map(|case| (case.id.as_str(), case)).collect()
}

fn alone(kind: Kind, case: &CaseRecord) -> Change {
    Change {
        kind,
        place: case.id.clone(),
        text: case.verdict.to_string(),
    }
}

fn compare(before: &CaseRecord, after: &CaseRecord, changes: &mut Vec<Change>) {
    let (old, new) = (checks(before), checks(after));
    if !speak(before, &old) || !speak(after, &new) {
        // Not the checks decided: what became of the case as a whole is all that can be compared.
        let (was, is) = (whole(before), whole(after));
        changes.extend(kind(was, is).map(|kind| change(kind, after.id.clone(), was, is)));
        return;
    }
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let held = Found {
            verdict: Verdict::Pass,
            why: "",
        };
        let (was, is) = (old.get(name), new.get(name));
        // A law may say something only where it is broken: what it did not say held, if the case did.
        let silent =
            |found: Option<&Found<'_>>, case: &CaseRecord| found.is_none() && holds(case.verdict);
        let place = format!("{}#{}", after.id, name.0);
        match (was.copied(), is.copied()) {
            (None, Some(is)) if silent(was, before) && fails(is.verdict) => {
                changes.push(change(Kind::Regression, place, held, is));
            }
            (Some(was), None) if silent(is, after) && fails(was.verdict) => {
                changes.push(change(Kind::Fix, place, was, held));
            }
            (Some(was), Some(is)) => {
                changes.extend(kind(was, is).map(|kind| change(kind, place, was, is)));
            }
            (Some(found), None) => changes.push(lone(Kind::Gone, place, found)),
            (None, Some(found)) => changes.push(lone(Kind::New, place, found)),
            (None, None) => {}
        }
    }
}

fn checks(case: &CaseRecord) -> Checks<'_> {
    let mut checks = Checks::new();
    for check in &case.checks {
        let name = (
            check.id.as_str(),
            check.requirement.as_deref().unwrap_or_default(),
        );
        let found = Found {
            verdict: check.verdict,
            why: check.message.as_deref().unwrap_or_default(),
        };
        let worst = checks.entry(name).or_insert(found);
        *worst = (*worst).max(found);
    }
    checks
}

/// Whether the checks of a case say why it came out as it did.
fn speak(case: &CaseRecord, checks: &Checks<'_>) -> bool {
    checks.values().map(|found| found.verdict).max() == Some(case.verdict)
}

fn whole(case: &CaseRecord) -> Found<'_> {
    let worst = case.checks.iter().max_by_key(|check| check.verdict);
    let said = worst.and_then(|check| check.message.as_deref());
    Found {
        verdict: case.verdict,
        why: case.reason.as_deref().or(said).unwrap_or_default(),
    }
}

fn fails(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Fail | Verdict::Untestable | Verdict::Error
    )
}

fn holds(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Pass | Verdict::Warn | Verdict::UnexpectedPass
    )
}

fn is_unjudged(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::NotApplicable | Verdict::Blocked | Verdict::Contaminated
    )
}

/// How something changed; none if it did not. A known failure is broken, too: that it is listed no longer is
/// no regression of the target.
fn kind(was: Found<'_>, is: Found<'_>) -> Option<Kind> {
    let (before, after) = (was.verdict, is.verdict);
    let was_broken = fails(before) || before == Verdict::ExpectedFail;
    match () {
        () if fails(after) && holds(before) => Some(Kind::Regression),
        () if fails(after) && is_unjudged(before) => Some(Kind::New),
        () if fails(after) && was != is => Some(Kind::Changed),
        () if holds(after) && was_broken => Some(Kind::Fix),
        () if before != after => Some(Kind::Other),
        () => None,
    }
}

fn change(kind: Kind, place: String, was: Found<'_>, is: Found<'_>) -> Change {
    let why = match kind {
        Kind::Changed if was.why != is.why && !was.why.is_empty() => {
            format!("{} (it was: {})", one_line(is.why), one_line(was.why))
        }
        Kind::Fix => one_line(was.why),
        _ => one_line(is.why),
    };
    let verdicts = if was.verdict == is.verdict {
        is.verdict.to_string()
    } else {
        format!("{} -> {}", was.verdict, is.verdict)
    };
    Change {
        kind,
        place,
        text: said(&verdicts, &why),
    }
}

fn lone(kind: Kind, place: String, found: Found<'_>) -> Change {
    Change {
        kind,
        place,
        text: said(found.verdict.as_str(), &one_line(found.why)),
    }
}

fn said(verdicts: &str, why: &str) -> String {
    if why.is_empty() {
        verdicts.to_owned()
    } else {
        format!("{verdicts}: {why}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A case with one check of this verdict and message; without a message, a case without checks.
    fn case(id: &str, verdict: &str, message: Option<&str>) -> Value {
        let check =
            json!({ "id": "status", "requirement": "r", "verdict": verdict, "message": message });
        let checks: Vec<Value> = message.map(|_| check).into_iter().collect();
        json!({ "id": id, "summary": "", "verdict": verdict, "reason": message.is_none().then_some("because"), "checks": checks })
    }

    fn changes(before: &[Value], after: &[Value]) -> Vec<(Kind, String, String)> {
        let report = |cases: &[Value]| {
            let mut report = crate::report::sample::document();
            report.cases = serde_json::from_value(Value::from(cases)).unwrap();
            report
        };
        let changes = diff(&report(before), &report(after)).into_iter();
        changes
            .map(|change| (change.kind, change.place, change.text))
            .collect()
    }

    fn change(before: (&str, Option<&str>), after: (&str, Option<&str>)) -> Option<Kind> {
        let found = changes(
            &[case("a/b", before.0, before.1)],
            &[case("a/b", after.0, after.1)],
        );
        assert!(found.len() < 2, "{found:?}");
        found.first().map(|(kind, ..)| *kind)
    }

    #[test]
    fn each_change_has_its_kind() {
        use Kind::*;
        for (before, after, wanted) in [
            (("pass", Some("")), ("pass", Some("")), None),
            (("pass", Some("")), ("fail", Some("x")), Some(Regression)),
            (("warn", Some("")), ("untestable", None), Some(Regression)),
            (("pass", Some("")), ("error", None), Some(Regression)),
            (("not-applicable", None), ("fail", Some("x")), Some(New)),
            (("fail", Some("x")), ("fail", Some("x")), None),
            (("fail", Some("x")), ("fail", Some("y")), Some(Changed)),
            (
                ("expected-fail", Some("x")),
                ("fail", Some("x")),
                Some(Changed),
            ),
            (("fail", Some("x")), ("pass", Some("")), Some(Fix)),
            (
                ("expected-fail", Some("x")),
                ("unexpected-pass", Some("")),
                Some(Fix),
            ),
            (
                ("fail", Some("x")),
                ("expected-fail", Some("x")),
                Some(Other),
            ),
            (("pass", Some("")), ("warn", Some("x")), Some(Other)),
            (("pass", Some("")), ("blocked", None), Some(Other)),
        ] {
            assert_eq!(change(before, after), wanted, "{before:?} -> {after:?}");
        }
    }

    #[test]
    fn a_law_that_speaks_only_when_broken_is_a_regression() {
        let mut broken = case("a/b", "fail", Some("leaked"));
        broken["checks"][0]["id"] = "law.leak".into();
        let found = changes(&[case("a/b", "pass", Some(""))], &[broken]);
        let wanted = (
            Kind::Regression,
            "a/b#law.leak".into(),
            "pass -> fail: leaked".into(),
        );
        assert_eq!(found[0], wanted);
    }

    #[test]
    fn cases_come_and_go() {
        let found = changes(
            &[case("a/old", "pass", None)],
            &[case("a/new", "fail", None)],
        );
        let wanted = [
            (Kind::New, "a/new".into(), "fail".into()),
            (Kind::Gone, "a/old".into(), "pass".into()),
        ];
        assert_eq!(found, wanted);
    }
}

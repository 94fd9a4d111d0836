//! What each of several targets supports, by requirement: the join of their JSON reports.
//!
//! A cell is the worst of what the target's cases said of a requirement, with counts. A case that does not apply
//! says nothing: it is neither support nor its absence, and is shown as such.

mod html;
mod markdown;

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::report::document::{CaseRecord, Counts, Document};
use crate::requirement::Level;
use crate::verdict::Verdict;

pub use html::html;
pub use markdown::markdown;

/// The table.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// One for each report, in their order.
    pub columns: Vec<Column>,
    /// Sorted by requirement, so those of one source stand together.
    pub rows: Vec<Row>,
}

/// One report.
#[derive(Clone, Debug)]
pub struct Column {
    /// The target, with what tells it from the others.
    pub name: String,
    /// The profile's id.
    pub profile: String,
    /// The dated set of requirements.
    pub requirements: String,
}

/// One requirement.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id; the source is the part before the first dot.
    pub id: String,
    /// How strongly; none if nobody knows the requirement any more.
    pub level: Option<Level>,
    /// In our words.
    pub summary: String,
    /// Where it stands.
    pub url: Option<String>,
    /// One for each column.
    pub cells: Vec<Cell>,
}

/// What one target's cases said of one requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Cases by the worst that each said.
    pub counts: Counts,
}

/// How a level fares in one column: how many requirements hold, of how many that were judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Every case that judged it found it held.
    pub held: usize,
    /// Some case judged it.
    pub judged: usize,
}

/// Requirement → column → what was said.
type Table = BTreeMap<String, Vec<Cell>>;

impl Matrix {
    /// Joins reports. `names` say where each was read, to tell targets of one name apart.
    #[must_use]
    pub fn of(catalog: &Catalog, reports: &[Document], names: &[String]) -> Self {
        let mut table = Table::new();
        for (index, report) in reports.iter().enumerate() {
            for case in &report.cases {
                for (requirement, verdict) in said(catalog, case) {
                    let cells = table
                        .entry(requirement)
                        .or_insert_with(|| vec![Cell::default(); reports.len()]);
                    *cells[index].counts.entry(verdict).or_default() += 1;
                }
            }
        }
        Self {
            columns: columns(reports, names),
            rows: table
                .into_iter()
                .map(|(id, cells)| row(catalog, id, cells))
                .collect(),
        }
    }

    /// How the requirements of a level fare in a column.
    #[must_use]
    pub fn total(&self, level: Level, column: usize) -> Total {
        let rows = self.rows.iter().filter(|row| row.level == Some(level));
        let judged = rows.filter_map(|row| row.cells[column].judged());
        judged.fold(Total::default(), |total, worst| Total {
            held: total.held + usize::from(holds(worst, level)),
            judged: total.judged + 1,
        })
    }
}

impl Row {
    /// The source: the rows of one stand together.
    #[must_use]
    pub fn area(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }
}

impl Cell {
    /// The worst of what was judged; none if nothing was.
    #[must_use]
    pub fn judged(&self) -> Option<Verdict> {
        let worst = self.counts.keys().next_back().copied()?;
        let says_nothing = matches!(
            worst,
            Verdict::NotApplicable | Verdict::Blocked | Verdict::Contaminated
        );
        (!says_nothing).then_some(worst)
    }

    /// What stands in the table: a word, and how many cases of how many said so.
    #[must_use]
    pub fn text(&self) -> String {
        let Some(worst) = self.counts.keys().next_back() else {
            return String::new();
        };
        let apart = |verdict| self.counts.get(&verdict).copied().unwrap_or_default();
        let all: usize = self.counts.values().sum();
        let silent = apart(Verdict::NotApplicable);
        if *worst == Verdict::NotApplicable {
            return "– n/a".to_owned();
        }
        let (judged, count) = (all - silent, apart(*worst));
        let counted = if count == judged {
            count.to_string()
        } else {
            format!("{count} of {judged}")
        };
        let silent = if silent > 0 {
            format!(" (+{silent} n/a)")
        } else {
            String::new()
        };
        format!("{} {counted}{silent}", word(*worst))
    }
}

/// The word, and the sign, of a verdict in a cell.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "– n/a",
        Verdict::Pass => "✓ pass",
        Verdict::Warn => "! warn",
        Verdict::Flaky => "~ flaky",
        Verdict::ExpectedFail => "✗ known failure",
        Verdict::Blocked | Verdict::Contaminated => "? not judged",
        Verdict::UnexpectedPass => "✓ passes, listed as failing",
        Verdict::Untestable => "? untestable",
        Verdict::Fail => "✗ fail",
        Verdict::Error => "? error",
    }
}

/// What the words mean.
pub(crate) const LEGEND: &str = "A cell is the worst that the target's cases said of a requirement, and how many of those \
that judged it said so. ✓ pass: it holds. ! warn: something that SHOULD hold does not. ✗ fail: it is broken. ✗ known \
failure: it is broken and listed with a reason. ~ flaky: listed as flaky. ? untestable, ? not judged, ? error: it could not \
be found out. – n/a: the target does not claim it; this is no support. Empty: no case of the report is about it.";

/// A broken MUST that is only a warning is held: the law says how much it weighs.
fn holds(worst: Verdict, level: Level) -> bool {
    match worst {
        Verdict::Pass | Verdict::UnexpectedPass => true,
        Verdict::Warn => level == Level::Must,
        _ => false,
    }
}

/// What a case says of requirements: the worst of its checks on each; without checks, its own verdict on all that
/// it rests on.
fn said(catalog: &Catalog, case: &CaseRecord) -> BTreeMap<String, Verdict> {
    let mut said = BTreeMap::new();
    for check in &case.checks {
        if let Some(requirement) = &check.requirement {
            let worst = said.entry(requirement.clone()).or_default();
            *worst = check.verdict.max(*worst);
        }
    }
    if said.is_empty() {
        let id = case.id.split('@').next().unwrap_or_default();
        let known = catalog.cases.iter().find(|known| known.id.as_str() == id);
        let rests_on = known.iter().flat_map(|case| case.requirements());
        said.extend(rests_on.map(|requirement| (requirement.to_owned(), case.verdict)));
    }
    said
}

fn row(catalog: &Catalog, id: String, cells: Vec<Cell>) -> Row {
    let known = catalog.requirements.get(&id);
    Row {
        level: known.map(|known| known.level),
        summary: known.map(|known| known.summary.clone()).unwrap_or_default(),
        url: known.map(|known| known.url.clone()),
        id,
        cells,
    }
}

/// Targets by name; where that is not enough with the profile, and where that is not either with the file.
fn columns(reports: &[Document], names: &[String]) -> Vec<Column> {
    let with_profile = |report: &Document| format!("{} ({})", report.target, report.profile);
    let twins = |report: &Document, same: &dyn Fn(&Document) -> String| {
        let twins = reports.iter().filter(|other| same(other) == same(report));
        twins.count() > 1
    };
    let name = |(report, file): (&Document, &String)| {
        if !twins(report, &|report| report.target.clone()) {
            report.target.clone()
        } else if !twins(report, &with_profile) {
            with_profile(report)
        } else {
            format!("{}, {file}", with_profile(report))
        }
    };
    let named = reports.iter().zip(names);
    named
        .map(|pair| Column {
            name: name(pair),
            profile: pair.0.profile.clone(),
            requirements: pair.0.requirements.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn matrix(reports: &[Document]) -> Matrix {
        let catalog = Catalog::load(&[]).unwrap();
        let names: Vec<_> = (1..=reports.len()).map(|n| format!("{n}.json")).collect();
        Matrix::of(&catalog, reports, &names)
    }

    fn cell(counts: &[(Verdict, usize)]) -> Cell {
        Cell {
            counts: counts.iter().copied().collect(),
        }
    }

    #[test]
    fn not_applicable_is_no_support() {
        use Verdict::*;
        for (counts, wanted) in [
            (vec![], ""),
            (vec![(NotApplicable, 3)], "– n/a"),
            (vec![(Pass, 12)], "✓ pass 12"),
            (vec![(Pass, 2), (NotApplicable, 3)], "✓ pass 2 (+3 n/a)"),
            (
                vec![(Pass, 2), (Fail, 1), (NotApplicable, 1)],
                "✗ fail 1 of 3 (+1 n/a)",
            ),
            (vec![(Blocked, 1)], "? not judged 1"),
        ] {
            assert_eq!(cell(&counts).text(), wanted);
        }
        assert_eq!(cell(&[(NotApplicable, 3)]).judged(), None);
        assert_eq!(cell(&[(Blocked, 3)]).judged(), None);
        assert_eq!(cell(&[(Pass, 1), (NotApplicable, 3)]).judged(), Some(Pass));
    }

    #[test]
    fn a_case_that_does_not_apply_speaks_of_what_it_rests_on() {
        let catalog = Catalog::load(&[]).unwrap();
        let case = catalog
            .cases
            .iter()
            .find(|case| !case.requirements().is_empty());
        let case = case.unwrap();
        let mut report = sample::document();
        report.cases.truncate(1);
        report.cases[0].id = format!("{}@n=10", case.id);
        report.cases[0].verdict = Verdict::NotApplicable;
        report.cases[0].checks.clear();
        let table = matrix(&[report]);
        assert_eq!(table.rows.len(), case.requirements().len());
        assert!(table.rows.iter().all(|row| row.cells[0].text() == "– n/a"));
        assert_eq!(table.total(Level::Must, 0), Total::default());
    }

    #[test]
    fn columns_have_names_of_their_own() {
        let first = sample::document();
        let mut second = first.clone();
        second.profile = "router".into();
        let names = |reports: &[Document]| -> Vec<String> {
            matrix(reports)
                .columns
                .into_iter()
                .map(|column| column.name)
                .collect()
        };
        assert_eq!(names(std::slice::from_ref(&first)), ["my-gateway"]);
        assert_eq!(
            names(&[first.clone(), second.clone()]),
            ["my-gateway (platform)", "my-gateway (router)"]
        );
        assert_eq!(
            names(&[first.clone(), first, second]),
            [
                "my-gateway (platform), 1.json",
                "my-gateway (platform), 2.json",
                "my-gateway (router)"
            ]
        );
    }

    #[test]
    fn what_a_target_is_called_never_becomes_markup() {
        let mut report = sample::document();
        report.target = sample::DANGER.to_owned();
        report.cases[0].checks[0].requirement = Some(sample::DANGER.to_owned());
        let table = matrix(&[report]);
        let text = markdown(&table);
        assert!(!text.contains("<img") && !text.contains("evil("), "{text}");
        let bars = |line: &&str| line.starts_with('|');
        assert!(
            text.lines()
                .filter(bars)
                .all(|line| line.matches('|').count() == 4),
            "{text}"
        );
        let page = crate::report::out::Encoding::Xml.harmless(&html(&table));
        let tags = ["table", "thead", "tbody", "tr", "th", "td"];
        crate::report::html::tests::assert_only_ours(&page, &tags);
    }

    #[test]
    fn the_matrix_snapshot() {
        let mut second = sample::document();
        second.target = "other-gateway".into();
        second.cases.retain(|case| case.verdict == Verdict::Pass);
        insta::assert_snapshot!(markdown(&matrix(&[sample::document(), second])));
    }
}

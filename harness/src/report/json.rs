//! `json`: the report that programs read, `schemas/report.json`. Everything outside of `timing` is the same for
//! two runs of one build.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::check::Finding;
use crate::expectation::Excuse;
use crate::report::evidence::{Evidence, message};
use crate::report::hop::Observed;
use crate::report::normalise::Normaliser;
use crate::report::out::{Encoding, Out};
use crate::report::page::reason;
use crate::report::{Context, Format, Report};
use crate::run::CaseOutcome;
use crate::run::event::{Event, Summary};
use crate::verdict::Verdict;

pub(super) const FORMAT: Format = Format {
    name: "json",
    summary: "for programs: every case and check, with evidence; schemas/report.json",
    encoding: Encoding::Json,
    create: |context, out| {
        Box::new(JsonReport {
            context,
            out,
            cases: BTreeMap::new(),
            timing: BTreeMap::new(),
        })
    },
};

struct JsonReport {
    context: Arc<Context>,
    out: Out,
    /// By id.
    cases: BTreeMap<String, Value>,
    timing: BTreeMap<String, u64>,
}

/// (step, copy) → what was observed.
type Seen = BTreeMap<(usize, usize), Observed>;

#[derive(Serialize)]
struct CheckReport<'f> {
    id: &'f str,
    verdict: Verdict,
    requirement: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expectation: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
}

/// The entry that changed a verdict.
fn expectation(excuse: &Excuse) -> Value {
    let mut entry = json!({ "entry": excuse.entry, "reason": excuse.reason });
    if let Some(issue) = &excuse.issue {
        entry["issue"] = issue.clone().into();
    }
    entry
}

impl Report for JsonReport {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(_) => Ok(()),
            Event::Finished(outcome) => {
                let case = self.case(outcome)?;
                self.cases.insert(outcome.id.clone(), case);
                self.timing
                    .insert(outcome.id.clone(), milliseconds(outcome.took));
                Ok(())
            }
            Event::Ended(summary) => {
                let mut text = serde_json::to_string_pretty(&self.report(summary))?;
                text.push('\n');
                self.out.text(&text)?;
                self.out.flush()
            }
        }
    }
}

impl JsonReport {
    fn case(&self, outcome: &CaseOutcome) -> io::Result<Value> {
        let mut seen = BTreeMap::new();
        let checks = outcome
            .findings
            .iter()
            .map(|finding| serde_json::to_value(self.check(outcome, finding, &mut seen)));
        let mut case = Map::new();
        case.insert("summary".to_owned(), outcome.summary.clone().into());
        case.insert("verdict".to_owned(), outcome.verdict.as_str().into());
        case.extend(
            reason(&self.context, outcome).map(|reason| ("reason".to_owned(), reason.into())),
        );
        let known = outcome.excuse.as_ref().map(expectation);
        case.extend(known.map(|known| ("expectation".to_owned(), known)));
        case.insert("checks".to_owned(), checks.collect::<Result<_, _>>()?);
        let normal = Normaliser::new(&self.context.header, Some(outcome)).normalise(&case.into());
        let mut case = Map::from_iter([("id".to_owned(), Value::from(outcome.id.clone()))]);
        if let Value::Object(members) = normal {
            case.extend(members);
        }
        Ok(case.into())
    }

    /// `seen` keeps what was observed of each exchange: to show images is work.
    fn check<'f>(
        &self,
        outcome: &CaseOutcome,
        finding: &'f Finding,
        seen: &mut Seen,
    ) -> CheckReport<'f> {
        let message = finding
            .mismatch
            .as_ref()
            .map(|_| message(&self.context, outcome, finding));
        // A broken MAY passes and says so; its evidence is nobody's business.
        let evidence = (finding.verdict != Verdict::Pass).then(|| {
            let site = (finding.step, finding.copy);
            let observed = seen
                .entry(site)
                .or_insert_with(|| Observed::of(&self.context, outcome, site.0, site.1));
            Evidence::of(&self.context, outcome, finding, observed.clone())
        });
        CheckReport {
            id: &finding.id,
            verdict: finding.verdict,
            requirement: &finding.requirement,
            message,
            expectation: finding.excuse.as_ref().map(expectation),
            evidence,
        }
    }

    fn report(&mut self, summary: &Summary) -> Value {
        let header = &self.context.header;
        let count = |verdict: Verdict| {
            let counts = summary.counts.iter().filter(|(other, _)| *other == verdict);
            counts.map(|(_, count)| count).sum::<usize>()
        };
        let counts: Map<_, _> = Verdict::ALL
            .iter()
            .map(|verdict| (verdict.as_str().to_owned(), count(*verdict).into()))
            .collect();
        let normaliser = Normaliser::new(header, None);
        let notes: Vec<_> = summary
            .notes
            .iter()
            .map(|note| normaliser.text(note))
            .collect();
        let cases: Vec<Value> = std::mem::take(&mut self.cases).into_values().collect();
        json!({
            "tool": "image-harness",
            "version": env!("CARGO_PKG_VERSION"),
            "target": header.target,
            "profile": header.profile,
            "requirements": header.requirements,
            "summary": counts,
            "money": summary.money,
            "notes": notes,
            "exit": summary.exit as u8,
            "cases": cases,
            "timing": { "total_ms": milliseconds(summary.took), "cases": self.timing },
        })
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_report_keeps_to_its_schema() {
        let report: Value = serde_json::from_str(&sample::report("json")).unwrap();
        let schema = crate::schema::compile("report").unwrap();
        assert_eq!(crate::schema::issues(&schema, &report), []);
        let ids: Vec<_> = report["cases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|case| case["id"].as_str().unwrap())
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(report["summary"].as_object().unwrap().len(), 11);
    }

    #[test]
    fn two_runs_give_the_same_bytes_outside_of_timing() {
        let without_timing = |text: String| {
            let mut report: Value = serde_json::from_str(&text).unwrap();
            report.as_object_mut().unwrap().remove("timing");
            report.to_string()
        };
        let first = without_timing(sample::report("json"));
        let second = without_timing(sample::report_of("json", &sample::other_run()));
        assert_eq!(first, second);
    }

    #[test]
    fn the_json_snapshot() {
        insta::assert_snapshot!(sample::report("json"));
    }
}

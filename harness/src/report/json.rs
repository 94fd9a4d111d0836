//! `json`: the report that programs read, `schemas/report.json`. Everything outside of `timing` is the same for
//! two runs of one build.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::report::document::{CaseRecord, Document, Timing, counts, tool, version};
use crate::report::normalise::Normaliser;
use crate::report::out::{Encoding, Out};
use crate::report::record::record;
use crate::report::{Context, Format, Report};
use crate::run::CaseOutcome;
use crate::run::event::{Event, Summary};

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
    cases: BTreeMap<String, CaseRecord>,
    timing: BTreeMap<String, u64>,
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
                let text = self.report(summary).text()?;
                self.out.text(&text)?;
                self.out.flush()
            }
        }
    }
}

impl JsonReport {
    /// The record of a case; all but its id is normalised.
    fn case(&self, outcome: &CaseOutcome) -> io::Result<CaseRecord> {
        let case = serde_json::to_value(record(&self.context, outcome)?)?;
        let normal = Normaliser::new(&self.context.header, Some(outcome)).normalise(&case);
        let mut case: CaseRecord = serde_json::from_value(normal)?;
        case.id.clone_from(&outcome.id);
        Ok(case)
    }

    fn report(&mut self, summary: &Summary) -> Document {
        let header = &self.context.header;
        let normaliser = Normaliser::new(header, None);
        let notes = summary.notes.iter().map(|note| normaliser.text(note));
        Document {
            tool: tool(),
            version: version(),
            target: header.target.clone(),
            profile: header.profile.clone(),
            requirements: header.requirements.clone(),
            summary: counts(summary.counts.iter().copied()),
            money: summary.money,
            coverage: summary.coverage,
            notes: notes.collect(),
            exit: summary.exit as u8,
            cases: std::mem::take(&mut self.cases).into_values().collect(),
            timing: Timing {
                total_ms: milliseconds(summary.took),
                cases: std::mem::take(&mut self.timing),
            },
        }
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

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

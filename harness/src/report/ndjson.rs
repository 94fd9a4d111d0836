//! `ndjson`: one JSON object a line, as things happen; `schemas/report-event.json`. Nothing is normalised, and with
//! `--trace` everything that went over the wires is there.

use std::io;
use std::sync::Arc;

use serde::Serialize;

use crate::report::document::{CaseRecord, Counts, counts, tool, version};
use crate::report::json::milliseconds;
use crate::report::out::{Encoding, Out};
use crate::report::record::record;
use crate::report::wire::{Wire, wires};
use crate::report::{Context, Format, Report};
use crate::run::Money;
use crate::run::event::Event;

pub(super) const FORMAT: Format = Format {
    name: "ndjson",
    summary: "for programs that watch: a JSON object a line as things happen; schemas/report-event.json",
    encoding: Encoding::Json,
    create: |context, out| Box::new(Lines { context, out }),
};

struct Lines {
    context: Arc<Context>,
    out: Out,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'e> {
    Started {
        tool: String,
        version: String,
        target: &'e str,
        profile: &'e str,
        requirements: &'e str,
        cases: usize,
    },
    Finished {
        case: Box<CaseRecord>,
        took_ms: u64,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        wire: Vec<Wire>,
    },
    Ended {
        summary: Counts,
        money: Money,
        notes: &'e [String],
        exit: u8,
        took_ms: u64,
    },
}

impl Report for Lines {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let line = match event {
            Event::Started(header) => Line::Started {
                tool: tool(),
                version: version(),
                target: &header.target,
                profile: &header.profile,
                requirements: &header.requirements,
                cases: header.instances,
            },
            Event::Finished(outcome) => Line::Finished {
                case: Box::new(record(&self.context, outcome)?),
                took_ms: milliseconds(outcome.took),
                wire: if self.context.trace {
                    wires(&self.context, outcome)
                } else {
                    Vec::new()
                },
            },
            Event::Ended(summary) => Line::Ended {
                summary: counts(summary.counts.iter().copied()),
                money: summary.money,
                notes: &summary.notes,
                exit: summary.exit as u8,
                took_ms: milliseconds(summary.took),
            },
        };
        self.out.text(&(serde_json::to_string(&line)? + "\n"))?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::report::sample;

    fn lines(text: &str) -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn every_line_keeps_to_the_schema() {
        let schema = crate::schema::compile("report-event").unwrap();
        for text in [
            sample::report("ndjson"),
            sample::traced("ndjson"),
            sample::hostile("ndjson"),
        ] {
            let lines = lines(&text);
            for line in &lines {
                assert_eq!(crate::schema::issues(&schema, line), [], "{line}");
            }
            assert_eq!(lines.first().unwrap()["event"], "started");
            assert_eq!(lines.last().unwrap()["event"], "ended");
        }
    }

    #[test]
    fn the_ndjson_snapshot() {
        insta::assert_snapshot!(sample::report("ndjson"));
    }

    #[test]
    fn only_a_trace_holds_the_wire() {
        assert!(!sample::report("ndjson").contains("\"wire\""));
        let traced = lines(&sample::traced("ndjson"));
        let case = traced
            .iter()
            .find(|line| line["case"]["id"] == "stream/images.generations/live");
        let wire = case.unwrap()["wire"].as_array().unwrap();
        assert_eq!(wire.len(), 4, "{wire:?}");
        assert_eq!(wire[3]["body"], "event: x");
    }
}

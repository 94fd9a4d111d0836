//! Reports: consumers of the events of a run. One file a format, one line in [`REPORTS`].
//!
//! A report gets a [`Context`] (the header of the run, the requirements with their quotes, the redactor) and an
//! [`Out`], through which everything that it writes is cleaned of secrets and control characters.
//! [`evidence`] says what is wrong with a check, for all formats alike; [`normalise`] takes out of it what
//! differs between two runs of one build.

mod badge;
mod curl;
pub mod diff;
pub mod document;
pub mod evidence;
pub mod hop;
mod html;
mod json;
mod junit;
mod markdown;
pub mod matrix;
pub mod merge;
mod ndjson;
pub mod normalise;
pub mod out;
mod page;
mod record;
pub mod requirements;
#[cfg(test)]
mod sample;
mod show;
mod tally;
mod terminal;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::redact::Redactor;
use crate::requirement::Requirement;
use crate::run::CaseOutcome;
use crate::run::event::{Event, Header};
use out::{Encoding, Out, Output};

/// A consumer of the events of a run.
pub trait Report: Send {
    /// Takes notice of an event.
    ///
    /// # Errors
    /// What was to be written could not be written.
    fn event(&mut self, event: &Event<'_>) -> io::Result<()>;
}

/// A format of reports.
pub struct Format {
    /// What the command line calls it.
    pub name: &'static str,
    /// What it is for, in half a sentence.
    pub summary: &'static str,
    encoding: Encoding,
    create: fn(Arc<Context>, Out) -> Box<dyn Report>,
}

/// Every format.
pub static REPORTS: &[Format] = &[
    terminal::FORMAT,
    badge::FORMAT,
    html::FORMAT,
    json::FORMAT,
    junit::FORMAT,
    markdown::FORMAT,
    ndjson::FORMAT,
];

/// What reports know beside the events.
#[derive(Clone, Debug)]
pub struct Context {
    /// What the run is about.
    pub header: Header,
    /// Every requirement by its id.
    pub requirements: BTreeMap<String, Requirement>,
    /// Knows the secrets of the target.
    pub redactor: Redactor,
    /// Everything that went over the wires is to be shown, where a format can show it.
    pub trace: bool,
}

/// Everything that is to be said of one instance, as the terminal shows it, without secrets.
#[must_use]
pub fn describe(context: &Context, outcome: &CaseOutcome) -> String {
    Encoding::Plain.clean(&context.redactor, &page::page(context, outcome).text())
}

/// The names of all formats, in the order of [`REPORTS`].
#[must_use]
pub fn names() -> Vec<&'static str> {
    REPORTS.iter().map(|format| format.name).collect()
}

/// A line for each format, for `--help`.
#[must_use]
pub fn help() -> String {
    let lines = REPORTS.iter();
    let lines = lines.map(|format| format!("- {}: {}", format.name, format.summary));
    lines.collect::<Vec<_>>().join("\n")
}

/// The format with this name.
///
/// # Errors
/// There is none; the message lists the known names.
pub fn format(name: &str) -> Result<&'static Format, ReportError> {
    let found = REPORTS.iter().find(|format| format.name == name);
    found.ok_or_else(|| ReportError::Unknown {
        name: name.to_owned(),
    })
}

impl Format {
    /// A report of this format that writes to an output.
    #[must_use]
    pub fn report(&self, context: &Arc<Context>, output: Output) -> Box<dyn Report> {
        let out = Out::new(output, &context.redactor, self.encoding);
        (self.create)(Arc::clone(context), out)
    }
}

/// The reports of a run. Gives each event to each of them; what cannot be written is kept until the end, so that
/// one broken report does not hurt the run or the others.
#[derive(Default)]
pub struct Reporting {
    active: Vec<(String, Box<dyn Report>)>,
    errors: Vec<ReportError>,
}

impl Reporting {
    /// No reports.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a report; `place` is where it writes, for messages.
    pub fn add(&mut self, place: impl Into<String>, report: Box<dyn Report>) {
        self.active.push((place.into(), report));
    }

    /// Gives an event to every report. One that failed gets no more.
    pub fn event(&mut self, event: &Event<'_>) {
        let errors = &mut self.errors;
        self.active
            .retain_mut(|(place, report)| match report.event(event) {
                Ok(()) => true,
                Err(source) => {
                    errors.push(ReportError::Write {
                        place: std::mem::take(place),
                        source,
                    });
                    false
                }
            });
    }

    /// What could not be written; empty if all is well.
    #[must_use]
    pub fn finish(self) -> Vec<ReportError> {
        self.errors
    }
}

/// A report that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No format has this name.
    #[error("unknown report format '{name}': known are {}", names().join(", "))]
    Unknown {
        /// What was written.
        name: String,
    },
    /// It could not be written.
    #[error("cannot write the report {place}: {source}")]
    Write {
        /// The file, or the terminal.
        place: String,
        /// Why.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_unknown_format_lists_the_known_ones() {
        let error = format("jnit").err().map(|error| error.to_string());
        let wanted = "unknown report format 'jnit': known are terminal, badge, html, json, junit, markdown, ndjson";
        assert_eq!(error.as_deref(), Some(wanted));
    }

    #[test]
    fn a_report_that_cannot_be_written_is_told_once_and_hurts_nobody() {
        let context = Arc::new(sample::context(1));
        let terminal = format("terminal").unwrap();
        let mut reporting = Reporting::new();
        reporting.add("full", terminal.report(&context, Output::to(Full)));
        reporting.add("good", terminal.report(&context, Output::to(io::sink())));
        for _ in 0..2 {
            reporting.event(&Event::Started(&context.header));
        }
        assert_eq!(reporting.active.len(), 1);
        let errors: Vec<_> = reporting.finish().iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].starts_with("cannot write the report full: "),
            "{errors:?}"
        );
    }
}

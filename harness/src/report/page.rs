//! The page of a case that is not as it should be, for people: what is owed, what came, both hops, and the
//! commands to go on with.

use std::fmt::Write as _;

use serde_json::Value;

use crate::check::Finding;
use crate::report::Context;
use crate::report::evidence::{Evidence, rerun};
use crate::report::hop::{Hop, Observed, ShownEvent};
use crate::report::show::Showing;
use crate::run::CaseOutcome;
use crate::verdict::Verdict;

/// JSON of at most so many characters stays on its line.
const LONGEST_LINE: usize = 100;
/// A reason is cut after so many characters.
const LONGEST_REASON: usize = 4_000;

/// The whole page.
pub(super) fn page(context: &Context, outcome: &CaseOutcome) -> String {
    let mut page = Page::default();
    page.line(
        0,
        &format!("{} {}", outcome.verdict.as_str().to_uppercase(), outcome.id),
    );
    page.line(1, &outcome.summary);
    if let Some(reason) = reason(context, outcome) {
        page.line(1, &format!("reason: {reason}"));
    }
    let bad: Vec<&Finding> = outcome
        .findings
        .iter()
        .filter(|finding| finding.verdict.is_failure())
        .collect();
    let mut sites: Vec<(usize, usize)> = Vec::new();
    for finding in &bad {
        page.finding(
            finding,
            &Evidence::of(context, outcome, finding, Observed::default()),
        );
        if !sites.contains(&(finding.step, finding.copy)) {
            sites.push((finding.step, finding.copy));
        }
    }
    if sites.is_empty() {
        // It ended without a judgement: what was observed last says most.
        sites.extend(outcome.steps.len().checked_sub(1).map(|step| (step, 0)));
    }
    for (step, copy) in sites {
        let name = match (
            outcome.steps.len(),
            outcome
                .steps
                .get(step)
                .map_or(0, |step| step.exchanges.len()),
        ) {
            (0 | 1, 0 | 1) => String::new(),
            (_, 0 | 1) => format!(" (step {})", step + 1),
            (_, _) => format!(" (step {}, copy {})", step + 1, copy + 1),
        };
        page.observed(&name, &Observed::of(context, outcome, step, copy));
    }
    page.line(1, &format!("rerun: {}", rerun(context, outcome)));
    page.text
}

/// Why a case came out as it did, where no check says it.
pub(super) fn reason(context: &Context, outcome: &CaseOutcome) -> Option<String> {
    let showing = Showing::new(&context.redactor, &[]);
    let known = || {
        let of_checks = outcome.findings.iter().map(|finding| &finding.excuse);
        let mut excuses = std::iter::once(&outcome.excuse).chain(of_checks);
        let excuse = excuses.find_map(Option::as_ref)?;
        Some(match outcome.verdict {
            Verdict::UnexpectedPass => format!(
                "the expectation '{}' says that it fails ({}), and it passed: take the entry out",
                excuse.entry,
                excuse.text()
            ),
            Verdict::ExpectedFail | Verdict::Flaky => excuse.text(),
            _ => return None,
        })
    };
    let reason = outcome.reason.clone().or_else(known)?;
    Some(showing.text(&reason, LONGEST_REASON))
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Writes a text; each of its lines is indented.
    fn line(&mut self, depth: usize, text: &str) {
        for line in text.lines() {
            let _ = writeln!(self.text, "{:width$}{line}", "", width = 2 * depth);
        }
    }

    fn finding(&mut self, finding: &Finding, evidence: &Evidence) {
        self.text.push('\n');
        match &evidence.requirement {
            Some(owed) => {
                self.line(
                    1,
                    &format!(
                        "{} [{}]: {} {}",
                        finding.id, finding.verdict, owed.id, owed.level
                    ),
                );
                self.line(2, &format!("\"{}\"", owed.quote));
                self.line(2, &owed.url);
            }
            None => self.line(
                1,
                &format!(
                    "{} [{}]: {}",
                    finding.id, finding.verdict, finding.requirement
                ),
            ),
        }
        self.line(2, &evidence.message);
        match (&evidence.diff, &evidence.expected, &evidence.actual) {
            (Some(diff), ..) => self.line(3, diff),
            (None, expected, actual) => {
                for (name, value) in [("expected", expected), ("actual  ", actual)] {
                    if let Some(value) = value {
                        self.line(3, &format!("{name}  {value}"));
                    }
                }
            }
        }
    }

    fn observed(&mut self, name: &str, observed: &Observed) {
        let mut call = 0;
        for hop in &observed.hops {
            self.text.push('\n');
            call += usize::from(matches!(hop, Hop::TargetToUpstream { .. }));
            self.hop(name, call, hop);
        }
        self.text.push('\n');
        match observed.upstream_calls {
            None if observed.hops.is_empty() => {}
            None => self.line(
                1,
                "there is no mock upstream: what the target sent on was not observed",
            ),
            Some(0) => self.line(1, "nothing arrived upstream"),
            Some(calls) if calls > call => {
                self.line(1, &format!("{} more calls arrived upstream", calls - call));
            }
            Some(_) => {}
        }
        if let Some(curl) = &observed.curl {
            self.line(1, &format!("curl:  {curl}"));
        }
    }

    fn hop(&mut self, name: &str, call: usize, hop: &Hop) {
        match hop {
            Hop::ClientToTarget {
                method,
                url,
                headers,
                body,
            } => {
                self.line(1, &format!("client -> target{name}: {method} {url}"));
                self.message(headers, body.as_ref());
            }
            Hop::TargetToUpstream {
                method,
                path,
                headers,
                body,
            } => {
                self.line(
                    1,
                    &format!("target -> provider, call {call}: {method} {path}"),
                );
                self.message(headers, Some(body).filter(|body| !body.is_null()));
            }
            answer => self.answer(name, call, answer),
        }
    }

    fn answer(&mut self, name: &str, call: usize, hop: &Hop) {
        match hop {
            Hop::ClientToTarget { .. } | Hop::TargetToUpstream { .. } => {}
            Hop::UpstreamToTarget {
                status,
                condition,
                scenario,
                images,
                timeline,
            } => {
                let status =
                    status.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
                self.line(
                    1,
                    &format!("provider -> target, call {call}: {status} {condition}"),
                );
                self.line(
                    2,
                    &scenario
                        .as_ref()
                        .map(|scenario| format!("because of its {scenario}"))
                        .unwrap_or_default(),
                );
                for line in images.iter().chain(timeline) {
                    self.line(2, line);
                }
            }
            Hop::TargetToClient {
                status,
                headers,
                body,
                events,
                all_events,
                end,
            } => {
                let status = status
                    .map(|status| format!(": {status}"))
                    .unwrap_or_default();
                self.line(1, &format!("target -> client{name}{status}"));
                self.message(headers, body.as_ref());
                self.events(events, *all_events);
                self.line(2, end.as_deref().unwrap_or_default());
            }
        }
    }

    fn message(&mut self, headers: &[String], body: Option<&Value>) {
        for header in headers {
            self.line(2, header);
        }
        if let Some(body) = body {
            self.line(2, &text_of(body));
        }
    }

    fn events(&mut self, events: &[ShownEvent], all: Option<usize>) {
        let mut last = 0;
        for event in events {
            if event.number > last + 1 {
                self.line(
                    2,
                    &format!(
                        "… ({} of {} events)",
                        event.number - last - 1,
                        all.unwrap_or_default()
                    ),
                );
            }
            last = event.number;
            let name = event.name.as_deref().unwrap_or("(no name)");
            self.line(
                2,
                &format!("event {} {name}: {}", event.number, one_line(&event.data)),
            );
        }
    }
}

fn one_line(data: &Value) -> String {
    data.as_str()
        .map_or_else(|| data.to_string(), str::to_owned)
}

fn text_of(body: &Value) -> String {
    match body {
        Value::String(text) => text.clone(),
        other => {
            let line = other.to_string();
            let pretty = || serde_json::to_string_pretty(other).unwrap_or_default();
            if line.len() <= LONGEST_LINE {
                line
            } else {
                pretty()
            }
        }
    }
}

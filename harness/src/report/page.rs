//! The page of a case that is not as it should be, for people: what is owed, what came, both hops, and the
//! commands to go on with.

use serde_json::Value;

use crate::check::Finding;
use crate::report::Context;
use crate::report::evidence::{Evidence, message, rerun};
use crate::report::hop::{Hop, Observed, ShownEvent};
use crate::report::out::{Tone, one_line};
use crate::report::show::Showing;
use crate::report::wire::{Wire, wires};
use crate::run::CaseOutcome;
use crate::verdict::Verdict;

/// JSON of at most so many characters stays on its line.
const LONGEST_LINE: usize = 100;
/// A reason is cut after so many characters.
const LONGEST_REASON: usize = 4_000;

/// The whole page.
pub(super) fn page(context: &Context, outcome: &CaseOutcome) -> Page {
    let mut page = Page::headed(context, outcome);
    let sites = page.findings(context, outcome);
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
    page.end(context, outcome);
    page
}

/// The page with everything that went over the wires instead of what was observed, of good cases, too.
pub(super) fn traced(context: &Context, outcome: &CaseOutcome) -> Page {
    let mut page = Page::headed(context, outcome);
    page.findings(context, outcome);
    for wire in wires(context, outcome) {
        page.wire(&wire);
    }
    page.blank();
    page.end(context, outcome);
    page
}

/// The page without what was observed.
pub(super) fn brief(context: &Context, outcome: &CaseOutcome) -> Page {
    let mut page = Page::headed(context, outcome);
    for finding in broken(outcome) {
        let said = message(context, outcome, finding);
        let line = format!("{} [{}]: {}", finding.id, finding.verdict, one_line(&said));
        page.line(1, &line);
    }
    page.end(context, outcome);
    page
}

/// The exchanges that are worth showing: those of broken checks, or else the last one.
pub(super) fn sites(outcome: &CaseOutcome) -> Vec<(usize, usize)> {
    let mut sites: Vec<(usize, usize)> = Vec::new();
    for finding in broken(outcome) {
        if !sites.contains(&(finding.step, finding.copy)) {
            sites.push((finding.step, finding.copy));
        }
    }
    if sites.is_empty() {
        // It ended without a judgement: what was observed last says most.
        sites.extend(outcome.steps.len().checked_sub(1).map(|step| (step, 0)));
    }
    sites
}

fn broken(outcome: &CaseOutcome) -> impl Iterator<Item = &Finding> {
    let findings = outcome.findings.iter();
    findings.filter(|finding| finding.verdict.is_failure())
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

/// Lines, and how each is shown.
#[derive(Default)]
pub(super) struct Page {
    lines: Vec<(Tone, String)>,
}

impl Page {
    fn headed(context: &Context, outcome: &CaseOutcome) -> Self {
        let mut page = Self::default();
        let verdict = outcome.verdict.as_str().to_uppercase();
        let tone = Tone::of(outcome.verdict);
        page.toned(tone, 0, &format!("{verdict} {}", outcome.id));
        page.line(1, &outcome.summary);
        if let Some(reason) = reason(context, outcome) {
            page.line(1, &format!("reason: {reason}"));
        }
        page
    }

    /// Its lines.
    pub(super) fn lines(&self) -> &[(Tone, String)] {
        &self.lines
    }

    /// Its lines as they are without colours.
    pub(super) fn text(&self) -> String {
        let lines = self.lines.iter();
        lines.map(|(_, line)| format!("{line}\n")).collect()
    }

    fn end(&mut self, context: &Context, outcome: &CaseOutcome) {
        self.line(1, &format!("rerun: {}", rerun(context, outcome)));
    }

    fn blank(&mut self) {
        self.lines.push((Tone::Plain, String::new()));
    }

    /// Writes a text; each of its lines is indented.
    fn line(&mut self, depth: usize, text: &str) {
        self.toned(Tone::Plain, depth, text);
    }

    fn toned(&mut self, tone: Tone, depth: usize, text: &str) {
        for line in text.lines() {
            let line = format!("{:width$}{line}", "", width = 2 * depth);
            self.lines.push((tone, line));
        }
    }

    /// Writes what is broken; says where to look.
    fn findings(&mut self, context: &Context, outcome: &CaseOutcome) -> Vec<(usize, usize)> {
        for finding in broken(outcome) {
            let evidence = Evidence::of(context, outcome, finding, Observed::default());
            self.finding(finding, &evidence);
        }
        sites(outcome)
    }

    fn wire(&mut self, wire: &Wire) {
        self.blank();
        let name = if wire.step + wire.copy > 2 {
            format!(" (step {}, copy {})", wire.step, wire.copy)
        } else {
            String::new()
        };
        let arrow = match wire.direction {
            "client-to-target" => "client -> target",
            "target-to-upstream" => "target -> provider",
            "upstream-to-target" => "provider -> target",
            _ => "target -> client",
        };
        let mut head = wire.head.iter();
        let first = head.next().map(String::as_str).unwrap_or_default();
        self.toned(Tone::Strong, 1, &format!("{arrow}{name}: {first}"));
        for line in head {
            self.line(2, line);
        }
        self.line(2, &wire.body);
        self.toned(Tone::Bad, 2, wire.end.as_deref().unwrap_or_default());
    }

    fn finding(&mut self, finding: &Finding, evidence: &Evidence) {
        self.blank();
        match &evidence.requirement {
            Some(owed) => {
                self.toned(
                    Tone::of(finding.verdict),
                    1,
                    &format!(
                        "{} [{}]: {} {}",
                        finding.id, finding.verdict, owed.id, owed.level
                    ),
                );
                self.line(2, &format!("\"{}\"", owed.quote));
                self.line(2, &owed.url);
            }
            None => self.toned(
                Tone::of(finding.verdict),
                1,
                &format!(
                    "{} [{}]: {}",
                    finding.id, finding.verdict, finding.requirement
                ),
            ),
        }
        self.line(2, &evidence.message);
        match (&evidence.diff, &evidence.expected, &evidence.actual) {
            (Some(diff), ..) => {
                for line in diff.lines() {
                    let tone = match line.as_bytes().first() {
                        Some(b'-') => Tone::Bad,
                        Some(b'+') => Tone::Good,
                        _ => Tone::Plain,
                    };
                    self.toned(tone, 3, line);
                }
            }
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
            self.blank();
            call += usize::from(matches!(hop, Hop::TargetToUpstream { .. }));
            self.hop(name, call, hop);
        }
        self.blank();
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
                self.toned(
                    Tone::Strong,
                    1,
                    &format!("client -> target{name}: {method} {url}"),
                );
                self.message(headers, body.as_ref());
            }
            Hop::TargetToUpstream {
                method,
                path,
                headers,
                body,
            } => {
                self.toned(
                    Tone::Strong,
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
                self.toned(
                    Tone::Strong,
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
                self.toned(Tone::Strong, 1, &format!("target -> client{name}{status}"));
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
                &format!("event {} {name}: {}", event.number, data_line(&event.data)),
            );
        }
    }
}

pub(super) fn data_line(data: &Value) -> String {
    data.as_str()
        .map_or_else(|| data.to_string(), str::to_owned)
}

pub(super) fn text_of(body: &Value) -> String {
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

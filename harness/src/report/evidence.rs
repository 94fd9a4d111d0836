//! What is wrong with one check, and what was observed: the requirement in its source's words, both hops, and
//! two commands. Every format shows this, each in its own way.

use mock_server::journal::{Entry, HoldEnd};
use mock_server::wire::HoldPoint;
use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

use crate::check::Finding;
use crate::exchange::{End, Exchange, Outcome, Received};
use crate::report::Context;
use crate::report::curl::{curl, quoted};
use crate::report::show::Showing;
use crate::run::CaseOutcome;

/// Expected and actual are cut after so many characters.
const LONGEST_VALUE: usize = 8_000;
/// Addresses are cut after so many characters.
const LONGEST_URL: usize = 1_000;
/// JSON of more characters than this is compared line by line.
const LONGEST_LINE: usize = 80;
/// Events and upstream calls after so many are counted.
const MOST_EVENTS: usize = 40;
const MOST_CALLS: usize = 10;
/// Headers of an upstream call that say nothing about the target.
const DULL_HEADERS: &[&str] = &["accept-encoding", "connection", "host"];

/// What is wrong with one check, and what was observed.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// What the target owes; none if nobody knows the requirement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<Owed>,
    /// What is wrong, in one sentence; reports have it beside the evidence.
    #[serde(skip)]
    pub message: String,
    /// What was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// The difference of both, where they have several lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// What was observed.
    #[serde(flatten)]
    pub observed: Observed,
    /// The command that runs just this case again.
    pub rerun: String,
}

/// A requirement, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Owed {
    /// Dot-separated, the source first.
    pub id: String,
    /// `MUST`, `SHOULD`, `MAY`.
    pub level: &'static str,
    /// In our words.
    pub summary: String,
    /// In the source's words.
    pub quote: String,
    /// Where they stand.
    pub url: String,
}

/// What was observed of one exchange.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Observed {
    /// Everything that went over the wires, in order.
    pub hops: Vec<Hop>,
    /// How many calls arrived upstream; none where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_calls: Option<usize>,
    /// The command that sends the request by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curl: Option<String>,
}

/// What went over a wire in one direction.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "direction", rename_all = "kebab-case")]
pub enum Hop {
    /// The request.
    ClientToTarget {
        /// `POST`, …
        method: String,
        /// The whole address.
        url: String,
        /// `name: value` each.
        headers: Vec<String>,
        /// The body; none for `GET`.
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<Value>,
    },
    /// What arrived upstream.
    TargetToUpstream {
        /// `POST`, …
        method: String,
        /// The path and the query.
        path: String,
        /// `name: value` each.
        headers: Vec<String>,
        /// The body, long strings replaced by length and hash.
        body: Value,
    },
    /// What the provider answered.
    UpstreamToTarget {
        /// The status code; none if it was cut off before.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// `ok`, or the condition that was rendered.
        condition: String,
        /// What the script asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        scenario: Option<String>,
        /// The images that it held.
        images: Vec<String>,
        /// Holds, and when the peer went.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        timeline: Vec<String>,
    },
    /// The answer.
    TargetToClient {
        /// The status code; none if no answer came.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// `name: value` each.
        headers: Vec<String>,
        /// The body, unless it is a stream.
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<Value>,
        /// The events of a stream.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        events: Vec<ShownEvent>,
        /// How many events are not shown.
        #[serde(skip_serializing_if = "is_zero")]
        more_events: usize,
        /// How it ended, unless as it should.
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<String>,
    },
}

/// One event of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct ShownEvent {
    /// The `event:` field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The data.
    pub data: Value,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Evidence {
    /// The evidence of one finding of a case.
    #[must_use]
    pub fn of(context: &Context, outcome: &CaseOutcome, finding: &Finding) -> Self {
        let exchange = exchange(outcome, finding.step, finding.copy);
        let showing = Showing::new(&context.redactor, exchange.map_or(&[], |exchange| &exchange.images));
        let mismatch = finding.mismatch.clone().unwrap_or_default();
        let shown = |text: &Option<String>| text.as_ref().map(|text| showing.text(text, LONGEST_VALUE));
        let (expected, actual) = (shown(&mismatch.expected), shown(&mismatch.actual));
        Self {
            requirement: owed(context, &finding.requirement),
            message: showing.text(&mismatch.message, LONGEST_VALUE),
            diff: expected.as_deref().zip(actual.as_deref()).and_then(|(expected, actual)| diff(expected, actual)),
            expected,
            actual,
            observed: Observed::of(context, outcome, finding.step, finding.copy),
            rerun: rerun(context, outcome),
        }
    }
}

fn exchange(outcome: &CaseOutcome, step: usize, copy: usize) -> Option<&Exchange> {
    outcome.steps.get(step)?.exchanges.get(copy)
}

fn owed(context: &Context, id: &str) -> Option<Owed> {
    let requirement = context.requirements.get(id)?;
    Some(Owed {
        id: requirement.id.clone(),
        level: requirement.level.as_str(),
        summary: requirement.summary.clone(),
        quote: requirement.quote.clone(),
        url: requirement.url.clone(),
    })
}

/// The command that runs just this case again.
#[must_use]
pub fn rerun(context: &Context, outcome: &CaseOutcome) -> String {
    let options = Some(context.header.rerun.trim()).filter(|options| !options.is_empty());
    let case = quoted(&context.redactor, &outcome.id);
    let words = ["image-harness run"].into_iter().chain(options).chain(["--case", &case]);
    words.collect::<Vec<_>>().join(" ")
}

/// The changed lines with two around them, where there are lines to compare.
fn diff(expected: &str, actual: &str) -> Option<String> {
    let lines = |text: &str| {
        let parsed = serde_json::from_str::<Value>(text).ok().filter(|value| value.is_array() || value.is_object());
        let pretty = parsed.filter(|_| text.len() > LONGEST_LINE).and_then(|value| serde_json::to_string_pretty(&value).ok());
        pretty.unwrap_or_else(|| text.to_owned())
    };
    let (expected, actual) = (lines(expected), lines(actual));
    if !expected.contains('\n') && !actual.contains('\n') {
        return None;
    }
    let diff = TextDiff::from_lines(&expected, &actual);
    let mut unified = diff.unified_diff();
    unified.context_radius(2).missing_newline_hint(false).header("expected", "actual");
    Some(unified.to_string().trim_end().to_owned())
}

impl Observed {
    /// What was observed of one exchange of a case; nothing if there was none.
    #[must_use]
    pub fn of(context: &Context, outcome: &CaseOutcome, step: usize, copy: usize) -> Self {
        let Some(exchange) = exchange(outcome, step, copy) else {
            return Self::default();
        };
        let showing = Showing::new(&context.redactor, &exchange.images);
        let mut hops = vec![request(&showing, exchange)];
        for call in exchange.calls().iter().take(MOST_CALLS) {
            hops.extend([upstream_request(&showing, call), upstream_answer(&showing, call)]);
        }
        hops.push(answer(&showing, exchange));
        Self {
            hops,
            upstream_calls: exchange.upstream.as_ref().map(Vec::len),
            curl: Some(curl(&context.redactor, &outcome.steps[step].step, exchange)),
        }
    }
}

fn request(showing: &Showing<'_>, exchange: &Exchange) -> Hop {
    let sent = &exchange.sent;
    let mut headers = showing.headers(&sent.headers, &[]);
    headers.extend(sent.chunked.then(|| "transfer-encoding: chunked".to_owned()));
    Hop::ClientToTarget {
        method: showing.text(&sent.method, LONGEST_URL),
        url: showing.text(&sent.url, LONGEST_URL),
        headers,
        body: sent.body.as_ref().and_then(|body| showing.body(body)),
    }
}

fn answer(showing: &Showing<'_>, exchange: &Exchange) -> Hop {
    let nothing = |end: &str| Hop::TargetToClient {
        status: None,
        headers: Vec::new(),
        body: None,
        events: Vec::new(),
        more_events: 0,
        end: Some(end.to_owned()),
    };
    match &exchange.outcome {
        Outcome::Answer(received) => received_answer(showing, received),
        Outcome::NoAnswer(reason) => nothing(&format!("no answer: {}", showing.text(reason, LONGEST_URL))),
        Outcome::HungUp => nothing("the harness hung up before the answer, as the case says"),
        Outcome::TimedOut => nothing("no answer within the time limit"),
    }
}

fn received_answer(showing: &Showing<'_>, received: &Received) -> Hop {
    let shown = received.events.iter().take(MOST_EVENTS).map(|event| ShownEvent {
        name: event.name.as_ref().map(|name| showing.text(name, LONGEST_URL)),
        data: showing.body(event.data.as_bytes()).unwrap_or_default(),
    });
    Hop::TargetToClient {
        status: Some(received.status),
        headers: showing.headers(&received.headers, &[]),
        body: if received.events.is_empty() { showing.body(&received.body) } else { None },
        events: shown.collect(),
        more_events: received.events.len().saturating_sub(MOST_EVENTS),
        end: match &received.end {
            End::Whole => None,
            End::Cut(reason) => Some(format!("broken off: {}", showing.text(reason, LONGEST_URL))),
            End::HungUp => Some("the harness hung up, as the case says".to_owned()),
            End::TimedOut => Some("not at its end within the time limit".to_owned()),
        },
    }
}

fn upstream_request(showing: &Showing<'_>, call: &Entry) -> Hop {
    let query = call.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    Hop::TargetToUpstream {
        method: showing.text(&call.method, LONGEST_URL),
        path: showing.text(&format!("{}{query}", call.path), LONGEST_URL),
        headers: showing.headers(&call.headers, DULL_HEADERS),
        body: showing.value(&call.body),
    }
}

fn upstream_answer(showing: &Showing<'_>, call: &Entry) -> Hop {
    let answer = call.answer.clone().unwrap_or_default();
    let images = answer.summary.images.iter().map(|sha256| showing.image(sha256));
    let partial = answer.summary.partial_images.iter().map(|sha256| format!("partial {}", showing.image(sha256)));
    let scenario = call.scenario.as_ref().map(|scenario| {
        let beyond = if scenario.beyond_script { " (beyond the script)" } else { "" };
        format!("{}: {}{beyond}", scenario.source, scenario.applied)
    });
    Hop::UpstreamToTarget {
        status: call.answer.as_ref().map(|answer| answer.status),
        condition: showing.text(&answer.summary.condition, LONGEST_URL),
        scenario: scenario.map(|text| showing.text(&text, LONGEST_URL)),
        images: partial.chain(images).take(MOST_EVENTS).collect(),
        timeline: timeline(call),
    }
}

fn timeline(call: &Entry) -> Vec<String> {
    let holds = call.holds.iter().map(|hold| {
        let place = match hold.at {
            HoldPoint::AtByte(byte) => format!("at byte {byte}"),
            HoldPoint::BeforeEvent(event) => format!("before event {event}"),
            HoldPoint::BeforeHead(_) => "before the head".to_owned(),
        };
        let end = match hold.end {
            None => "which lasts",
            Some(HoldEnd::Expired) => "which expired",
            Some(HoldEnd::PeerGone) => "until the target hung up",
            Some(HoldEnd::Released) => "until it was released",
        };
        format!("held {place} after {}, {end}", milliseconds(hold.reached))
    });
    let gone = call.stamps.peer_gone.map(|at| format!("the target hung up after {}", milliseconds(at)));
    holds.take(MOST_EVENTS).chain(gone).collect()
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{} ms", microseconds / 1000, microseconds / 100 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_are_compared_and_only_changed_ones_shown() {
        assert_eq!(diff("1024x1024", "512x512"), None);
        let long = |n: u32| serde_json::json!({"a": "x".repeat(80), "b": 1, "c": 2, "n": n, "z": 3}).to_string();
        let text = diff(&long(1), &long(2)).unwrap();
        assert!(text.contains("-  \"n\": 1,\n+  \"n\": 2,"), "{text}");
        assert!(!text.contains("xxx"), "{text}");
    }
}

//! What was observed of one exchange, fit for showing: each hop in each direction, in order.

use mock_server::journal::{Entry, HoldEnd};
use mock_server::wire::HoldPoint;
use serde::Serialize;
use serde_json::Value;

use crate::exchange::{End, Exchange, Outcome, Received};
use crate::report::Context;
use crate::report::curl::curl;
use crate::report::evidence::exchange;
use crate::report::show::Showing;
use crate::run::CaseOutcome;

/// Addresses and other single lines are cut after so many characters.
const LONGEST_URL: usize = 1_000;
/// So many events from the beginning and from the end of a stream are shown.
const FIRST_EVENTS: usize = 12;
const LAST_EVENTS: usize = 4;
/// Upstream calls, and what is listed of each, after so many are left out.
const MOST_CALLS: usize = 10;
const MOST_LISTED: usize = 40;
/// Headers of an upstream call that say nothing about the target.
const DULL_HEADERS: &[&str] = &["accept-encoding", "connection", "host"];

/// What was observed of one exchange.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Everything that went over the wires, in order.
    pub hops: Vec<Hop>,
    /// How many calls arrived upstream; none where nobody looked.
    pub upstream_calls: Option<usize>,
    /// The command that sends the request by hand.
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
        /// What asked for it, if that was not plainly good.
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
        /// How many events there were, if not all are shown.
        #[serde(skip_serializing_if = "Option::is_none")]
        all_events: Option<usize>,
        /// How it ended, unless as it should.
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<String>,
    },
}

/// One event of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct ShownEvent {
    /// Counted from 1.
    pub number: usize,
    /// The `event:` field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The data.
    pub data: Value,
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
            hops.extend([
                upstream_request(&showing, call),
                upstream_answer(&showing, call),
            ]);
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
    headers.extend(
        sent.chunked
            .then(|| "transfer-encoding: chunked".to_owned()),
    );
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
        all_events: None,
        end: Some(end.to_owned()),
    };
    match &exchange.outcome {
        Outcome::Answer(received) => received_answer(showing, received),
        Outcome::NoAnswer(reason) => {
            nothing(&format!("no answer: {}", showing.text(reason, LONGEST_URL)))
        }
        Outcome::HungUp => nothing("the harness hung up before the answer, as the case says"),
        Outcome::TimedOut => nothing("no answer within the time limit"),
    }
}

fn received_answer(showing: &Showing<'_>, received: &Received) -> Hop {
    let count = received.events.len();
    let numbered = received.events.iter().enumerate();
    let ends = numbered.filter(|(index, _)| *index < FIRST_EVENTS || index + LAST_EVENTS >= count);
    let events = ends.map(|(index, event)| ShownEvent {
        number: index + 1,
        name: event
            .name
            .as_ref()
            .map(|name| showing.text(name, LONGEST_URL)),
        data: showing.body(event.data.as_bytes()).unwrap_or_default(),
    });
    Hop::TargetToClient {
        status: Some(received.status),
        headers: showing.headers(&received.headers, &[]),
        body: if received.events.is_empty() {
            showing.body(&received.body)
        } else {
            None
        },
        events: events.collect(),
        all_events: (count > FIRST_EVENTS + LAST_EVENTS).then_some(count),
        end: match &received.end {
            End::Whole => None,
            End::Cut(reason) => Some(format!("broken off: {}", showing.text(reason, LONGEST_URL))),
            End::HungUp => Some("the harness hung up, as the case says".to_owned()),
            End::InsideEvent => Some("the stream ended inside an event".to_owned()),
            End::TimedOut => Some("not at its end within the time limit".to_owned()),
        },
    }
}

fn upstream_request(showing: &Showing<'_>, call: &Entry) -> Hop {
    let query = call
        .query
        .as_ref()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    Hop::TargetToUpstream {
        method: showing.text(&call.method, LONGEST_URL),
        path: showing.text(&format!("{}{query}", call.path), LONGEST_URL),
        headers: showing.headers(&call.headers, DULL_HEADERS),
        body: showing.value(&call.body),
    }
}

fn upstream_answer(showing: &Showing<'_>, call: &Entry) -> Hop {
    let answer = call.answer.clone().unwrap_or_default();
    let images = answer
        .summary
        .images
        .iter()
        .map(|sha256| showing.image(sha256));
    let partial = answer
        .summary
        .partial_images
        .iter()
        .map(|sha256| format!("partial {}", showing.image(sha256)));
    let told = call
        .scenario
        .as_ref()
        .filter(|seen| seen.beyond_script || seen.applied != "ok");
    let scenario = told.map(|seen| {
        let beyond = if seen.beyond_script {
            " (beyond its end)"
        } else {
            ""
        };
        format!("{}: {}{beyond}", seen.source, seen.applied)
    });
    Hop::UpstreamToTarget {
        status: call.answer.as_ref().map(|answer| answer.status),
        condition: showing.text(&answer.summary.condition, LONGEST_URL),
        scenario: scenario.map(|text| showing.text(&text, LONGEST_URL)),
        images: partial.chain(images).take(MOST_LISTED).collect(),
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
            Some(HoldEnd::ScriptGone) => "until its script was replaced",
        };
        format!("held {place} after {}, {end}", milliseconds(hold.reached))
    });
    let gone = call
        .stamps
        .peer_gone
        .map(|at| format!("the target hung up after {}", milliseconds(at)));
    holds.take(MOST_LISTED).chain(gone).collect()
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{} ms", microseconds / 1000, microseconds / 100 % 10)
}

//! What went over the wires, as it went, for `--trace`: heads, bodies and streams of both hops in order. Secrets
//! have their names, base64 its length and hash; nothing else is taken out.

use std::fmt::Write as _;

use mock_server::journal::Entry;
use serde::Serialize;

use crate::exchange::{End, Exchange, Outcome};
use crate::report::Context;
use crate::report::show::Showing;
use crate::run::CaseOutcome;

/// A body is cut after so many characters.
const LONGEST_BODY: usize = 64 << 10;
/// Lines of a head likewise.
const LONGEST_LINE: usize = 8 << 10;
/// Upstream calls of one exchange that are shown.
const MOST_CALLS: usize = 50;

/// A message on a wire.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Wire {
    /// Counted from 1.
    pub(super) step: usize,
    /// The parallel copy, counted from 1.
    pub(super) copy: usize,
    /// `client-to-target`, …
    pub(super) direction: &'static str,
    /// Request line or status, then `name: value` each.
    pub(super) head: Vec<String>,
    /// As it came; of an upstream call, what the mock's journal kept of it.
    pub(super) body: String,
    /// How it ended, unless as it should.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<String>,
}

/// Every message of a case, in order.
pub(super) fn wires(context: &Context, outcome: &CaseOutcome) -> Vec<Wire> {
    let mut found = Vec::new();
    for (step, evidence) in outcome.steps.iter().enumerate() {
        for (copy, exchange) in evidence.exchanges.iter().enumerate() {
            let tracer = Tracer {
                showing: Showing::new(&context.redactor, &exchange.images),
                site: (step + 1, copy + 1),
            };
            found.push(tracer.request(exchange));
            for call in exchange.calls().iter().take(MOST_CALLS) {
                found.extend([tracer.upstream_request(call), tracer.upstream_answer(call)]);
            }
            found.push(tracer.answer(exchange));
        }
    }
    found
}

struct Tracer<'c> {
    showing: Showing<'c>,
    site: (usize, usize),
}

impl Tracer<'_> {
    fn wire(&self, direction: &'static str, first: &str, headers: &[(String, String)]) -> Wire {
        let line = |text: &str| self.showing.text(text, LONGEST_LINE);
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{}: {}", line(name), line(value)));
        Wire {
            step: self.site.0,
            copy: self.site.1,
            direction,
            head: std::iter::once(line(first)).chain(headers).collect(),
            body: String::new(),
            end: None,
        }
    }

    fn request(&self, exchange: &Exchange) -> Wire {
        let sent = &exchange.sent;
        let first = format!("{} {}", sent.method, sent.url);
        let mut wire = self.wire("client-to-target", &first, &sent.headers);
        let chunked = sent
            .chunked
            .then(|| "transfer-encoding: chunked".to_owned());
        wire.head.extend(chunked);
        wire.body = self.body(sent.body.as_deref().unwrap_or_default());
        wire
    }

    fn answer(&self, exchange: &Exchange) -> Wire {
        let nothing = |end: String| Wire {
            end: Some(end),
            ..self.wire("target-to-client", "(no answer)", &[])
        };
        match &exchange.outcome {
            Outcome::Answer(received) => {
                let first = received.status.to_string();
                let mut wire = self.wire("target-to-client", &first, &received.headers);
                wire.body = self.body(&received.body);
                wire.end = match &received.end {
                    End::Whole => None,
                    End::Cut(reason) => Some(self.showing.text(reason, LONGEST_LINE)),
                    End::HungUp => Some("the harness hung up".to_owned()),
                    End::InsideEvent => Some("inside an event".to_owned()),
                    End::TimedOut => Some("timed out".to_owned()),
                };
                wire
            }
            Outcome::NoAnswer(reason) => nothing(self.showing.text(reason, LONGEST_LINE)),
            Outcome::HungUp => nothing("the harness hung up".to_owned()),
            Outcome::TimedOut => nothing("timed out".to_owned()),
        }
    }

    fn upstream_request(&self, call: &Entry) -> Wire {
        let query = call.query.as_ref().map(|query| format!("?{query}"));
        let first = format!("{} {}{}", call.method, call.path, query.unwrap_or_default());
        let mut wire = self.wire("target-to-upstream", &first, &call.headers);
        let body = if call.body.is_null() {
            String::new()
        } else {
            call.body.to_string()
        };
        wire.body = self.body(body.as_bytes());
        wire
    }

    /// The journal keeps what was decided, not the bytes.
    fn upstream_answer(&self, call: &Entry) -> Wire {
        let Some(answer) = &call.answer else {
            return Wire {
                end: Some("nothing was answered".to_owned()),
                ..self.wire("upstream-to-target", "(no answer)", &[])
            };
        };
        let mut first = format!("{} {}", answer.status, answer.summary.condition);
        if let Some(scenario) = &call.scenario {
            let _ = write!(first, " ({}: {})", scenario.source, scenario.applied);
        }
        let mut wire = self.wire("upstream-to-target", &first, &[]);
        let hashes = answer.summary.images.iter();
        let images: Vec<_> = hashes.map(|sha256| self.showing.image(sha256)).collect();
        wire.body = images.join("\n");
        wire
    }

    fn body(&self, bytes: &[u8]) -> String {
        self.showing
            .text(&String::from_utf8_lossy(bytes), LONGEST_BODY)
    }
}

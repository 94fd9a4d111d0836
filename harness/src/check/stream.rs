//! `stream.*`: the events of a stream, and what the client has while the provider holds.

use crate::case::{StreamEnd, StreamExpectation};
use crate::check::ending::{Ending, ending};
use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::sse::{CHAT_CHUNK, GENERATE_CONTENT, StreamEvent};
use crate::exchange::{Evidence, Received};
use crate::operation::{Operation, Protocol};

/// See the module.
pub(super) struct Stream;

impl Check for Stream {
    fn id(&self) -> &'static str {
        "stream"
    }

    fn summary(&self) -> &'static str {
        "the events of a stream come in order, at once, and end as expected"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            for expected in &site.step_of_copy().expect.stream {
                judge_one(site, expected, bench);
            }
        }
    }
}

fn judge_one(site: Site<'_>, expected: &StreamExpectation, bench: &mut Bench<'_>) {
    let answer = || streamed(site);
    let mut record = |check: &str, result: Result<(), Mismatch>| {
        bench.record(site, check, &expected.requirement, result);
    };
    if let Some(events) = &expected.events {
        record(
            "stream.events",
            answer().and_then(|answer| events_are(events, answer)),
        );
    }
    if let Some(bounds) = expected.partial_images {
        let count = answer().map(|answer| {
            kinds(answer)
                .iter()
                .filter(|kind| kind.ends_with("partial_image"))
                .count()
        });
        record(
            "stream.partial_images",
            count.and_then(|count| {
                bounds.holds(count).then_some(()).ok_or_else(|| {
                    Mismatch::of(
                        format!("{count} partial images came"),
                        format!("{bounds:?}"),
                        count.to_string(),
                    )
                })
            }),
        );
    }
    if let Some(end) = expected.end {
        let protocol = site.protocol().unwrap_or(Protocol::Images);
        let ended = answer().and_then(|answer| {
            ends(end, protocol, answer)?;
            is_called_by_operation(end, site, answer)
        });
        record("stream.end", ended);
    }
    if !expected.held.is_empty() {
        record("stream.held", held(site));
    }
}

/// The answer, if it is a stream.
fn streamed(site: Site<'_>) -> Result<&Received, Mismatch> {
    if let Some(answer) = site.streamed() {
        return Ok(answer);
    }
    let answer = site.exchange.answer().ok_or_else(|| site.no_answer())?;
    let found = format!(
        "status {}, content-type {:?}",
        answer.status,
        answer.media_type()
    );
    Err(Mismatch::of(
        "the answer is no stream",
        "content-type text/event-stream",
        found,
    ))
}

fn kinds(answer: &Received) -> Vec<String> {
    if !answer.is_stream() {
        let elements = answer.documents().into_iter();
        return elements.map(|element| element.kind).collect();
    }
    let events = answer.events.iter().filter(|event| !event.is_done());
    events.map(StreamEvent::kind).collect()
}

fn events_are(expected: &[String], answer: &Received) -> Result<(), Mismatch> {
    // A client skips events of a kind that it does not know, pings for example.
    let is_known = |kind: &String| {
        let known = ["", "error", CHAT_CHUNK, GENERATE_CONTENT];
        known.contains(&kind.as_str())
            || kind.starts_with("image_")
            || kind.starts_with("response.")
            || expected.contains(kind)
    };
    let actual: Vec<_> = kinds(answer).into_iter().filter(is_known).collect();
    if actual == expected {
        return Ok(());
    }
    let message = "the stream does not have the expected events";
    Err(Mismatch::of(
        message,
        expected.join("\n"),
        actual.join("\n"),
    ))
}

fn ends(expected: StreamEnd, protocol: Protocol, answer: &Received) -> Result<(), Mismatch> {
    let last = kinds(answer).pop().unwrap_or_default();
    let ending = ending(protocol, answer);
    let (good, word) = match expected {
        StreamEnd::Completed => (matches!(ending, Ending::Completed(_)), "what completes it"),
        StreamEnd::Error => (matches!(ending, Ending::Error(_)), "an error"),
    };
    good.then_some(())
        .ok_or_else(|| Mismatch::of(format!("the stream does not end with {word}"), word, last))
}

/// An image stream is completed by the event of its own operation: a client that waits for the end of an edit does
/// not know that of a generation.
fn is_called_by_operation(
    expected: StreamEnd,
    site: Site<'_>,
    answer: &Received,
) -> Result<(), Mismatch> {
    let wanted = match site.step_of_copy().request.operation {
        Some(Operation::ImagesEdits) => "image_edit.completed",
        Some(Operation::ImagesGenerations) => "image_generation.completed",
        _ => return Ok(()),
    };
    let kinds = kinds(answer);
    if expected == StreamEnd::Error || kinds.iter().any(|kind| kind == wanted) {
        return Ok(());
    }
    let message = "the event that completes the stream is another operation's";
    Err(Mismatch::of(message, wanted, kinds.join("\n")))
}

fn held(site: Site<'_>) -> Result<(), Mismatch> {
    let answer = streamed(site)?;
    // Fewer partial images than asked for are legal; only what comes late was held back. Other protocols have
    // no partial images: there every event counts.
    let counts = |kind: &&String| match site.protocol() {
        Some(Protocol::Chat | Protocol::Content | Protocol::Responses) => true,
        _ => kind.ends_with("partial_image"),
    };
    let partials = kinds(answer).iter().filter(counts).count();
    let held = site.exchange.holds.iter();
    let most = held
        .map(|hold| hold.wanted.client_has)
        .max()
        .unwrap_or_default();
    let passes_partials = partials >= most;
    for hold in &site.exchange.holds {
        let place = hold.wanted.before_event;
        let wanted = hold.wanted.client_has;
        match hold.had {
            None => {
                let message = format!("the provider never came to its event {place}");
                return Err(Mismatch::new(message).untestable());
            }
            Some(had) if had < wanted => {
                let message = format!(
                    "the provider had sent {place} events and held, but the client had only {had} of {wanted}: the target does not pass each event on as it comes"
                );
                let problem =
                    Mismatch::of(message, format!("{wanted} events"), format!("{had} events"));
                return Err(if passes_partials {
                    problem
                } else {
                    problem.soft()
                });
            }
            Some(_) => {}
        }
    }
    if site.exchange.holds.is_empty() {
        return Err(Mismatch::new("no hold was watched: there is no mock upstream").untestable());
    }
    Ok(())
}

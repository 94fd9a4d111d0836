//! `law.stream-order`: partial images ascend, then exactly one completed or error event, nothing after it but
//! one `[DONE]`; never a clean end without either. What completes a stream is the protocol's to say.

use serde_json::Value;

use crate::check::ending::{Ending, ending};
use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::sse::StreamEvent;
use crate::exchange::{End, Evidence, Received};
use crate::operation::Protocol;

/// See the module.
pub(super) struct StreamOrder;

impl Check for StreamOrder {
    fn id(&self) -> &'static str {
        "law.stream-order"
    }

    fn summary(&self) -> &'static str {
        "partial images ascend, exactly one completed or error event ends the stream"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let stream = site.streamed().filter(|answer| answer.is_success());
            let Some((answer, protocol)) = stream.zip(site.image_protocol()) else {
                continue;
            };
            // A malformed event may be relayed as it came.
            if site.may_be_malformed(evidence.target) {
                continue;
            }
            bench.record(site, self.id(), self.id(), judge_one(protocol, answer));
        }
    }
}

/// Judges one stream of a protocol.
pub(crate) fn judge_one(protocol: Protocol, answer: &Received) -> Result<(), Mismatch> {
    indices_ascend(&answer.events)?;
    let last = match ending(protocol, answer) {
        Ending::Completed(last) | Ending::Error(last) => last,
        Ending::Open if answer.is_broken_off() || answer.end == End::HungUp => return Ok(()),
        Ending::Open => {
            let wanted = end_of(protocol);
            let message =
                format!("the stream ended properly, but with neither {wanted} nor an error event");
            return Err(Mismatch::of(
                message,
                format!("{wanted} or an error event"),
                seen(answer),
            ));
        }
    };
    let Some(last) = last else { return Ok(()) };
    let after = answer.events.get(last + 1..).unwrap_or_default();
    let legal = match after {
        [] => true,
        [only] => only.is_done() && !answer.events[last].is_done(),
        _ => false,
    };
    legal.then_some(()).ok_or_else(|| {
        Mismatch::of(
            "events follow the one that ends the stream",
            "nothing but one [DONE]",
            seen(answer),
        )
    })
}

/// What came, one line each.
fn seen(answer: &Received) -> String {
    let events = answer.events.iter().map(|event| match event.is_done() {
        true => "[DONE]".to_owned(),
        false => event.kind(),
    });
    let elements = (!answer.is_stream()).then(|| answer.documents());
    let elements = elements.into_iter().flatten().map(|element| element.kind);
    events.chain(elements).collect::<Vec<_>>().join("\n")
}

/// What ends a good stream.
fn end_of(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Chat => "[DONE]",
        Protocol::Content => "a finishReason",
        _ => "a completed",
    }
}

fn indices_ascend(events: &[StreamEvent]) -> Result<(), Mismatch> {
    let mut before: Option<u64> = None;
    let partials = events
        .iter()
        .filter(|event| event.kind().ends_with("partial_image"));
    for index in partials.filter_map(|event| {
        event
            .json()?
            .get("partial_image_index")
            .and_then(Value::as_u64)
    }) {
        if before.is_some_and(|before| index <= before) {
            let message = "the indices of the partial images do not ascend";
            return Err(Mismatch::of(
                message,
                format!("more than {}", before.unwrap_or_default()),
                index.to_string(),
            ));
        }
        before = Some(index);
    }
    Ok(())
}

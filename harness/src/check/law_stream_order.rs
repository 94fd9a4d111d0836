//! `law.stream-order`: partial images ascend, then exactly one completed or error event, nothing after it but
//! one `[DONE]`; never a clean end without either.

use serde_json::Value;

use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::sse::StreamEvent;
use crate::exchange::{End, Evidence, Received};

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
            let stream = site
                .exchange
                .answer()
                .filter(|answer| answer.is_stream() && answer.is_success());
            let Some(answer) = stream.filter(|_| site.image_protocol().is_some()) else {
                continue;
            };
            // A malformed event may be relayed as it came.
            if site.is_scripted_with("malformed-json") {
                continue;
            }
            bench.record(site, self.id(), self.id(), judge_one(answer));
        }
    }
}

fn judge_one(answer: &Received) -> Result<(), Mismatch> {
    let kinds: Vec<String> = answer.events.iter().map(StreamEvent::kind).collect();
    let seen = || kinds.join("\n");
    indices_ascend(&answer.events)?;
    let last = answer.events.iter().position(is_terminal);
    let Some(last) = last else {
        if answer.is_broken_off() || answer.end == End::HungUp {
            return Ok(());
        }
        let message = "the stream ended properly, but with neither a completed nor an error event";
        return Err(Mismatch::of(
            message,
            "a completed or an error event",
            seen(),
        ));
    };
    let after: Vec<_> = answer.events[last + 1..].iter().collect();
    let legal = match after.as_slice() {
        [] => true,
        [only] => only.is_done(),
        _ => false,
    };
    legal.then_some(()).ok_or_else(|| {
        Mismatch::of(
            "events follow the one that ends the stream",
            "nothing but one [DONE]",
            seen(),
        )
    })
}

fn is_terminal(event: &StreamEvent) -> bool {
    let has_error = || {
        event
            .json()
            .is_some_and(|data| data.get("error").is_some_and(|error| !error.is_null()))
    };
    event.kind().ends_with(".completed") || event.kind() == "error" || has_error()
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

//! How a stream ends, which each protocol says in its own way.

use serde_json::Value;

use crate::exchange::{Document, Received};
use crate::operation::Protocol;

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With what says that it is whole; the event that says so, from 0. Google's streams have none: any event may
    /// say it and others may follow.
    Completed(Option<usize>),
    /// With an error; the event that states it, none for what is no event.
    Error(Option<usize>),
    /// With neither.
    Open,
}

/// How a stream of this protocol ends.
pub(super) fn ending(protocol: Protocol, answer: &Received) -> Ending {
    let documents = answer.documents();
    let stream = Stream { answer, documents };
    if protocol == Protocol::Content {
        return stream.content();
    }
    let error = stream.position(|document| document.kind == "error" || has_error(&document.value));
    let completed = match protocol {
        Protocol::Chat => stream.done(),
        Protocol::Responses => stream.position(|document| {
            let ends = [
                "response.completed",
                "response.failed",
                "response.incomplete",
            ];
            ends.contains(&document.kind.as_str())
        }),
        _ => stream.position(|document| document.kind.ends_with(".completed")),
    };
    match (completed, error) {
        (Some(completed), Some(error)) if error <= completed => Ending::Error(Some(error)),
        (Some(completed), _) => Ending::Completed(Some(completed)),
        (None, Some(error)) => Ending::Error(Some(error)),
        (None, None) => Ending::Open,
    }
}

struct Stream<'a> {
    answer: &'a Received,
    documents: Vec<Document>,
}

impl Stream<'_> {
    /// The number, among all events, of the first whose data satisfy a condition.
    fn position(&self, wanted: impl Fn(&Document) -> bool) -> Option<usize> {
        let found = self.documents.iter().find(|document| wanted(document))?;
        let number = found.place.strip_prefix("event ")?.trim();
        number.parse::<usize>().ok()?.checked_sub(1)
    }

    /// The event `[DONE]`.
    fn done(&self) -> Option<usize> {
        let mut events = self.answer.events.iter();
        events.position(crate::exchange::sse::StreamEvent::is_done)
    }

    /// Google's: some candidate says why it ended, or the prompt was blocked; the connection just ends.
    fn content(&self) -> Ending {
        if self.answer.error().is_some() {
            let at = self.position(|document| has_error(&document.value));
            return Ending::Error(at);
        }
        if self
            .documents
            .iter()
            .any(|document| is_finished(&document.value))
        {
            return Ending::Completed(None);
        }
        Ending::Open
    }
}

/// Whether a chunk of Google's says that it is over.
fn is_finished(chunk: &Value) -> bool {
    let candidates = chunk.get("candidates").and_then(Value::as_array);
    let mut candidates = candidates.into_iter().flatten();
    let stated = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    stated(chunk.pointer("/promptFeedback/blockReason"))
        || candidates.any(|candidate| stated(candidate.get("finishReason")))
}

fn has_error(data: &Value) -> bool {
    let stated = |error: Option<&Value>| error.is_some_and(|error| !error.is_null());
    stated(data.get("error"))
}

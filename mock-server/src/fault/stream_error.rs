//! `stream-error[=condition]`: a stream begins well and ends with an error event instead of the event with the result.

use crate::fault::{Fault, Site};
use crate::scenario::{Element, canonical};
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct StreamError;

/// What ends the stream when nothing else is said.
const DEFAULT: &str = "server-error";

impl Fault for StreamError {
    fn name(&self) -> &'static str {
        "stream-error"
    }

    fn summary(&self) -> &'static str {
        "ends a stream with an error event (of a condition: stream-error=server-error)"
    }

    fn check(&self, value: Option<&str>, words: &Vocabulary) -> Result<(), String> {
        let known = value.is_none_or(|name| words.has(&canonical(name)));
        known
            .then_some(())
            .ok_or_else(|| "the id of a condition".to_owned())
    }

    fn params<'w>(&self, value: Option<&str>, words: &'w Vocabulary) -> Vec<&'w str> {
        let condition = canonical(value.unwrap_or(DEFAULT));
        // How Google frames it; see its `in_stream`.
        words.params(&condition).chain(["framed"]).collect()
    }

    fn apply(&self, answer: &mut Answer, element: &Element, site: &Site<'_>) {
        let is_event = |step: &Step| matches!(step, Step::Body { event: Some(_), .. });
        let result = answer.result_event;
        let is_result = |step: &Step| match step {
            Step::Body { event, .. } => result.is_some() && *event == result,
            _ => false,
        };
        let last = answer.steps.iter().position(is_result);
        let last = last.or_else(|| answer.steps.iter().rposition(is_event));
        let Some(last) = last else {
            return;
        };
        let condition = canonical(element.value.as_deref().unwrap_or(DEFAULT));
        let mut condition = Element::condition(&condition);
        condition.params.clone_from(&element.params);
        answer.steps.truncate(last);
        let event = answer.events();
        answer.steps.push(Step::Body {
            pieces: (site.stream_error)(&condition, event),
            event: Some(event),
        });
        answer.summary.images.clear();
    }
}

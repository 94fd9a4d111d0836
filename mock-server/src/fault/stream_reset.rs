//! `stream-reset[=k]`: the connection is reset (RST) after k events of a stream, by default after the first.

use crate::fault::{Fault, Site, number};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct StreamReset;

impl Fault for StreamReset {
    fn name(&self) -> &'static str {
        "stream-reset"
    }

    fn summary(&self) -> &'static str {
        "resets the connection after k events of a stream (1 without a value)"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        number(value).map(drop)
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        let kept = number(element.value.as_deref()).ok().flatten().unwrap_or(1);
        let beyond =
            |step: &Step| matches!(step, Step::Body { event: Some(event), .. } if *event >= kept);
        // A stream of one event is cut before it, so that no fault ends as a success.
        if let Some(at) = answer
            .steps
            .iter()
            .position(beyond)
            .or_else(|| last_event(answer))
        {
            answer.steps.truncate(at);
            answer.steps.push(Step::Reset);
        }
    }
}

fn last_event(answer: &Answer) -> Option<usize> {
    let is_event = |step: &Step| matches!(step, Step::Body { event: Some(_), .. });
    answer.steps.iter().rposition(is_event)
}

//! `stream-stall[=k]`: a stream stops after k events, by default the first, until the client goes.

use crate::fault::{Fault, Site, number};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, HoldPoint, Pause};

/// See the module.
pub(super) struct StreamStall;

impl Fault for StreamStall {
    fn name(&self) -> &'static str {
        "stream-stall"
    }

    fn summary(&self) -> &'static str {
        "stops after k events of a stream (1 without a value) until the client goes"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        number(value).map(drop)
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        let kept = number(element.value.as_deref()).ok().flatten().unwrap_or(1);
        // The last event never comes, so that no fault ends as a success.
        if let Some(last) = answer.events().checked_sub(1) {
            answer.pause(HoldPoint::BeforeEvent(kept.min(last)), Pause::Hang);
        }
    }
}

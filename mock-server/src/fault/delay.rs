//! `delay=1500ms`: the answer begins later.

use crate::duration;
use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, HoldPoint, Pause};

/// See the module.
pub(super) struct Delay;

impl Fault for Delay {
    fn name(&self) -> &'static str {
        "delay"
    }

    fn summary(&self) -> &'static str {
        "waits before the head, for example delay=1500ms"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        duration::parse(value.unwrap_or_default()).map(drop)
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        if let Ok(time) = duration::parse(element.value.as_deref().unwrap_or_default()) {
            answer.pause(HoldPoint::BeforeHead(true), Pause::Delay(time));
        }
    }
}

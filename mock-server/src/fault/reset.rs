//! `reset`: the connection is reset (RST) before any byte of the answer.

use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct Reset;

impl Fault for Reset {
    fn name(&self) -> &'static str {
        "reset"
    }

    fn summary(&self) -> &'static str {
        "resets the connection before any byte of the answer"
    }

    fn apply(&self, answer: &mut Answer, _: &Element, _: &Site<'_>) {
        let head = |step: &Step| matches!(step, Step::Head);
        let at = answer.steps.iter().position(head).unwrap_or_default();
        answer.steps.truncate(at);
        answer.steps.push(Step::Reset);
    }
}

//! `wrong-content-length`: the head promises more bytes than the body has; the connection then ends.

use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::wire::{Answer, Framing, Step};

/// See the module.
pub(super) struct WrongContentLength;

impl Fault for WrongContentLength {
    fn name(&self) -> &'static str {
        "wrong-content-length"
    }

    fn summary(&self) -> &'static str {
        "announces one byte more than the whole body that it sends"
    }

    fn apply(&self, answer: &mut Answer, _: &Element, _: &Site<'_>) {
        answer.framing = Framing::Announced(answer.body_len() as u64 + 1);
        answer.steps.push(Step::Cut);
    }
}

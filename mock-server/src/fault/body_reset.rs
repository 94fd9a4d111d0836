//! `body-reset[=bytes]`: the connection is reset (RST) inside the body, streamed or not.

use crate::fault::{Fault, Site, number};
use crate::scenario::Element;
use crate::wire::{Answer, Framing, Step};

/// See the module.
pub(super) struct BodyReset;

impl Fault for BodyReset {
    fn name(&self) -> &'static str {
        "body-reset"
    }

    fn summary(&self) -> &'static str {
        "resets the connection after so many bytes of the body (half of it without a value)"
    }

    fn check(&self, value: Option<&str>, _: &[&str]) -> Result<(), String> {
        number(value).map(drop)
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        let len = answer.body_len();
        let stated = number(element.value.as_deref()).ok().flatten();
        // At least the last byte is missing: a fault must never end as a success.
        let kept = stated.unwrap_or(len / 2).min(len.saturating_sub(1));
        if answer.framing == Framing::Length {
            answer.framing = Framing::Announced(len as u64);
        }
        answer.end_at_byte(kept, Step::Reset);
    }
}

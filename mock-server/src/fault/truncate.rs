//! `truncate[=bytes]`: the body ends early, under the length or the framing that promised more.

use crate::fault::{Fault, Site, number};
use crate::scenario::Element;
use crate::wire::{Answer, Framing, Step};

/// See the module.
pub(super) struct Truncate;

impl Fault for Truncate {
    fn name(&self) -> &'static str {
        "truncate"
    }

    fn summary(&self) -> &'static str {
        "cuts the body after so many bytes (half of it without a value)"
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
        answer.end_at_byte(kept, Step::Cut);
    }
}

//! `truncate[=bytes]`: the body ends early, under the length or the framing that promised more.

use crate::fault::{Fault, Site, end_early, number};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct Truncate;

impl Fault for Truncate {
    fn name(&self) -> &'static str {
        "truncate"
    }

    fn summary(&self) -> &'static str {
        "cuts the body after so many bytes (half of it without a value)"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        number(value).map(drop)
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        end_early(answer, element, Step::Cut);
    }
}

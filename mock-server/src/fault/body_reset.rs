//! `body-reset[=bytes]`: the connection is reset (RST) inside the body, streamed or not.

use crate::fault::{Fault, Site, end_early, number};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct BodyReset;

impl Fault for BodyReset {
    fn name(&self) -> &'static str {
        "body-reset"
    }

    fn summary(&self) -> &'static str {
        "resets the connection after so many bytes of the body (half of it without a value)"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        number(value).map(drop)
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        end_early(answer, element, Step::Reset);
    }
}

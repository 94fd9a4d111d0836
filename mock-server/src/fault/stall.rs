//! `stall[=bytes]`: the body stops and nothing more comes, until the client goes.

use crate::fault::{Fault, Site, kept_bytes, number};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, HoldPoint, Pause};

/// See the module.
pub(super) struct Stall;

impl Fault for Stall {
    fn name(&self) -> &'static str {
        "stall"
    }

    fn summary(&self) -> &'static str {
        "stops after so many bytes of the body (half of it without a value) until the client goes"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        number(value).map(drop)
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        let point = HoldPoint::AtByte(kept_bytes(answer, element));
        answer.pause(point, Pause::Hang);
    }
}

//! `hang`: nothing is ever answered; the connection is cut when the peer goes or after ten minutes.

use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::wire::{Answer, HoldPoint, Pause};

/// See the module.
pub(super) struct Hang;

impl Fault for Hang {
    fn name(&self) -> &'static str {
        "hang"
    }

    fn summary(&self) -> &'static str {
        "answers nothing until the client goes, ten minutes at most"
    }

    fn apply(&self, answer: &mut Answer, _: &Element, _: &Site<'_>) {
        answer.pause(HoldPoint::BeforeHead(true), Pause::Hang);
    }
}

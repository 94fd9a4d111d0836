//! `slow-first-byte[=1s]`: status line and headers come at once, the body begins later.

use std::time::Duration;

use crate::fault::{Fault, Site, time_or};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, HoldPoint, Pause};

/// See the module.
pub(super) struct SlowFirstByte;

const DEFAULT: Duration = Duration::from_secs(1);

impl Fault for SlowFirstByte {
    fn name(&self) -> &'static str {
        "slow-first-byte"
    }

    fn summary(&self) -> &'static str {
        "sends the head at once and waits before the body (1s without a value)"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        time_or(DEFAULT, value).map(drop)
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        let time = time_or(DEFAULT, element.value.as_deref());
        let pause = Pause::Delay(time.unwrap_or(DEFAULT));
        let point = match answer.events() {
            0 => HoldPoint::AtByte(0),
            _ => HoldPoint::BeforeEvent(0),
        };
        answer.pause(point, pause);
    }
}

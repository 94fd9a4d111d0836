//! `slow-first-byte[=1s]`: status line and headers come at once, the body begins later.

use std::time::Duration;

use crate::duration;
use crate::fault::{Fault, Site};
use crate::scenario::Element;
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

    fn check(&self, value: Option<&str>, _: &[&str]) -> Result<(), String> {
        value.map_or(Ok(()), |text| duration::parse(text).map(drop))
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        let stated = element.value.as_deref();
        let time = stated.and_then(|text| duration::parse(text).ok());
        let pause = Pause::Delay(time.unwrap_or(DEFAULT));
        let point = match answer.events() {
            0 => HoldPoint::AtByte(0),
            _ => HoldPoint::BeforeEvent(0),
        };
        answer.pause(point, pause);
    }
}

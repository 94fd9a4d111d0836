//! `slow-stream[=200ms]`: a wait before each event of a stream, or before each eighth of another body.

use std::time::Duration;

use crate::fault::{Fault, Site, time_or};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, HoldPoint, Pause};

/// See the module.
pub(super) struct SlowStream;

const DEFAULT: Duration = Duration::from_millis(200);
/// Where a body that is no stream is taken apart.
const PARTS: usize = 8;

impl Fault for SlowStream {
    fn name(&self) -> &'static str {
        "slow-stream"
    }

    fn summary(&self) -> &'static str {
        "waits before each event, or each eighth of a body that is no stream (200ms without a value)"
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
        let events = answer.events();
        for event in 0..events {
            answer.pause(HoldPoint::BeforeEvent(event), pause.clone());
        }
        let len = answer.body_len();
        if events == 0 {
            for part in 0..PARTS {
                answer.pause(HoldPoint::AtByte(part * len / PARTS), pause.clone());
            }
        }
    }
}

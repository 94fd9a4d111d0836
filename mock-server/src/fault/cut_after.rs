//! `cut-after[=122s]`: nothing comes for so long, then the connection is closed without an answer. Streams pass: it
//! is what Azure does to images that take too long, unless they are streamed.

use std::time::Duration;

use crate::duration;
use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, Pause, Step};

/// See the module.
pub(super) struct CutAfter;

/// After this time Azure was seen to close the connection.
const DEFAULT: Duration = Duration::from_secs(122);

impl Fault for CutAfter {
    fn name(&self) -> &'static str {
        "cut-after"
    }

    fn summary(&self) -> &'static str {
        "closes the connection without an answer after a time (122s without a value, as Azure); streams pass"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        value.map_or(Ok(()), |text| duration::parse(text).map(drop))
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        if answer.events() > 0 {
            return;
        }
        let stated = element.value.as_deref();
        let time = stated.and_then(|text| duration::parse(text).ok());
        let pause = Pause::Delay(time.unwrap_or(DEFAULT));
        answer.steps = vec![Step::Pause(pause), Step::Cut];
    }
}

//! Faults: damage done to an answer that a provider has decided. One file a fault, one line in [`FAULTS`].

mod bad_chunk;
mod body_reset;
mod cut_after;
mod delay;
mod gzip;
mod hang;
mod html_error;
mod large;
mod malformed_json;
mod reset;
mod slow_first_byte;
mod slow_stream;
mod split_frames;
mod stall;
mod stream_error;
mod stream_reset;
mod stream_stall;
mod truncate;
mod wrong_content_length;

use std::time::Duration;

use bytes::Bytes;

use crate::duration;
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, Framing, Step};

/// One kind of damage.
pub trait Fault: Sync {
    /// The kebab-case name in scenarios.
    fn name(&self) -> &'static str;

    /// What it does, in half a sentence.
    fn summary(&self) -> &'static str;

    /// Whether the fault takes the value; the error says what was expected instead.
    ///
    /// # Errors
    /// What the fault takes.
    fn check(&self, value: Option<&str>, words: &Vocabulary) -> Result<(), String> {
        let _ = words;
        value.map_or(Ok(()), |_| Err("no value".to_owned()))
    }

    /// What the fault takes behind `;`, with this value.
    fn params<'w>(&self, value: Option<&str>, words: &'w Vocabulary) -> Vec<&'w str> {
        let _ = (value, words);
        Vec::new()
    }

    /// Whether a client that reads the damaged answer can still have all of it.
    fn is_readable(&self) -> bool {
        false
    }

    /// Damages the answer. The element was checked.
    fn apply(&self, answer: &mut Answer, element: &Element, site: &Site<'_>);
}

/// What a fault may ask of the provider whose answer it damages.
pub struct Site<'a> {
    /// Renders a condition as an error inside a stream that has sent so many events.
    pub stream_error: &'a dyn Fn(&Element, usize) -> Vec<Bytes>,
}

/// Every fault.
pub static FAULTS: &[&dyn Fault] = &[
    &bad_chunk::BadChunk,
    &body_reset::BodyReset,
    &cut_after::CutAfter,
    &delay::Delay,
    &gzip::Gzip,
    &hang::Hang,
    &html_error::HtmlError,
    &large::Large,
    &malformed_json::MalformedJson,
    &reset::Reset,
    &slow_first_byte::SlowFirstByte,
    &slow_stream::SlowStream,
    &split_frames::SplitFrames,
    &stall::Stall,
    &stream_error::StreamError,
    &stream_reset::StreamReset,
    &stream_stall::StreamStall,
    &truncate::Truncate,
    &wrong_content_length::WrongContentLength,
];

/// Applies the faults of one call, in the order in which they were written.
pub fn apply(faults: &[Element], answer: &mut Answer, site: &Site<'_>) {
    for element in faults {
        if let Some(fault) = FAULTS.iter().find(|fault| fault.name() == element.name) {
            fault.apply(answer, element, site);
        }
    }
}

/// How many bytes of a body a fault lets through: as many as its value says, half of them without one.
fn kept_bytes(answer: &Answer, element: &Element) -> usize {
    let len = answer.body_len();
    let stated = number(element.value.as_deref()).ok().flatten();
    // At least the last byte is missing: a fault must never end as a success.
    stated.unwrap_or(len / 2).min(len.saturating_sub(1))
}

/// Ends a body early with `last`, under the length that promised all of it.
fn end_early(answer: &mut Answer, element: &Element, last: Step) {
    let kept = kept_bytes(answer, element);
    if answer.framing == Framing::Length {
        answer.framing = Framing::Announced(answer.body_len() as u64);
    }
    answer.end_at_byte(kept, last);
}

/// Whether a client can have all of an answer with these faults.
#[must_use]
pub fn readable(faults: &[Element]) -> bool {
    faults.iter().all(|element| {
        let fault = FAULTS.iter().find(|fault| fault.name() == element.name);
        fault.is_none_or(|fault| fault.is_readable())
    })
}

/// The duration of a fault that has one without a value.
fn time_or(default: Duration, value: Option<&str>) -> Result<Duration, String> {
    value.map_or(Ok(default), duration::parse)
}

/// Reads an optional whole number.
fn number(value: Option<&str>) -> Result<Option<usize>, String> {
    let Some(text) = value else {
        return Ok(None);
    };
    let expected = |_| "a whole number of bytes or events".to_owned();
    text.parse().map(Some).map_err(expected)
}

//! A whole answer as a plain value: a head and the list of steps that play it.
//!
//! Scenarios and faults edit this list; the server plays it and knows nothing of providers.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::image::ImageHash;

/// Everything that will happen on the socket for one request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Name and value pairs, lower-case names, in the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// How the end of the body is told to the peer.
    pub framing: Framing,
    /// What is played, in order. Everything before [`Step::Head`] happens before the first byte.
    pub steps: Vec<Step>,
    /// The event that brings the result, if it is not the last one: a stream error comes in its place.
    pub result_event: Option<usize>,
    /// What was decided, for the journal.
    pub summary: Decided,
}

/// How the end of the body is told to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Chunked transfer coding.
    Chunked,
    /// `content-length` with the true length, measured from the steps.
    Length,
    /// `content-length` with this number of bytes, whatever is sent.
    Announced(u64),
    /// Chunked transfer coding, but sizes and line ends stand in the steps, right or wrong.
    Raw,
}

/// One step of an answer.
#[derive(Clone, Debug)]
pub enum Step {
    /// Some bytes of the body; the last ones of a stream event carry its index.
    Body {
        /// The bytes, in pieces so that cached ones are not copied.
        pieces: Vec<Bytes>,
        /// The index of the stream event that ends with these bytes, from 0.
        event: Option<usize>,
    },
    /// The connection ends here without the proper end of the body (FIN).
    Cut,
    /// Status line and headers are sent.
    Head,
    /// Nothing is sent for a while.
    Pause(Pause),
    /// The connection is reset here (RST).
    Reset,
}

/// Why and how long nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pause {
    /// A fixed time.
    Delay(Duration),
    /// Until the peer is gone, ten minutes at most; the connection is then cut.
    Hang,
    /// Until `POST /_mock/scripts/{token}/release`, ten minutes at most; the connection is then cut.
    Hold(HoldPoint),
}

/// Where a scripted answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HoldPoint {
    /// Before that byte of the body, counted from 0.
    AtByte(usize),
    /// Before that event of the stream, counted from 0.
    BeforeEvent(usize),
    /// Before status line and headers.
    BeforeHead(bool),
}

/// What was decided about an answer.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// See [`Summary::condition`].
    pub condition: String,
    /// Each whole image in the answer.
    pub images: Vec<ImageHash>,
    /// Each partial image.
    pub partial_images: Vec<ImageHash>,
    /// See [`Summary::retry_after_ms`].
    pub retry_after_ms: Option<u64>,
    /// See [`Summary::usage`].
    pub usage: Option<serde_json::Value>,
}

impl Decided {
    /// As the journal says it, with every hash computed.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let hashes = |images: &[ImageHash]| {
            let hashes = images.iter().map(|hash| hash.as_str().to_owned());
            hashes.collect()
        };
        Summary {
            condition: self.condition.clone(),
            images: hashes(&self.images),
            partial_images: hashes(&self.partial_images),
            retry_after_ms: self.retry_after_ms,
            usage: self.usage.clone(),
        }
    }
}

/// What the journal says about an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The condition that was rendered, or `ok`; a refusal of the provider's own is named by its catalogue id.
    pub condition: String,
    /// Hex sha256 of each whole image in the answer, partial images not counted.
    pub images: Vec<String>,
    /// Hex sha256 of each partial image.
    pub partial_images: Vec<String>,
    /// How long the answer tells the client to wait, in milliseconds.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
    /// The `usage` object of the answer, none if it has none.
    pub usage: Option<serde_json::Value>,
}

impl Answer {
    /// An answer with a body that is sent at once.
    #[must_use]
    pub fn whole(status: u16, headers: Vec<(String, String)>, pieces: Vec<Bytes>) -> Self {
        let steps = vec![
            Step::Head,
            Step::Body {
                pieces,
                event: None,
            },
        ];
        Self {
            status,
            headers,
            framing: Framing::Length,
            steps,
            result_event: None,
            summary: Decided::default(),
        }
    }

    /// An answer whose body is a stream of events, each sent on its own.
    #[must_use]
    pub fn stream(
        status: u16,
        headers: Vec<(String, String)>,
        events: impl IntoIterator<Item = Vec<Bytes>>,
    ) -> Self {
        let bodies = events
            .into_iter()
            .enumerate()
            .map(|(index, pieces)| Step::Body {
                pieces,
                event: Some(index),
            });
        Self {
            status,
            headers,
            framing: Framing::Chunked,
            steps: std::iter::once(Step::Head).chain(bodies).collect(),
            result_event: None,
            summary: Decided::default(),
        }
    }

    /// The number of body bytes in all steps.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.steps.iter().map(Step::len).sum()
    }

    /// Whether the connection ends before the body does.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        let cut = |step: &Step| matches!(step, Step::Cut | Step::Reset);
        self.steps.iter().any(cut)
    }

    /// The number of stream events in all steps.
    #[must_use]
    pub fn events(&self) -> usize {
        let is_event = |step: &&Step| matches!(step, Step::Body { event: Some(_), .. });
        self.steps.iter().filter(is_event).count()
    }

    /// Puts a pause in. A point that the answer does not have is the end of what is sent, or the last byte where
    /// nothing else would be held back. Pauses at bytes are to be put in last: they take events apart.
    pub fn pause(&mut self, point: HoldPoint, pause: Pause) {
        let at = match point {
            HoldPoint::BeforeHead(false) => return,
            HoldPoint::BeforeHead(true) => self.position(|step| matches!(step, Step::Head)),
            HoldPoint::BeforeEvent(index) => self.position(
                |step| matches!(step, Step::Body { event: Some(event), .. } if *event == index),
            ),
            HoldPoint::AtByte(offset) => self.split(offset),
        };
        self.steps.insert(at, Step::Pause(pause));
    }

    /// Drops every body byte from `offset` on and ends with `last`.
    pub fn end_at_byte(&mut self, offset: usize, last: Step) {
        let at = self.split(offset);
        self.steps.truncate(at);
        self.steps.push(last);
    }

    /// The index of the step that begins at body byte `offset`, after splitting one if needed; the end if there
    /// are not so many.
    fn split(&mut self, offset: usize) -> usize {
        let mut left = offset;
        for index in 0..self.steps.len() {
            let len = self.steps[index].len();
            let is_body = matches!(self.steps[index], Step::Body { .. });
            if is_body && left == 0 {
                return index;
            }
            if left < len {
                let tail = self.steps[index].split_off(left);
                self.steps.insert(index + 1, tail);
                return index + 1;
            }
            left -= len;
        }
        self.end()
    }

    fn position(&mut self, wanted: impl Fn(&Step) -> bool) -> usize {
        let found = self.steps.iter().position(wanted);
        found.unwrap_or_else(|| self.end())
    }

    /// Where the connection is cut, or the body ends. A client with the last byte of an announced length has
    /// everything, so there it is that byte.
    fn end(&mut self) -> usize {
        let cut = |step: &Step| matches!(step, Step::Cut | Step::Reset);
        if let Some(cut) = self.steps.iter().position(cut) {
            return cut;
        }
        match (self.framing, self.body_len().checked_sub(1)) {
            (Framing::Length, Some(last)) => self.split(last),
            _ => self.steps.len(),
        }
    }
}

impl Step {
    /// The number of body bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Body { pieces, .. } => pieces.iter().map(Bytes::len).sum(),
            _ => 0,
        }
    }

    /// Leaves the first `at` bytes here and returns the rest, which then ends the event.
    fn split_off(&mut self, mut at: usize) -> Self {
        let mut rest = Vec::new();
        let mut tail_event = None;
        if let Self::Body { pieces, event } = self {
            tail_event = event.take();
            let mut kept = Vec::new();
            for mut piece in std::mem::take(pieces) {
                let tail = piece.split_off(at.min(piece.len()));
                at -= piece.len();
                kept.extend((!piece.is_empty()).then_some(piece));
                rest.extend((!tail.is_empty()).then_some(tail));
            }
            *pieces = kept;
        }
        Self::Body {
            pieces: rest,
            event: tail_event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(answer: &Answer) -> Vec<u8> {
        let pieces = answer.steps.iter().filter_map(|step| match step {
            Step::Body { pieces, .. } => Some(pieces.concat()),
            _ => None,
        });
        pieces.flatten().collect()
    }

    fn sample() -> Answer {
        Answer::whole(200, vec![], vec!["abc".into(), "def".into()])
    }

    #[test]
    fn a_pause_inside_a_piece_splits_it_and_loses_nothing() {
        for offset in 0..8 {
            let mut answer = sample();
            answer.pause(HoldPoint::AtByte(offset), Pause::Hang);
            assert_eq!(body(&answer), b"abcdef");
            let pause = answer
                .steps
                .iter()
                .position(|s| matches!(s, Step::Pause(_)));
            let before: usize = answer.steps[..pause.unwrap()].iter().map(Step::len).sum();
            assert_eq!(before, offset.min(5), "offset {offset}");
        }
    }

    #[test]
    fn cutting_keeps_what_came_before() {
        let mut answer = sample();
        answer.end_at_byte(4, Step::Cut);
        assert_eq!(body(&answer), b"abcd");
        assert!(matches!(answer.steps.last(), Some(Step::Cut)));
    }

    #[test]
    fn a_pause_behind_the_end_stands_before_the_cut() {
        for point in [HoldPoint::AtByte(9), HoldPoint::BeforeEvent(3)] {
            let mut answer = sample();
            answer.end_at_byte(4, Step::Cut);
            answer.pause(point, Pause::Hang);
            let last = answer.steps.split_off(answer.steps.len() - 2);
            assert!(matches!(last[..], [Step::Pause(_), Step::Cut]));
        }
    }

    #[test]
    fn the_last_part_of_an_event_ends_it() {
        let mut answer = Answer::stream(200, vec![], [vec!["ab".into()], vec!["cd".into()]]);
        answer.pause(HoldPoint::AtByte(1), Pause::Hang);
        assert_eq!(answer.events(), 2);
        let ends = answer.steps.iter().filter_map(|step| match step {
            Step::Body { event, .. } => Some(*event),
            _ => None,
        });
        assert_eq!(ends.collect::<Vec<_>>(), [None, Some(0), Some(1)]);
    }

    #[test]
    fn a_hold_before_an_event_stands_before_its_bytes() {
        let events = [vec!["a".into()], vec!["b".into()]];
        let mut answer = Answer::stream(200, vec![], events);
        answer.pause(HoldPoint::BeforeEvent(1), Pause::Hang);
        assert!(matches!(answer.steps[2], Step::Pause(_)));
    }
}

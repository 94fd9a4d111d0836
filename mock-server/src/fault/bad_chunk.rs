//! `bad-chunk[=k]`: chunked transfer coding that is broken: the size of the k-th chunk is no number.
//!
//! The HTTP library frames its chunks itself and properly, so this fault frames them here
//! ([`Framing::Raw`]).

use bytes::Bytes;

use crate::fault::{Fault, Site, number};
use crate::scenario::Element;
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, Framing, HoldPoint, Pause, Step};

/// See the module.
pub(super) struct BadChunk;

impl Fault for BadChunk {
    fn name(&self) -> &'static str {
        "bad-chunk"
    }

    fn summary(&self) -> &'static str {
        "breaks the chunked framing at chunk k, from 1 (the last one without a value)"
    }

    fn check(&self, value: Option<&str>, _: &Vocabulary) -> Result<(), String> {
        match number(value)? {
            Some(0) => Err("the number of a chunk, from 1".to_owned()),
            _ => Ok(()),
        }
    }

    fn apply(&self, answer: &mut Answer, element: &Element, _: &Site<'_>) {
        if answer.framing == Framing::Raw {
            return;
        }
        if answer.events() == 0 && answer.body_len() > 1 {
            // A body that is no stream comes in two chunks, the first of them good.
            let half = HoldPoint::AtByte(answer.body_len() / 2);
            answer.pause(half, Pause::Delay(std::time::Duration::ZERO));
        }
        let is_body = |step: &&mut Step| matches!(step, Step::Body { .. });
        let chunks = answer.steps.iter_mut().filter(is_body).count();
        let stated = number(element.value.as_deref()).ok().flatten();
        let bad = stated.unwrap_or(chunks).min(chunks);
        for (index, step) in answer.steps.iter_mut().filter(is_body).enumerate() {
            let len = step.len();
            if let Step::Body { pieces, .. } = step {
                let size = match index + 1 == bad {
                    true => "not-a-size\r\n".to_owned(),
                    false => format!("{len:x}\r\n"),
                };
                pieces.insert(0, Bytes::from(size));
                pieces.push(Bytes::from_static(b"\r\n"));
            }
        }
        answer.framing = Framing::Raw;
        if !answer.is_cut() {
            answer.steps.push(Step::Body {
                pieces: vec![Bytes::from_static(b"0\r\n\r\n")],
                event: None,
            });
            answer.steps.push(Step::Cut);
        }
    }
}

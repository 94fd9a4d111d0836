//! `split-frames`: each event of a stream comes in several chunks, cut inside its lines, inside a character of
//! several bytes, and inside the blank line that ends it. A reader that takes a chunk for an event, or decodes
//! chunk by chunk, fails.

use bytes::Bytes;

use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct SplitFrames;

/// Base64 has no characters of several bytes; a comment, which every reader has to skip, brings some.
const COMMENT: &str = ": caf\u{e9} \u{2615} \u{1f98a}\n";

impl Fault for SplitFrames {
    fn name(&self) -> &'static str {
        "split-frames"
    }

    fn summary(&self) -> &'static str {
        "cuts each event of a stream into chunks, inside lines and inside UTF-8 characters"
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn apply(&self, answer: &mut Answer, _: &Element, _: &Site<'_>) {
        let steps = std::mem::take(&mut answer.steps);
        answer.steps = steps.into_iter().flat_map(split).collect();
    }
}

fn split(step: Step) -> Vec<Step> {
    let Step::Body {
        pieces,
        event: Some(event),
    } = step
    else {
        return vec![step];
    };
    let mut frame = pieces.concat();
    if frame.is_ascii() {
        frame.splice(0..0, COMMENT.bytes());
    }
    let mut rest = Bytes::from(frame);
    let mut steps = Vec::new();
    let mut done = 0;
    for cut in cuts(&rest) {
        let pieces = vec![rest.split_to(cut - done)];
        steps.push(Step::Body {
            pieces,
            event: None,
        });
        done = cut;
    }
    steps.push(Step::Body {
        pieces: vec![rest],
        event: Some(event),
    });
    steps
}

/// At most so many characters of one event are cut apart.
const MOST_CHARACTERS: usize = 8;

/// Where the frame is cut: rising, none at its ends.
fn cuts(frame: &[u8]) -> Vec<usize> {
    let inside = frame.iter().enumerate();
    let inside = inside.filter(|(_, byte)| **byte & 0xc0 == 0x80);
    let mut cuts: Vec<_> = inside.map(|(at, _)| at).take(MOST_CHARACTERS).collect();
    let line = |name: &[u8]| frame.windows(name.len()).position(|window| window == name);
    // Inside the field names, in the middle of the data, between the two line ends.
    cuts.extend(line(b"event:").map(|at| at + 3));
    cuts.extend(line(b"data:").map(|at| at + 2));
    cuts.extend([frame.len() / 2, frame.len().saturating_sub(1)]);
    cuts.retain(|at| *at > 0 && *at < frame.len());
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

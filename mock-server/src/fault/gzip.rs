//! `gzip`: the body is compressed and says so, although nobody asked for it.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::fault::{Fault, Site};
use crate::scenario::Element;
use crate::wire::{Answer, Step};

/// See the module.
pub(super) struct Gzip;

impl Fault for Gzip {
    fn name(&self) -> &'static str {
        "gzip"
    }

    fn summary(&self) -> &'static str {
        "compresses the body with gzip, although the client did not ask for it"
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn apply(&self, answer: &mut Answer, _: &Element, _: &Site<'_>) {
        let is_body = |step: &Step| matches!(step, Step::Body { .. });
        let Some(last) = answer.steps.iter().rposition(is_body) else {
            return;
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        for (index, step) in answer.steps.iter_mut().enumerate() {
            if let Step::Body { pieces, .. } = step {
                *pieces = vec![compressed(&mut encoder, pieces, index == last)];
            }
        }
        let encoding = ("content-encoding".to_owned(), "gzip".to_owned());
        answer.headers.push(encoding);
    }
}

/// One step's bytes, flushed so that an event can be read as soon as it came.
fn compressed(encoder: &mut GzEncoder<Vec<u8>>, pieces: &[Bytes], last: bool) -> Bytes {
    // Writing into memory cannot fail.
    for piece in pieces {
        let _ = encoder.write_all(piece);
    }
    let _ = if last {
        encoder.try_finish()
    } else {
        encoder.flush()
    };
    Bytes::from(std::mem::take(encoder.get_mut()))
}

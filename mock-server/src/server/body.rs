//! The body of an answer as hyper reads it: at once, or fed by a task that plays pauses and faults.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::server::Dropped;
use crate::server::play::Watch;

/// See the module.
pub(crate) enum PlayedBody {
    /// Everything is there.
    Whole {
        /// What is left to send, a frame each: one event of a stream is one chunk on the wire.
        frames: VecDeque<Part>,
        /// The length is announced: the body is not chunked.
        sized: bool,
        /// Learns of each event and of the end, or of the peer's going.
        watch: Watch,
    },
    /// A task feeds it; an error drops the connection.
    Fed {
        /// Where the frames come from.
        frames: mpsc::Receiver<Result<Pieces, Dropped>>,
        /// The announced length, for answers that are not chunked.
        length: Option<u64>,
    },
}

/// One frame of a body that is there as a whole.
pub(crate) struct Part {
    /// Its bytes.
    pub(super) pieces: Pieces,
    /// A stream event ends with it.
    pub(super) event: bool,
}

/// Bytes in pieces that are written as one, without being copied into one.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// Without empty ones.
    left: VecDeque<Bytes>,
    bytes: usize,
}

impl From<Vec<Bytes>> for Pieces {
    fn from(mut pieces: Vec<Bytes>) -> Self {
        pieces.retain(|piece| !piece.is_empty());
        Self {
            bytes: pieces.iter().map(Bytes::len).sum(),
            left: pieces.into(),
        }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.bytes
    }

    fn chunk(&self) -> &[u8] {
        self.left.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(&self.left);
        filled
            .map(|(slice, piece)| *slice = IoSlice::new(piece))
            .count()
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.bytes, "behind the end");
        self.bytes -= count;
        while let Some(first) = self.left.front_mut() {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.left.pop_front();
        }
    }
}

impl Body for PlayedBody {
    type Data = Pieces;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Pieces>, Dropped>>> {
        match &mut *self {
            Self::Whole { frames, watch, .. } => {
                let part = frames.pop_front();
                if part.as_ref().is_some_and(|part| part.event) {
                    watch.event();
                }
                if frames.is_empty() {
                    watch.ended();
                }
                Poll::Ready(part.map(|part| Ok(Frame::data(part.pieces))))
            }
            Self::Fed { frames, .. } => {
                let frame = frames.poll_recv(context);
                frame.map(|frame| frame.map(|frame| frame.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { frames, .. } => frames.is_empty(),
            Self::Fed { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { sized: false, .. } => SizeHint::default(),
            Self::Whole { frames, .. } => {
                let lengths = frames.iter().map(|part| part.pieces.bytes as u64);
                SizeHint::with_exact(lengths.sum())
            }
            Self::Fed { length, .. } => length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_one_text_however_they_are_read() {
        let pieces = || Pieces::from(vec!["ab".into(), Bytes::new(), "cde".into()]);
        for step in 1..=5 {
            let (mut pieces, mut read) = (pieces(), Vec::<u8>::new());
            while pieces.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 4];
                let filled = pieces.chunks_vectored(&mut slices);
                let all: Vec<u8> = slices[..filled].iter().flat_map(|s| s.to_vec()).collect();
                assert_eq!(all.len(), pieces.remaining());
                let taken = step.min(all.len());
                read.extend(&all[..taken]);
                pieces.advance(taken);
            }
            assert_eq!(read, b"abcde", "{step} at a time");
        }
    }
}

//! The body of an answer as hyper reads it: at once, or fed by a task that plays pauses and faults.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::server::Dropped;
use crate::server::play::Watch;

/// See the module.
pub(crate) enum PlayedBody {
    /// Everything is there.
    Whole {
        /// What is left to send.
        pieces: VecDeque<Bytes>,
        /// Learns of the end, or of the peer's going.
        watch: Watch,
    },
    /// A task feeds it; an error drops the connection.
    Fed {
        /// Where the frames come from.
        frames: mpsc::Receiver<Result<Bytes, Dropped>>,
        /// The announced length, for answers that are not chunked.
        length: Option<u64>,
    },
}

impl Body for PlayedBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        match &mut *self {
            Self::Whole { pieces, watch } => {
                let piece = pieces.pop_front();
                if pieces.is_empty() {
                    watch.ended();
                }
                Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
            }
            Self::Fed { frames, .. } => {
                let frame = frames.poll_recv(context);
                frame.map(|frame| frame.map(|frame| frame.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { pieces, .. } => pieces.is_empty(),
            Self::Fed { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { pieces, .. } => {
                SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum())
            }
            Self::Fed { length, .. } => length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

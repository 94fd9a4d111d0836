//! A stream of image events: each is passed on as soon as it is complete, byte for byte, and the stream never ends
//! without saying how it went.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::time::Instant;

use super::meaning::{Meaning, understand};
use crate::error::{ApiError, row};
use crate::gateway::Gateway;
use crate::redact::Redactor;
use crate::sse::Splitter;
use crate::upstream::{Broken, Source};

/// How long after the last event the upstream may take to end its stream. The client has all it needs by then.
const TAIL: Duration = Duration::from_secs(2);

/// The client's side of the stream. Dropping it, as happens when the client goes, cancels the upstream call.
pub(super) fn body(source: Source, gateway: Arc<Gateway>) -> Body {
    let relay = Relay {
        splitter: Splitter::new(gateway.limits.event),
        source,
        source_ended: false,
        phase: Phase::Open,
        gateway,
    };
    Body::from_stream(stream::unfold(relay, async |mut relay| {
        let event = relay.next().await?;
        Some((Ok::<_, std::convert::Infallible>(event), relay))
    }))
}

struct Relay {
    source: Source,
    source_ended: bool,
    splitter: Splitter,
    phase: Phase,
    gateway: Arc<Gateway>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// The image is still to come.
    Open,
    /// The image was delivered; only the end marker may follow, until then.
    Delivered { until: Instant },
    /// Nothing more is sent.
    Ended,
}

impl Relay {
    /// The next bytes for the client; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if matches!(self.phase, Phase::Ended) {
                return None;
            }
            match self.splitter.next() {
                Ok(Some(event)) => {
                    if let Some(event) = self.pass(event) {
                        return Some(event);
                    }
                }
                Ok(None) if self.source_ended => return self.interrupt(None),
                Ok(None) => {
                    if let Err(broken) = self.read().await {
                        return self.interrupt(Some(broken));
                    }
                }
                Err(_) => return self.interrupt(Some(Broken::TooLarge)),
            }
        }
    }

    async fn read(&mut self) -> Result<(), Broken> {
        let piece = match self.phase {
            Phase::Delivered { until } => self.source.next(until).await?,
            Phase::Open | Phase::Ended => {
                self.source.next_within(self.gateway.limits.answer).await?
            }
        };
        match piece {
            Some(piece) => self.splitter.push(&piece),
            None => {
                self.source_ended = true;
                // A last event without its blank line is whole if it can be read: it may hold the image.
                let mut rest = BytesMut::from(self.splitter.rest().as_ref());
                if !rest.is_empty() {
                    rest.extend_from_slice(b"\n\n");
                    self.splitter = Splitter::new(self.gateway.limits.event.saturating_add(2));
                    self.splitter.push(&rest);
                }
            }
        }
        Ok(())
    }

    /// What of an event the client gets.
    fn pass(&mut self, bytes: Bytes) -> Option<Bytes> {
        let Some((meaning, image_data)) = understand(&bytes) else {
            tracing::warn!("the upstream sent an event that is not JSON");
            return self.interrupt(None);
        };
        match (self.phase, meaning) {
            (Phase::Delivered { .. }, Meaning::Done) => self.phase = Phase::Ended,
            (Phase::Delivered { .. } | Phase::Ended, _) => return None,
            (Phase::Open, Meaning::Done | Meaning::Imageless) => return self.interrupt(None),
            (Phase::Open, Meaning::Progress) => {}
            (Phase::Open, Meaning::Completed) => {
                self.phase = Phase::Delivered {
                    until: Instant::now() + TAIL,
                };
            }
            (Phase::Open, Meaning::Error) => {
                self.phase = Phase::Ended;
                return Some(readable(&bytes, &self.gateway.redactor));
            }
        }
        let masked = self.gateway.redactor.keys(&bytes, &image_data);
        Some(masked.map_or(bytes, Bytes::from))
    }

    /// Ends the stream; with an error event, unless the image was delivered before.
    fn interrupt(&mut self, broken: Option<Broken>) -> Option<Bytes> {
        let was = std::mem::replace(&mut self.phase, Phase::Ended);
        if !matches!(was, Phase::Open) {
            return None;
        }
        let error = ApiError::from(row::STREAM_INTERRUPTED);
        let error = match broken {
            Some(Broken::Timeout) => error.message("Upstream stream was silent for too long"),
            Some(Broken::TooLarge) => error.message("Upstream stream event is too large"),
            Some(Broken::Cut) | None => error,
        };
        Some(error.to_event().into())
    }
}

/// An error event is text for people, so upstream addresses are masked in it too.
fn readable(event: &[u8], redactor: &Redactor) -> Bytes {
    let text = String::from_utf8_lossy(event);
    Bytes::from(redactor.text(&text).into_owned())
}

//! Plays an answer: waits, holds, sends, cuts, and writes into the journal when what happened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use tokio::sync::{Semaphore, mpsc};

use crate::core::{Core, Decided};
use crate::duration::LONGEST;
use crate::journal::{Entry, HoldEnd, HoldSeen};
use crate::server::Dropped;
use crate::server::body::PlayedBody;
use crate::server::connection::Abort;
use crate::wire::{Answer, Framing, HoldPoint, Pause, Step};

/// What was sent before a cut or reset gets this long to reach the peer: an RST throws away what the peer has
/// not read yet (seen with openai-node).
const DELIVERY: Duration = Duration::from_millis(100);
/// The journal keeps at most so many event stamps of one answer.
const EVENT_STAMPS: usize = 1000;

/// Plays one answer.
pub(super) struct Player {
    answer: Answer,
    releases: Option<Arc<Semaphore>>,
    watch: Watch,
    abort: Abort,
}

impl Player {
    /// Plays an answer whose course the journal tells.
    pub(super) fn journaled(
        core: Arc<Core>,
        decided: Decided,
        received: Instant,
        abort: Abort,
    ) -> Self {
        let watch = Watch {
            entry: Some((core, decided.seq)),
            received,
            done: false,
        };
        Self {
            answer: decided.answer,
            releases: decided.releases,
            watch,
            abort,
        }
    }

    /// Plays an answer of the control API.
    pub(super) fn unjournaled(answer: Answer, abort: Abort) -> Self {
        let watch = Watch {
            entry: None,
            received: Instant::now(),
            done: false,
        };
        Self {
            answer,
            releases: None,
            watch,
            abort,
        }
    }

    /// Plays what comes before the head, then hands the rest over to the body.
    pub(super) async fn play(mut self) -> Result<Response<PlayedBody>, Dropped> {
        let head = self
            .answer
            .steps
            .iter()
            .position(|step| matches!(step, Step::Head));
        let rest = head.map(|head| self.answer.steps.split_off(head + 1));
        for step in std::mem::take(&mut self.answer.steps) {
            match step {
                Step::Pause(pause) => self.pause(&pause, None).await?,
                Step::Cut | Step::Reset => return Err(self.end_connection(&step, false).await),
                Step::Body { .. } | Step::Head => {}
            }
        }
        self.watch.head();
        let whole = rest
            .as_deref()
            .unwrap_or_default()
            .iter()
            .all(|step| matches!(step, Step::Body { event: None, .. }));
        let response = self.head();
        let rest = rest.unwrap_or_default();
        let body = if whole && self.answer.framing == Framing::Length {
            let pieces = rest.into_iter().flat_map(into_pieces).collect();
            PlayedBody::Whole {
                pieces,
                watch: self.watch,
            }
        } else {
            let (feed, frames) = mpsc::channel(1);
            let length = match self.answer.framing {
                Framing::Chunked => None,
                Framing::Length => Some(rest.iter().map(step_len).sum()),
                Framing::Announced(length) => Some(length),
            };
            tokio::spawn(self.feed(rest, feed));
            PlayedBody::Fed { frames, length }
        };
        response.body(body).map_err(|error| {
            tracing::error!(%error, "an answer has a head that cannot be sent");
            Dropped
        })
    }

    fn head(&self) -> http::response::Builder {
        let status = StatusCode::from_u16(self.answer.status);
        let mut response =
            Response::builder().status(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        for (name, value) in &self.answer.headers {
            let name = HeaderName::try_from(name.as_str());
            let value = HeaderValue::try_from(value.as_str());
            if let (Ok(name), Ok(value)) = (name, value) {
                response = response.header(name, value);
            }
        }
        if let Framing::Announced(length) = self.answer.framing {
            response = response.header(header::CONTENT_LENGTH, length);
        }
        response
    }

    /// Plays the steps behind the head into the body.
    async fn feed(mut self, steps: Vec<Step>, feed: mpsc::Sender<Result<Bytes, Dropped>>) {
        let mut sent = false;
        for step in steps {
            match step {
                Step::Body { pieces, event } => {
                    // One frame a step, so that one event is one chunk on the wire.
                    let bytes = Bytes::from(pieces.concat());
                    if feed.send(Ok(bytes)).await.is_err() {
                        return;
                    }
                    sent = true;
                    if event.is_some() {
                        self.watch.event();
                    }
                }
                Step::Pause(pause) => {
                    if let Err(dropped) = self.pause(&pause, Some(&feed)).await {
                        let _ = feed.send(Err(dropped)).await;
                        return;
                    }
                }
                Step::Cut | Step::Reset => {
                    let dropped = self.end_connection(&step, sent).await;
                    let _ = feed.send(Err(dropped)).await;
                    return;
                }
                Step::Head => {}
            }
        }
        self.watch.ended();
    }

    async fn end_connection(&mut self, step: &Step, sent: bool) -> Dropped {
        if sent {
            tokio::time::sleep(DELIVERY).await;
        }
        if matches!(step, Step::Reset) {
            self.abort.reset();
        }
        self.watch.ended();
        Dropped
    }

    /// Waits; an error means that the connection is over. `feed` tells of the peer's going once the head was
    /// sent; before that, hyper drops the whole future.
    async fn pause(
        &mut self,
        pause: &Pause,
        feed: Option<&mpsc::Sender<Result<Bytes, Dropped>>>,
    ) -> Result<(), Dropped> {
        let gone = async {
            match feed {
                Some(feed) => feed.closed().await,
                None => std::future::pending().await,
            }
        };
        match pause {
            Pause::Delay(time) => tokio::select! {
                () = tokio::time::sleep(*time) => Ok(()),
                () = gone => Err(Dropped),
            },
            Pause::Hang => tokio::select! {
                () = tokio::time::sleep(LONGEST) => Err(self.expired()),
                () = gone => Err(Dropped),
            },
            Pause::Hold(at) => {
                self.watch.hold_reached(*at);
                let releases = self.releases.clone();
                let released = async {
                    match &releases {
                        Some(releases) => releases
                            .acquire()
                            .await
                            .map(tokio::sync::SemaphorePermit::forget)
                            .is_ok(),
                        None => false,
                    }
                };
                tokio::select! {
                    released = released => {
                        self.watch.hold_ended(HoldEnd::Released);
                        released.then_some(()).ok_or(Dropped)
                    }
                    () = tokio::time::sleep(LONGEST) => {
                        self.watch.hold_ended(HoldEnd::Expired);
                        Err(self.expired())
                    }
                    () = gone => Err(Dropped),
                }
            }
        }
    }

    fn expired(&mut self) -> Dropped {
        self.watch.ended();
        Dropped
    }
}

fn into_pieces(step: Step) -> Vec<Bytes> {
    match step {
        Step::Body { pieces, .. } => pieces,
        _ => Vec::new(),
    }
}

fn step_len(step: &Step) -> u64 {
    match step {
        Step::Body { pieces, .. } => pieces.iter().map(|piece| piece.len() as u64).sum(),
        _ => 0,
    }
}

/// Writes the course of an answer into the journal. Dropped before the end, it writes that the peer is gone.
pub(crate) struct Watch {
    entry: Option<(Arc<Core>, u64)>,
    received: Instant,
    done: bool,
}

impl Watch {
    fn head(&self) {
        self.write(|entry, now| entry.stamps.head = Some(now));
    }

    fn event(&self) {
        self.write(|entry, now| {
            if entry.stamps.events.len() < EVENT_STAMPS {
                entry.stamps.events.push(now);
            }
        });
    }

    /// The last byte was handed over.
    pub(super) fn ended(&mut self) {
        if !self.done {
            self.done = true;
            self.write(|entry, now| entry.stamps.end = Some(now));
        }
    }

    fn hold_reached(&self, at: HoldPoint) {
        self.write(|entry, reached| {
            entry.holds.push(HoldSeen {
                at,
                reached,
                end: None,
            })
        });
    }

    fn hold_ended(&self, end: HoldEnd) {
        self.write(|entry, _| {
            if let Some(hold) = entry.holds.last_mut() {
                hold.end = Some(end);
            }
        });
    }

    fn write(&self, change: impl FnOnce(&mut Entry, u64)) {
        if let Some((core, seq)) = &self.entry {
            let now = self.received.elapsed().as_micros();
            let now = u64::try_from(now).unwrap_or(u64::MAX);
            core.journal.update(*seq, |entry| change(entry, now));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.write(|entry, now| {
            entry.stamps.peer_gone = Some(now);
            if let Some(hold) = entry.holds.last_mut() {
                hold.end.get_or_insert(HoldEnd::PeerGone);
            }
        });
    }
}

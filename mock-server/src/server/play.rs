//! Plays an answer: waits, holds, sends, cuts, and writes into the journal when what happened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Buf as _;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use tokio::sync::{Semaphore, mpsc};

use crate::core::Core;
use crate::duration::LONGEST;
use crate::journal::{Entry, HoldEnd, HoldSeen};
use crate::server::Dropped;
use crate::server::body::{Part, Pieces, PlayedBody};
use crate::server::connection::Line;
use crate::wire::{Answer, Framing, HoldPoint, Pause, Step};

/// What was sent before a cut or reset gets this long to reach the peer: an RST throws away what the peer has
/// not read yet (seen with openai-node).
const DELIVERY: Duration = Duration::from_millis(100);
/// The journal keeps at most so many event stamps of one answer.
const EVENT_STAMPS: usize = 1000;

/// Stands for the length of a body that frames itself, which the connection replaces: ten digits, see there.
pub(super) const RAW_LENGTH: u64 = 9_999_999_999;

/// Plays one answer.
pub(super) struct Player {
    answer: Answer,
    releases: Option<Arc<Semaphore>>,
    watch: Watch,
    line: Line,
}

/// Where the body's bytes go.
type Feed = mpsc::Sender<Result<Pieces, Dropped>>;

impl Player {
    pub(super) fn new(
        answer: Answer,
        releases: Option<Arc<Semaphore>>,
        watch: Watch,
        line: Line,
    ) -> Self {
        Self {
            answer,
            releases,
            watch,
            line,
        }
    }

    /// Plays what comes before the head, then hands the rest over to the body. `headless` is the answer to a
    /// HEAD request, whose body nobody asks for.
    pub(super) async fn play(mut self, headless: bool) -> Result<Response<PlayedBody>, Dropped> {
        let mut steps = std::mem::take(&mut self.answer.steps).into_iter();
        for step in steps.by_ref() {
            match step {
                Step::Head => break,
                Step::Pause(pause) => self.pause(&pause, None).await?,
                Step::Cut | Step::Reset => return Err(self.end_connection(&step)),
                Step::Body { .. } => {}
            }
        }
        let rest: Vec<Step> = steps.collect();
        let response = self.head();
        self.watch.head();
        let plain = |step: &Step| match self.answer.framing {
            Framing::Length => matches!(step, Step::Body { event: None, .. }),
            Framing::Chunked => matches!(step, Step::Body { .. }),
            Framing::Announced(_) | Framing::Raw => false,
        };
        let body = if headless || rest.iter().all(plain) {
            let frames: VecDeque<_> = rest.into_iter().filter_map(part).collect();
            if headless || frames.is_empty() {
                self.watch.ended();
            }
            PlayedBody::Whole {
                frames,
                sized: headless || self.answer.framing == Framing::Length,
                watch: self.watch,
            }
        } else {
            let length = match self.answer.framing {
                Framing::Chunked => None,
                Framing::Length => Some(rest.iter().map(step_len).sum()),
                Framing::Announced(length) => Some(length),
                Framing::Raw => Some(RAW_LENGTH),
            };
            let (feed, frames) = mpsc::channel(1);
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
        match self.answer.framing {
            Framing::Announced(length) => response.header(header::CONTENT_LENGTH, length),
            Framing::Raw => {
                // Under a length, the HTTP library adds no framing of its own to the steps'.
                self.line.say_chunked();
                response.header(header::CONTENT_LENGTH, RAW_LENGTH)
            }
            Framing::Chunked | Framing::Length => response,
        }
    }

    /// Plays the steps behind the head into the body.
    async fn feed(mut self, steps: Vec<Step>, feed: Feed) {
        let mut goal = self.line.written();
        for step in steps {
            match step {
                Step::Body { pieces, event } => {
                    // One frame a step, so that one event is one chunk on the wire.
                    let pieces = Pieces::from(pieces);
                    goal += pieces.remaining() as u64;
                    if feed.send(Ok(pieces)).await.is_err() {
                        return;
                    }
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
                    self.deliver(goal, &feed).await;
                    let _ = feed.send(Err(self.end_connection(&step))).await;
                    return;
                }
                Step::Head => {}
            }
        }
        // Room for one more means that the last frame was taken. Where a length was announced, hyper lets go of
        // the body with the last byte.
        if self.answer.framing != Framing::Chunked || feed.reserve().await.is_ok() {
            self.watch.ended();
        }
    }

    /// Waits until what was sent is on its way: until the system has taken so many bytes, and a little more.
    async fn deliver(&self, goal: u64, feed: &Feed) {
        let taken = async {
            while self.line.written() < goal && !feed.is_closed() {
                tokio::time::sleep(DELIVERY / 20).await;
            }
        };
        let _ = tokio::time::timeout(LONGEST, taken).await;
        tokio::time::sleep(DELIVERY).await;
    }

    fn end_connection(&mut self, step: &Step) -> Dropped {
        if matches!(step, Step::Reset) {
            self.line.reset();
        }
        self.watch.ended();
        Dropped
    }

    /// Waits; an error means that the connection is over. `feed` tells of the peer's going once the head was
    /// sent; before that, hyper drops the whole future.
    async fn pause(&mut self, pause: &Pause, feed: Option<&Feed>) -> Result<(), Dropped> {
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
                tokio::select! {
                    end = released(self.releases.clone()) => {
                        self.watch.hold_ended(end);
                        Ok(())
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

/// Returns with one release, which is then used up, or when there can be none any more.
async fn released(releases: Option<Arc<Semaphore>>) -> HoldEnd {
    let Some(releases) = releases else {
        return HoldEnd::ScriptGone;
    };
    match releases.acquire().await {
        Ok(permit) => {
            permit.forget();
            HoldEnd::Released
        }
        Err(_) => HoldEnd::ScriptGone,
    }
}

/// A step of the body as a frame; none where it has no bytes, which chunked would be the end.
fn part(step: Step) -> Option<Part> {
    let Step::Body { pieces, event } = step else {
        return None;
    };
    let pieces = Pieces::from(pieces);
    pieces.has_remaining().then_some(Part {
        pieces,
        event: event.is_some(),
    })
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
    /// Of the answer to a request in the journal.
    pub(super) fn entry(core: Arc<Core>, seq: u64, received: Instant) -> Self {
        Self {
            entry: Some((core, seq)),
            received,
            done: false,
        }
    }

    /// Of an answer that the journal does not tell of.
    pub(super) fn nothing() -> Self {
        Self {
            entry: None,
            received: Instant::now(),
            done: false,
        }
    }

    fn head(&self) {
        self.write(|entry, now| entry.stamps.head = Some(now));
    }

    /// An event was handed over.
    pub(super) fn event(&self) {
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
            });
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

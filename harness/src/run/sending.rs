//! Sends the request of a step in the way that the step says: watching holds, reading slowly, hanging up, or again
//! and again; and gathers what arrived upstream meanwhile.

use std::future::pending;
use std::time::Duration;

use futures_util::future::try_join;
use mock_server::journal::Entry;
use mock_server::provider::credential_label;
use tokio::time::Instant;

use crate::case::{DisconnectAfter, Poll, Step};
use crate::exchange::client::{Client, Manner, Pause};
use crate::exchange::mock::{Mock, MockError};
use crate::exchange::progress::Progress;
use crate::exchange::{Exchange, HoldSeen, Outcome, Polls, Received, Sent};
use crate::run::hold::Holds;
use crate::run::session::Session;
use crate::target::Target;

/// All polls of a step together take at most so many times the time limit of one answer.
const POLL_LIMITS: u32 = 4;
/// Who says `retry-after` is not waited for any longer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(5);
/// Answers before the last one are kept as long as they have no more bytes together.
const KEPT_BYTES: usize = 8 << 20;

/// A request on its way.
pub(super) struct Sending<'s> {
    client: &'s Client,
    step: &'s Step,
    sent: &'s Sent,
    token: &'s str,
    target: &'s Target,
    /// The mock, and what its journal had before.
    upstream: Option<(&'s Mock, u64)>,
    /// Nothing else runs meanwhile.
    alone: bool,
    /// The only credential whose calls count: the target may still be at work on a token that goes straight to the
    /// mock now.
    own_calls: Option<String>,
    holds: Holds,
    progress: Progress,
}

impl<'s> Sending<'s> {
    pub(super) fn of(
        session: &'s Session,
        step: &'s Step,
        sent: &'s Sent,
        token: &'s str,
        target: &'s Target,
        alone: bool,
        after: Option<u64>,
    ) -> Self {
        let is_direct = target.is_mock && !session.target.is_mock;
        Self {
            alone,
            own_calls: is_direct.then(|| credential_label(&session.mock_key.value)),
            client: &session.client,
            step,
            sent,
            token,
            target,
            upstream: session.mock.as_ref().zip(after),
            holds: Holds::of(step),
            progress: Progress::default(),
        }
    }

    /// What was seen of holds.
    pub(super) fn holds(&self) -> Vec<HoldSeen> {
        self.holds.seen()
    }

    /// The client stopped reading for a while.
    pub(super) fn has_paused(&self) -> bool {
        self.progress.has_paused()
    }

    /// Sends once, while holds are watched and opened, and hangs up when the case says so.
    pub(super) async fn send(&self) -> Result<Outcome, MockError> {
        let limit = self.target.hold_limit;
        let read = self.step.read;
        let manner = Manner {
            disconnect: self.step.disconnect.map(|disconnect| disconnect.after),
            pause: read.map(|read| Pause {
                after: read.pause_after,
                longest: limit,
            }),
            ..Manner::within(self.target.timeout)
        };
        let sending = self.client.send(self.sent, manner, &self.progress);
        let Some((mock, after)) = self.upstream else {
            return Ok(sending.await);
        };
        let aside = async {
            match manner.disconnect {
                Some(DisconnectAfter::Upstream) => {
                    let arrived = |entries: &[Entry]| !entries.is_empty();
                    let longest = self.target.timeout;
                    mock.wait_for(self.token, after, longest, arrived).await?;
                    Ok(Outcome::HungUp)
                }
                // The provider holds until the client is gone; a target that lets nothing through must not stall
                // the run.
                Some(_) if !self.holds.is_empty() => {
                    self.holds.stuck(mock, self.token, after, limit).await?;
                    Ok(Outcome::TimedOut)
                }
                Some(_) => pending().await,
                None => {
                    let events = self.progress.events();
                    let watching = self.holds.watch(mock, self.token, after, limit, events);
                    try_join(watching, self.resume(mock, after)).await?;
                    pending().await
                }
            }
        };
        tokio::select! {
            outcome = sending => Ok(outcome),
            outcome = aside => outcome,
        }
    }

    /// Lets a slow reader go on once the provider has handed everything over: nothing more can pile up. Who keeps the
    /// provider waiting is left alone until time is up.
    async fn resume(&self, mock: &Mock, after: u64) -> Result<(), MockError> {
        self.progress.paused().await;
        let longest = self.target.hold_limit;
        mock.wait_for(self.token, after, longest, are_over).await?;
        self.progress.resume();
        Ok(())
    }

    /// Sends again and again until the answer is as wanted, or enough is enough.
    pub(super) async fn poll(&self, poll: &Poll) -> Result<(Outcome, Polls), MockError> {
        let end = Instant::now() + self.target.timeout * POLL_LIMITS;
        let mut polls = Polls::default();
        let mut room = KEPT_BYTES;
        loop {
            let outcome = self.send().await?;
            polls.times += 1;
            let Outcome::Answer(answer) = &outcome else {
                return Ok((outcome, polls));
            };
            let whole = !answer.is_broken_off();
            let document = answer.document();
            let unmet = poll.until.unmet(answer.status, document.as_ref());
            polls.came = whole && unmet.is_none();
            let pause = poll.pause().max(told_to_wait(answer));
            let is_enough = polls.times >= poll.at_most || Instant::now() + pause > end;
            if polls.came || !whole || is_enough {
                return Ok((outcome, polls));
            }
            if let Some(left) = room.checked_sub(answer.body.len()) {
                room = left;
                polls.earlier.push(self.earlier(outcome));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// An exchange that another one follows: what arrives upstream is gathered once, at the end.
    fn earlier(&self, outcome: Outcome) -> Exchange {
        Exchange {
            token: self.token.to_owned(),
            sent: self.sent.clone(),
            outcome,
            images: Vec::new(),
            upstream: None,
            holds: Vec::new(),
            paused: false,
            polls: None,
        }
    }

    /// What arrived upstream; none without a mock.
    pub(super) async fn calls(&self) -> Result<Option<Vec<Entry>>, MockError> {
        let Some((mock, after)) = self.upstream else {
            return Ok(None);
        };
        let token = self.token;
        if self.step.disconnect.is_some() {
            // Until the target has let its own call go, or clearly does not.
            let longest = self.target.hold_limit;
            mock.wait_for(token, after, longest, are_over).await?;
            for _ in 0..self.holds.len() {
                mock.release(token).await?;
            }
            // Who keeps the call now has the whole answer.
            mock.wait_for(token, after, longest, are_over).await?;
        }
        let body = self.sent.body.as_ref();
        let carries_token = body.is_some_and(|body| contains(body, token.as_bytes()));
        let mut entries = if carries_token || self.step.goes_on() || !self.alone {
            mock.entries(token, after).await?
        } else {
            // Whatever arrives without a token while the case runs alone is its own.
            mock.all_entries(after).await?
        };
        entries.retain(|entry| {
            let credential = entry.credential.as_ref().map(|one| &one.label);
            let is_own = self.own_calls.as_ref().zip(credential);
            entry.token.as_deref().is_none_or(|other| other == token)
                && is_own.is_none_or(|(own, label)| own == label)
        });
        Ok(Some(entries))
    }
}

/// There are calls, and the answer of each was handed over, or nobody waits for it any longer.
fn are_over(entries: &[Entry]) -> bool {
    let is_over = |call: &Entry| {
        call.answer.is_some() && (call.stamps.end.is_some() || call.stamps.peer_gone.is_some())
    };
    !entries.is_empty() && entries.iter().all(is_over)
}

/// How long `retry-after` says to wait, if it says so in seconds.
fn told_to_wait(answer: &Received) -> Duration {
    let stated = answer.header("retry-after");
    let seconds = stated.and_then(|text| text.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or_default()).min(LONGEST_RETRY_AFTER)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

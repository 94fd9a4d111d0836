//! What a client tells while it reads an answer, and is told.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// Shared by the client and whoever watches it.
#[derive(Debug)]
pub struct Progress {
    events: watch::Sender<usize>,
    paused: watch::Sender<bool>,
    go_on: Notify,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            events: watch::Sender::new(0),
            paused: watch::Sender::new(false),
            go_on: Notify::new(),
        }
    }
}

impl Progress {
    /// How many events the client has.
    #[must_use]
    pub fn events(&self) -> watch::Receiver<usize> {
        self.events.subscribe()
    }

    /// The client has stopped reading, now or before.
    #[must_use]
    pub fn has_paused(&self) -> bool {
        *self.paused.borrow()
    }

    /// Returns once the client has stopped reading; never if it does not.
    pub async fn paused(&self) {
        let mut paused = self.paused.subscribe();
        // It cannot fail: the sender is here.
        let _ = paused.wait_for(|paused| *paused).await;
    }

    /// Lets the client read on.
    pub fn resume(&self) {
        self.go_on.notify_one();
    }

    pub(super) fn has_events(&self, count: usize) {
        self.events.send_replace(count);
    }

    /// Stops until somebody says [`resume`](Self::resume), or time is up.
    pub(super) async fn pause(&self, longest: Duration) {
        self.paused.send_replace(true);
        let _ = timeout(longest, self.go_on.notified()).await;
    }
}

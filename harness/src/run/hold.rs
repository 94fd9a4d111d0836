//! Watches holds: while the provider holds, the client must already have what was sent before.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mock_server::playbook::ScriptText;
use mock_server::wire::HoldPoint;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::case::{ClientHas, Step};
use crate::exchange::HoldSeen;
use crate::exchange::mock::{Mock, MockError};

/// Between two looks at the journal.
const PAUSE: Duration = Duration::from_millis(5);

/// The holds of one exchange and what was seen of them so far.
#[derive(Debug)]
pub(super) struct Holds {
    points: Vec<(HoldPoint, Option<ClientHas>)>,
    seen: Mutex<Vec<HoldSeen>>,
}

impl Holds {
    /// The holds of a step's script, each with what the client must have meanwhile.
    pub(super) fn of(step: &Step) -> Self {
        let wanted: Vec<ClientHas> = step
            .expect
            .stream
            .iter()
            .flat_map(|stream| stream.held.clone())
            .collect();
        let answers = step
            .upstream
            .iter()
            .flat_map(|ScriptText { answers }| answers);
        let points = answers.flat_map(|answer| &answer.hold).map(|point| {
            let wanted = wanted
                .iter()
                .find(|wanted| HoldPoint::BeforeEvent(wanted.before_event) == *point);
            (*point, wanted.copied())
        });
        let points: Vec<_> = points.collect();
        let seen = points.iter().filter_map(|(_, wanted)| *wanted);
        Self {
            seen: Mutex::new(seen.map(|wanted| HoldSeen { wanted, had: None }).collect()),
            points,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// How many holds there are.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> Vec<HoldSeen> {
        self.lock().clone()
    }

    /// Waits for each hold in turn, looks at what the client has, and opens it. Ends after the last one; the
    /// caller drops it when the answer is over before.
    pub(super) async fn watch(
        &self,
        mock: &Mock,
        token: &str,
        after: u64,
        limit: Duration,
        mut events: watch::Receiver<usize>,
    ) -> Result<(), MockError> {
        for (index, (_, wanted)) in self.points.iter().enumerate() {
            while reached(mock, token, after).await? <= index {
                tokio::time::sleep(PAUSE).await;
            }
            if let Some(wanted) = wanted {
                let enough = events.wait_for(|has| *has >= wanted.client_has);
                let _ = timeout(limit, enough).await;
                let had = *events.borrow();
                let mut seen = self.lock();
                if let Some(hold) = seen
                    .iter_mut()
                    .find(|hold| hold.wanted == *wanted && hold.had.is_none())
                {
                    hold.had = Some(had);
                }
            }
            mock.release(token).await?;
        }
        Ok(())
    }

    /// Returns once the first hold has lasted as long as `limit`.
    pub(super) async fn stuck(
        &self,
        mock: &Mock,
        token: &str,
        after: u64,
        limit: Duration,
    ) -> Result<(), MockError> {
        while reached(mock, token, after).await? == 0 {
            tokio::time::sleep(PAUSE).await;
        }
        tokio::time::sleep(limit).await;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<HoldSeen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn reached(mock: &Mock, token: &str, after: u64) -> Result<usize, MockError> {
    let entries = mock.entries(token, after).await?;
    Ok(entries.iter().map(|entry| entry.holds.len()).sum())
}

//! What happens during a run beside its cases: the gateway ends by itself, the target is reset.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::case::Instance;
use crate::run::CaseOutcome;
use crate::run::session::Session;
use crate::verdict::Verdict;

/// What happened during a run, beside its cases.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    /// The end of the gateway was told.
    is_told: AtomicBool,
    /// In sentences.
    notes: Mutex<BTreeSet<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// The outcome of an instance that cannot be sent to anybody: the gateway that was started has ended. The first
    /// one is an error, so that no face of the harness takes the run for a good one; the others are blocked.
    pub(super) fn without_gateway(&self, instance: &Instance) -> Option<CaseOutcome> {
        let status = self.gateway_ended()?;
        let verdict = match self.incidents.is_told.swap(true, Ordering::Relaxed) {
            false => Verdict::Error,
            true => Verdict::Blocked,
        };
        let reason = format!("the gateway has ended ({status}): nothing was sent");
        Some(CaseOutcome::without_evidence(instance, verdict, reason))
    }

    /// How the gateway that was started ended, if it did.
    pub(crate) fn gateway_ended(&self) -> Option<String> {
        self.keeper.gateway()?.ended()
    }

    /// The same as a sentence, with what it printed last.
    #[must_use]
    pub fn last_words(&self) -> Option<String> {
        let status = self.gateway_ended()?;
        let lines = self.keeper.gateway()?.last_lines();
        Some(format!(
            "the gateway ended during the run ({status}); {lines}"
        ))
    }

    /// Makes the target well again, where its file says how; what goes wrong is noted.
    pub(crate) async fn make_well(&self) {
        if let Some(reset) = &self.reset
            && let Err(problem) = reset.run(&self.client, &self.keeper).await
        {
            let note = format!("the reset of the target failed: {problem}");
            lock(&self.incidents.notes).insert(note);
        }
    }

    /// Everything that is to be said of the run beside its cases.
    #[must_use]
    pub fn all_notes(&self) -> Vec<String> {
        let incidents = lock(&self.incidents.notes).clone();
        let notes = self.notes.iter().cloned().chain(incidents);
        notes.chain(self.last_words()).collect()
    }
}

//! The fault lane. A fault can leave its mark on a target (a cooldown, an open circuit breaker), and what fails
//! while it lasts is not judged: good requests, the sentinels, tell whether the target is well.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::case::Instance;
use crate::run::plan::sentinel;
use crate::run::session::Session;
use crate::run::{CaseOutcome, Money};
use crate::verdict::Verdict;

/// Between two tries of a sentinel.
const PAUSE: Duration = Duration::from_millis(500);
/// Sentinels have repetitions of their own, and so tokens.
const FIRST_REPETITION: u32 = 1 << 30;

/// Runs fault cases one at a time, between sentinels.
#[derive(Debug, Default)]
pub struct FaultLane {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    begun: bool,
    /// Cases since a sentinel last passed.
    since: usize,
    /// The sentinel that failed until the end of the cooldown.
    unwell: Option<CaseOutcome>,
    sentinels: u32,
    money: Money,
}

impl FaultLane {
    /// Runs a fault case. The first one after a passing sentinel is judged as usual; a later one that fails
    /// before a sentinel whose first try fails is `contaminated`; behind a target that stays unwell everything is
    /// `blocked`.
    pub async fn run(&self, session: &Session, instance: &Instance) -> CaseOutcome {
        if session.applies(instance).is_err() {
            return session.run(instance).await;
        }
        let mut state = self.state.lock().await;
        if !std::mem::replace(&mut state.begun, true) {
            state.wait_until_well(session).await;
        }
        if let Some(sentinel) = &state.unwell {
            let reason = format!("the target stayed unwell: {} fails", sentinel.id);
            return CaseOutcome::without_evidence(instance, Verdict::Blocked, reason);
        }
        let mut outcome = session.run(instance).await;
        state.since += 1;
        let known = outcome.verdict == Verdict::ExpectedFail;
        if known || matches!(outcome.verdict, Verdict::Untestable | Verdict::Fail) {
            let later = state.since > 1;
            let well_at_once = state.wait_until_well(session).await;
            if later && !well_at_once && !known {
                outcome.verdict = Verdict::Contaminated;
                outcome.reason =
                    Some("it failed while the target was unwell after an earlier fault".to_owned());
            }
        }
        outcome
    }

    /// What the sentinels asked for and got.
    pub async fn money(&self) -> Money {
        self.state.lock().await.money
    }

    /// Looks once more, where a fault case ran; gives the sentinel if the target is not well.
    pub async fn end(&self, session: &Session) -> Option<(Instance, CaseOutcome)> {
        let mut state = self.state.lock().await;
        if state.begun && state.unwell.is_none() && state.since > 0 {
            state.wait_until_well(session).await;
        }
        let mut outcome = state.unwell.take()?;
        // It is counted with the other sentinels.
        outcome.money = Money::default();
        Some((sentinel(&session.catalog, &session.target)?, outcome))
    }
}

impl State {
    /// Sends sentinels until one passes or the cooldown is over; says whether the first one passed. After the first
    /// failure the target is reset, where its file says how. A profile without a sentinel is always well.
    async fn wait_until_well(&mut self, session: &Session) -> bool {
        let Some(instance) = sentinel(&session.catalog, &session.target) else {
            return true;
        };
        let begun = Instant::now();
        let mut first = true;
        loop {
            self.sentinels += 1;
            let repetition = FIRST_REPETITION + self.sentinels;
            let outcome = session.once(&instance, repetition).await;
            self.money += outcome.money;
            if is_well(&outcome) {
                self.since = 0;
                return first;
            }
            let was_first = std::mem::replace(&mut first, false);
            if was_first && session.reset.is_some() {
                session.make_well().await;
                continue;
            }
            let is_over = begun.elapsed() >= session.target.cooldown;
            if is_over || session.gateway_ended().is_some() {
                self.unwell = Some(outcome);
                return false;
            }
            tokio::time::sleep(PAUSE.min(session.target.cooldown)).await;
        }
    }
}

/// Whether the request was answered. What else may be wrong with the answer is for the cases to say.
fn is_well(outcome: &CaseOutcome) -> bool {
    let status = |finding: &&crate::check::Finding| finding.id == "status";
    match outcome.findings.iter().find(status) {
        Some(finding) => finding.verdict == Verdict::Pass,
        None => !outcome.verdict.is_failure(),
    }
}

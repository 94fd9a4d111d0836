//! What the trials of a suite share: the sessions, and what came of the trials that ran.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Completion, Failed};
use tokio::runtime::Runtime;
use tokio::sync::RwLock;

use crate::case::{Instance, Pattern};
use crate::cli::ReportRequest;
use crate::report::{self, Reporting};
use crate::run::CaseOutcome;
use crate::run::engine::summarize;
use crate::run::event::Event;
use crate::run::plan::{Lane, Selection, is_quiet, lane, select};
use crate::run::session::Session;
use crate::run::setup::Running;
use crate::suite::{Stopped, variable};
use crate::verdict::{Exit, Verdict};

/// What the trials share.
pub(super) struct Stage {
    runtime: Runtime,
    sessions: BTreeMap<String, Running>,
    /// Cases that need quiet run alone.
    quiet: RwLock<()>,
    outcomes: Mutex<Vec<(String, Instance, CaseOutcome)>>,
}

impl Stage {
    /// Nothing has run yet; `sessions` are by profile.
    pub(super) fn new(runtime: Runtime, sessions: BTreeMap<String, Running>) -> Self {
        Self {
            runtime,
            sessions,
            quiet: RwLock::new(()),
            outcomes: Mutex::default(),
        }
    }

    /// Runs one trial.
    pub(super) fn run(&self, profile: &str, instance: &Instance) -> Result<Completion, Failed> {
        let running = self
            .sessions
            .get(profile)
            .ok_or("the session was not started")?;
        let session = &running.session;
        let outcome = self.runtime.block_on(async {
            if let Some(reason) = self.blocked(session, instance).await {
                return CaseOutcome::without_evidence(instance, Verdict::Blocked, reason);
            }
            self.run_one(session, instance).await
        });
        let result = judged(session, &outcome);
        self.lock()
            .push((profile.to_owned(), instance.clone(), outcome));
        result
    }

    async fn run_one(&self, session: &Session, instance: &Instance) -> CaseOutcome {
        if lane(instance) == Lane::Fault {
            let _alone = self.quiet.write().await;
            return session.faults.run(session, instance).await;
        }
        if is_quiet(instance) {
            let _alone = self.quiet.write().await;
            return session.run(instance).await;
        }
        let _together = self.quiet.read().await;
        session.run(instance).await
    }

    /// A trial runs its prerequisites itself: it may be the only one in its process.
    async fn blocked(&self, session: &Session, instance: &Instance) -> Option<String> {
        for case in &instance.case.depends_on {
            let pattern = Pattern::parse(case).ok()?;
            let selection = Selection {
                cases: vec![pattern],
                ..Selection::default()
            };
            for prerequisite in select(&session.catalog, &session.target, &selection) {
                let outcome = self.run_one(session, &prerequisite).await;
                if outcome.verdict.blocks() {
                    return Some(format!("it depends on {case}, which did not pass"));
                }
            }
        }
        None
    }

    /// Writes the report that the environment asks for.
    pub(super) fn report(&self) -> Result<(), Stopped> {
        let Some(wanted) = variable("CONFORMANCE_REPORT") else {
            return Ok(());
        };
        let outcomes = std::mem::take(&mut *self.lock());
        let Some((profile, running)) = self.sessions.iter().next() else {
            return Ok(());
        };
        let own = outcomes.into_iter().filter(|(of, ..)| of == profile);
        let own: Vec<_> = own
            .map(|(_, instance, outcome)| (instance, outcome))
            .collect();
        write_report(&wanted, &running.session, &own)
            .map_err(|error| Stopped(Exit::Error, format!("CONFORMANCE_REPORT={wanted}: {error}")))
    }

    /// Why the run proves less than it seems to: a gateway ended before its time.
    pub(super) fn gone(&self) -> Option<String> {
        let mut sessions = self.sessions.values();
        sessions.find_map(|running| running.session.last_words())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, Instance, CaseOutcome)>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn judged(session: &Session, outcome: &CaseOutcome) -> Result<Completion, Failed> {
    if outcome.verdict.is_failure() {
        return Err(report::describe(&session.context(1, RERUN), outcome).into());
    }
    match outcome.verdict {
        Verdict::Pass | Verdict::Warn | Verdict::Flaky | Verdict::ExpectedFail => {
            Ok(Completion::Completed)
        }
        _ => Ok(Completion::ignored_with(
            outcome.reason.clone().unwrap_or_default(),
        )),
    }
}

/// Begins the command that runs a case again; the report adds the case.
const RERUN: &str = "image-harness run";

/// Writes one report of everything that ran.
fn write_report(
    wanted: &str,
    session: &Session,
    runs: &[(Instance, CaseOutcome)],
) -> Result<(), String> {
    let context = Arc::new(session.context(runs.len(), RERUN));
    let mut reporting = Reporting::new();
    let request: ReportRequest = wanted.parse()?;
    reporting.add(
        wanted,
        request.open(&context).map_err(|error| error.to_string())?,
    );
    reporting.event(&Event::Started(&context.header));
    for (_, outcome) in runs {
        reporting.event(&Event::Finished(outcome));
    }
    let runs = runs.iter().map(|(instance, outcome)| (instance, outcome));
    reporting.event(&Event::Ended(&summarize(session, runs)));
    reporting
        .finish()
        .into_iter()
        .next()
        .map_or(Ok(()), |error| Err(error.to_string()))
}

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
        let mut by_profile: BTreeMap<String, Vec<(Instance, CaseOutcome)>> = BTreeMap::new();
        for (profile, instance, outcome) in std::mem::take(&mut *self.lock()) {
            by_profile
                .entry(profile)
                .or_default()
                .push((instance, outcome));
        }
        for (profile, runs) in by_profile {
            let Some(running) = self.sessions.get(&profile) else {
                continue;
            };
            let session = &running.session;
            let several = self.sessions.len() > 1;
            let own = place(
                &wanted,
                several.then_some(session.target.profile.id.as_str()),
                // Each process of nextest has one trial: none may overwrite what another wrote.
                variable("NEXTEST").and(runs.first().map(|(instance, _)| instance.id.as_str())),
            );
            write_report(&own, session, &runs).map_err(|error| {
                Stopped(Exit::Error, format!("CONFORMANCE_REPORT={wanted}: {error}"))
            })?;
        }
        Ok(())
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

/// Where one of several reports is written: before the ending stand the profile and the case.
fn place(wanted: &str, profile: Option<&str>, case: Option<&str>) -> String {
    let case = case.map(|id| {
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name: String = id.chars().map(|c| if legal(c) { c } else { '_' }).collect();
        let hash = mock_server::provider::hex_sha256(id.as_bytes());
        format!("{name}-{}", &hash[..8])
    });
    let (stem, ending) = match wanted.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') => (stem, format!(".{ending}")),
        _ => (wanted, String::new()),
    };
    let parts = profile.map(str::to_owned).into_iter().chain(case);
    let parts: String = parts.map(|part| format!(".{part}")).collect();
    format!("{stem}{parts}{ending}")
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

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn no_report_is_overwritten_by_another() {
        assert_eq!(place("json=a/r.json", None, None), "json=a/r.json");
        assert_eq!(
            place("json=a/r.json", Some("router"), None),
            "json=a/r.router.json"
        );
        assert_eq!(
            place("json=a.b/r", None, Some("a/b/c@n=1")),
            "json=a.b/r.a_b_c_n_1-c7691d21"
        );
        assert_ne!(
            place("r", None, Some("a/b@n=1")),
            place("r", None, Some("a/b@n_1"))
        );
    }
}

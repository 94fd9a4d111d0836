//! Runs a plan lane by lane and tells what happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::case::{Credential, Instance};
use crate::exchange::Outcome;
use crate::run::event::{Event, Summary};
use crate::run::plan::{Lane, is_quiet, lane};
use crate::run::session::Session;
use crate::run::{CaseOutcome, Coverage, Money};
use crate::verdict::{Exit, Verdict};

/// How a plan is run.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// So many instances at a time.
    pub jobs: usize,
    /// Nothing is begun after the first failure.
    pub fail_fast: bool,
}

/// Runs instances and tells of each as it ends. The order of events within a lane is the order of endings.
pub async fn run(
    session: &Arc<Session>,
    instances: &[Instance],
    pace: Pace,
    mut tell: impl FnMut(&Event<'_>),
) -> Summary {
    let begun = Instant::now();
    let mut tally = Tally::default();
    for lane_now in [Lane::Good, Lane::Refusal, Lane::Fault] {
        let (alone, together): (Vec<_>, Vec<_>) = instances
            .iter()
            .filter(|instance| lane(instance) == lane_now)
            .partition(|instance| is_quiet(instance));
        let resets = session
            .reset
            .as_ref()
            .is_some_and(|reset| reset.between_lanes);
        if resets && lane_now != Lane::Good && !(alone.is_empty() && together.is_empty()) {
            session.make_well().await;
        }
        // A fault may leave its mark on the target: what comes next must not be judged while it does.
        let jobs = if lane_now == Lane::Fault {
            1
        } else {
            pace.jobs
        };
        for (batch, jobs) in [(together, jobs), (alone, 1)] {
            if tally.failed && pace.fail_fast {
                break;
            }
            run_batch(session, &batch, jobs, pace.fail_fast, &mut tally, &mut tell).await;
        }
    }
    if let Some((instance, outcome)) = session.faults.end(session).await {
        tally.add(&instance, &outcome);
        tell(&Event::Finished(&outcome));
    }
    tally.money += session.faults.money().await;
    let summary = tally.summary(session, begun);
    tell(&Event::Ended(&summary));
    summary
}

/// What a set of finished instances amounts to.
#[must_use]
pub fn summarize<'r>(
    session: &Session,
    runs: impl IntoIterator<Item = (&'r Instance, &'r CaseOutcome)>,
) -> Summary {
    let begun = Instant::now();
    let mut tally = Tally::default();
    for (instance, outcome) in runs {
        tally.add(instance, outcome);
    }
    tally.summary(session, begun)
}

async fn run_batch(
    session: &Arc<Session>,
    batch: &[&Instance],
    jobs: usize,
    fail_fast: bool,
    tally: &mut Tally,
    tell: &mut impl FnMut(&Event<'_>),
) {
    let mut waiting: Vec<Instance> = batch.iter().map(|instance| (*instance).clone()).collect();
    let mut under_way: Vec<String> = Vec::new();
    let mut running = JoinSet::new();
    loop {
        while running.len() < jobs.max(1) && !(fail_fast && tally.failed) {
            let Some(instance) = next(&mut waiting, &under_way) else {
                break;
            };
            under_way.push(instance.case.id.to_string());
            let session = Arc::clone(session);
            let blocked = tally.blocked(&instance);
            running.spawn(async move {
                let outcome = match blocked {
                    Some(reason) => {
                        CaseOutcome::without_evidence(&instance, Verdict::Blocked, reason)
                    }
                    None if lane(&instance) == Lane::Fault => {
                        session.faults.run(&session, &instance).await
                    }
                    None => session.run(&instance).await,
                };
                (instance, outcome)
            });
        }
        match running.join_next().await {
            None => return,
            Some(Ok((instance, outcome))) => {
                let over = under_way
                    .iter()
                    .position(|case| *case == instance.case.id.as_str());
                over.map(|at| under_way.swap_remove(at));
                tally.add(&instance, &outcome);
                tell(&Event::Finished(&outcome));
            }
            // A panic of ours: the case would be lost in silence otherwise.
            Some(Err(error)) => tally.panicked(&error.to_string()),
        }
    }
}

/// The first instance that waits for nobody: what it depends on is neither waiting nor under way. Cases that
/// depend on each other in a ring wait for nobody.
fn next(waiting: &mut Vec<Instance>, under_way: &[String]) -> Option<Instance> {
    let is_open = |case: &String| {
        under_way.contains(case) || waiting.iter().any(|other| other.case.id.as_str() == case)
    };
    let ready = waiting
        .iter()
        .position(|instance| !instance.case.depends_on.iter().any(is_open));
    let ring = || (under_way.is_empty() && !waiting.is_empty()).then_some(0);
    ready.or_else(ring).map(|at| waiting.remove(at))
}

#[derive(Default)]
struct Tally {
    verdicts: BTreeMap<Verdict, usize>,
    worst_of_case: BTreeMap<String, Verdict>,
    money: Money,
    failed: bool,
    answers: usize,
    unauthorized: usize,
    refused_good_keys: bool,
    awaited_calls: bool,
    calls: usize,
    /// Requirements that some check judged.
    judged: BTreeSet<String>,
    notes: Vec<String>,
}

impl Tally {
    fn add(&mut self, instance: &Instance, outcome: &CaseOutcome) {
        *self.verdicts.entry(outcome.verdict).or_default() += 1;
        let worst = self
            .worst_of_case
            .entry(instance.case.id.to_string())
            .or_default();
        *worst = (*worst).max(outcome.verdict);
        self.money += outcome.money;
        self.failed |= outcome.verdict.is_failure();
        let seen = outcome.findings.iter();
        let seen = seen.filter(|finding| finding.verdict != Verdict::Untestable);
        self.judged
            .extend(seen.map(|finding| finding.requirement.clone()));
        for step in &outcome.steps {
            self.awaited_calls |= step.step.awaits_call();
            for exchange in &step.exchanges {
                self.calls += exchange.calls().len();
                if let Outcome::Answer(answer) = &exchange.outcome {
                    self.answers += 1;
                    let key_is_good = !matches!(
                        step.step.request.credential,
                        Credential::Invalid | Credential::None
                    );
                    self.unauthorized += usize::from(answer.status == 401);
                    self.refused_good_keys |= answer.status == 401 && key_is_good;
                }
            }
        }
    }

    fn panicked(&mut self, error: &str) {
        *self.verdicts.entry(Verdict::Error).or_default() += 1;
        self.failed = true;
        self.notes
            .push(format!("a case could not be judged: {error}"));
    }

    /// Why an instance cannot be judged because of what it depends on.
    fn blocked(&self, instance: &Instance) -> Option<String> {
        let unmet = |case: &&String| {
            let worst = self.worst_of_case.get(*case);
            worst.is_some_and(|worst| worst.blocks())
        };
        let unmet = instance.case.depends_on.iter().find(unmet)?;
        Some(format!("it depends on {unmet}, which did not pass"))
    }

    fn coverage(&self, session: &Session) -> Coverage {
        let promised = session.catalog.requirements.keys();
        let promised = promised.filter(|id| session.target.profile.promises(id));
        let (mut judged, mut all) = (0, 0);
        for id in promised {
            all += 1;
            judged += usize::from(self.judged.contains(id));
        }
        Coverage {
            judged,
            promised: all,
        }
    }

    fn summary(mut self, session: &Session, begun: Instant) -> Summary {
        let verdicts = self
            .verdicts
            .iter()
            .flat_map(|(verdict, count)| std::iter::repeat_n(*verdict, *count));
        let mut exit = Exit::of(verdicts);
        if exit != Exit::Nothing && self.refused_good_keys && self.unauthorized == self.answers {
            exit = Exit::Error;
            self.notes.push(
                "every answer was 401: the target does not take the key that it was called with"
                    .to_owned(),
            );
        }
        // A target whose probe arrived is connected: that nothing else arrives is its own fault.
        let unproved = session.mock.is_some() && !session.connected;
        if exit != Exit::Nothing && unproved && self.awaited_calls && self.calls == 0 {
            exit = Exit::Error;
            self.notes.push(format!(
                "no call arrived upstream: is the target's upstream {}?",
                session.upstream_url
            ));
        }
        let coverage = self.coverage(session);
        if exit == Exit::Good && coverage.judged == 0 {
            exit = Exit::Error;
            self.notes
                .push("no requirement was judged: the run proves nothing".to_owned());
        }
        if session.gateway_ended().is_some() {
            exit = Exit::Error;
        }
        self.notes.extend(session.all_notes());
        Summary {
            coverage,
            counts: self.verdicts.into_iter().collect(),
            money: self.money,
            exit,
            notes: self.notes,
            took: begun.elapsed(),
        }
    }
}

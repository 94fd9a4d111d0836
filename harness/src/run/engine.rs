//! Runs a plan lane by lane and tells what happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::case::Instance;
use crate::exchange::Outcome;
use crate::run::event::{Event, Summary};
use crate::run::plan::{Lane, is_quiet, lane};
use crate::run::session::Session;
use crate::run::{CaseOutcome, Money};
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
    let mut waiting = batch.iter().map(|instance| (*instance).clone());
    let mut running = JoinSet::new();
    loop {
        while running.len() < jobs.max(1) && !(fail_fast && tally.failed) {
            let Some(instance) = waiting.next() else {
                break;
            };
            let session = Arc::clone(session);
            let blocked = tally.blocked(&instance);
            running.spawn(async move {
                let outcome = match blocked {
                    Some(reason) => {
                        CaseOutcome::without_evidence(&instance, Verdict::Blocked, reason)
                    }
                    None => session.run(&instance).await,
                };
                (instance, outcome)
            });
        }
        match running.join_next().await {
            None => return,
            Some(Ok((instance, outcome))) => {
                tally.add(&instance, &outcome);
                tell(&Event::Finished(&outcome));
            }
            // A panic of ours: the case would be lost in silence otherwise.
            Some(Err(error)) => tally.panicked(&error.to_string()),
        }
    }
}

#[derive(Default)]
struct Tally {
    verdicts: BTreeMap<Verdict, usize>,
    worst_of_case: BTreeMap<String, Verdict>,
    money: Money,
    failed: bool,
    answers: usize,
    unauthorized: usize,
    expected_calls: bool,
    calls: usize,
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
        for step in &outcome.steps {
            self.expected_calls |=
                !step.step.expect.upstream.is_empty() || step.step.upstream.is_some();
            for exchange in &step.exchanges {
                self.calls += exchange.calls().len();
                if let Outcome::Answer(answer) = &exchange.outcome {
                    self.answers += 1;
                    let unexpected = answer.status == 401
                        && !matches!(
                            step.step.request.credential,
                            crate::case::Credential::Invalid | crate::case::Credential::None
                        );
                    self.unauthorized += usize::from(unexpected);
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
            self.worst_of_case
                .get(*case)
                .is_some_and(|worst| !matches!(worst, Verdict::Pass | Verdict::Warn))
        };
        let unmet = instance.case.depends_on.iter().find(unmet)?;
        Some(format!("it depends on {unmet}, which did not pass"))
    }

    fn summary(mut self, session: &Session, begun: Instant) -> Summary {
        let verdicts = self
            .verdicts
            .iter()
            .flat_map(|(verdict, count)| std::iter::repeat_n(*verdict, *count));
        let mut exit = Exit::of(verdicts);
        if exit != Exit::Nothing && self.answers > 0 && self.unauthorized == self.answers {
            exit = Exit::Error;
            self.notes.push(
                "every answer was 401: the target does not take the key that it was called with"
                    .to_owned(),
            );
        }
        if exit != Exit::Nothing && session.mock.is_some() && self.expected_calls && self.calls == 0
        {
            exit = Exit::Error;
            self.notes.push(format!(
                "no call arrived upstream: is the target's upstream {}?",
                session.upstream_url
            ));
        }
        Summary {
            counts: self.verdicts.into_iter().collect(),
            money: self.money,
            exit,
            notes: self.notes,
            took: begun.elapsed(),
        }
    }
}

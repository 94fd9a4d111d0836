//! A session: one target, one mock, everything that is needed to run a case and judge it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::case::{Credential, Instance, Step, variables};
use crate::catalog::Catalog;
use crate::check::{Finding, Schemas, judge};
use crate::exchange::client::Client;
use crate::exchange::mock::Mock;
use crate::exchange::{Evidence, Exchange, StepEvidence, asked};
use crate::expectation::Expectations;
use crate::recording::Judge;
use crate::redact::Redactor;
use crate::report::Context;
use crate::run::applies::{Means, applies};
use crate::run::event::Header;
use crate::run::incident::Incidents;
use crate::run::lane::FaultLane;
use crate::run::observe::Stop;
use crate::run::process::{Keeper, Reset};
use crate::run::{CaseOutcome, Money, own};
use crate::snapshot::Store;
use crate::target::{DEFAULT_TIMEOUT, Secret, Target};
use crate::verdict::Verdict;

/// One target, one mock, and what judges them.
pub struct Session {
    /// What can be run.
    pub catalog: Catalog,
    /// Against what.
    pub target: Target,
    /// The upstream, none with a real provider behind the target.
    pub mock: Option<Mock>,
    /// The mock as the target sees it.
    pub upstream_url: String,
    /// Failures that are known.
    pub expectations: Expectations,
    /// What is to be said of the run beside its cases.
    pub notes: Vec<String>,
    /// What targets did before.
    pub snapshots: Store,
    /// How often each instance is run.
    pub repeat: u32,
    /// Fixes tokens.
    pub seed: u64,
    /// Slow cases were asked for.
    pub slow: bool,
    /// Requests may cost money.
    pub paid: bool,
    /// The probe proved that the mock is the target's upstream.
    pub connected: bool,
    /// Where faults are run.
    pub faults: FaultLane,
    /// A key that the mock takes.
    pub(crate) mock_key: Secret,
    /// What makes the target well again.
    pub(crate) reset: Option<Reset>,
    /// What was started for the run.
    pub(crate) keeper: Arc<Keeper>,
    /// What happened during the run, beside its cases.
    pub(crate) incidents: Incidents,
    pub(crate) client: Client,
    pub(crate) schemas: Schemas,
    pub(crate) provider_forms: Judge,
}

impl Session {
    /// Whether an instance applies; the error says why not.
    ///
    /// # Errors
    /// Why it does not apply.
    pub fn applies(&self, instance: &Instance) -> Result<(), String> {
        let means = Means {
            upstream: self.mock.is_some(),
            slow: self.slow,
            paid: self.paid,
        };
        applies(instance, &self.target, means)
    }

    /// Runs an instance, as often as wanted, and judges it. Before a failure is reported, the same steps run
    /// straight against the mock: a check that fails there too is our error. Then the expectations are looked at.
    pub async fn run(&self, instance: &Instance) -> CaseOutcome {
        let begun = Instant::now();
        let mut outcome = match self.applies(instance) {
            Err(reason) => CaseOutcome::without_evidence(instance, Verdict::NotApplicable, reason),
            Ok(()) => match self.without_gateway(instance) {
                Some(outcome) => outcome,
                None => self.repeated(instance).await,
            },
        };
        self.expectations.judge(instance, &mut outcome);
        outcome.took = begun.elapsed();
        outcome
    }

    /// The worst of all repetitions; what comes out now this way and now that is a failure that says so.
    async fn repeated(&self, instance: &Instance) -> CaseOutcome {
        let mut worst = self.once(instance, 0).await;
        let mut good = usize::from(!worst.verdict.is_failure());
        for repetition in 1..self.repeat {
            let outcome = self.once(instance, repetition).await;
            good += usize::from(!outcome.verdict.is_failure());
            let money = worst.money;
            if outcome.verdict > worst.verdict {
                worst = outcome;
                worst.money += money;
            } else {
                worst.money += outcome.money;
            }
        }
        let all = usize::try_from(self.repeat.max(1)).unwrap_or(usize::MAX);
        if good > 0 && good < all && worst.verdict < Verdict::Error {
            worst.verdict = Verdict::Fail;
            worst.reason = Some(format!("it failed in {} of {all} repetitions", all - good));
        }
        worst
    }

    /// Runs an instance once; no expectation is looked at.
    pub(super) async fn once(&self, instance: &Instance, repetition: u32) -> CaseOutcome {
        let mut outcome = self.observe_and_judge(instance, repetition).await;
        let context = || self.context(1, "image-harness run");
        // A repetition has a token of its own, and so other pictures than those that were kept.
        let kept = self.snapshots.of(self.seed).filter(|_| repetition == 0);
        if let Some(Err(error)) = kept.map(|kept| kept.judge(context, &mut outcome)) {
            outcome.verdict = Verdict::Error;
            outcome.reason = Some(format!("the snapshots cannot be used: {error}"));
        }
        outcome
    }

    /// What reports know of a run in this session; `rerun` begins a command that runs a case again.
    #[must_use]
    pub fn context(&self, instances: usize, rerun: &str) -> Context {
        Context {
            header: Header {
                target: self.target.name.clone(),
                profile: self.target.profile.id.clone(),
                requirements: self.catalog.set.clone(),
                instances,
                rerun: rerun.to_owned(),
            },
            requirements: self.catalog.requirements.clone(),
            redactor: Redactor::of(&self.target),
            trace: false,
        }
    }

    /// Runs the steps against the target and, where something can be learnt from it, straight against the mock;
    /// judges both.
    async fn observe_and_judge(&self, instance: &Instance, repetition: u32) -> CaseOutcome {
        let mut evidence = Evidence::of(instance, &self.target);
        let stopped = self.observe(&mut evidence, repetition).await.err();
        let native = self.native_target(instance, &evidence.steps);
        if let Some(native) = &native {
            let mut direct = Evidence::of(instance, native);
            // What cannot be sent or looked up there is simply not compared.
            let unseen = self.observe(&mut direct, repetition).await.err();
            tracing::debug!(?unseen, instance = instance.id, "straight to the mock");
            evidence.direct = Some(Box::new(direct));
        }
        self.forget(&evidence).await;
        let mut findings = judge(&evidence, &self.catalog.requirements, &self.schemas);
        if let Some(direct) = evidence.direct.as_deref() {
            self.control(direct, &mut findings);
            findings.extend(own::malformed(&self.provider_forms, direct));
        }
        let (verdict, reason) = conclude(&findings, stopped.as_ref());
        CaseOutcome {
            id: instance.id.clone(),
            summary: instance.case.summary.clone(),
            verdict,
            reason,
            excuse: None,
            findings,
            money: money(&evidence.steps),
            steps: evidence.steps,
            took: std::time::Duration::ZERO,
        }
    }

    /// What fails straight against the mock, too, is our error and not the target's. Only what the provider itself
    /// owes can be seen there.
    fn control(&self, direct: &Evidence<'_>, findings: &mut [Finding]) {
        let owed = |finding: &&mut Finding| {
            let step = direct.steps.get(finding.step).map(|step| &step.step);
            finding.verdict == Verdict::Fail
                && step.is_some_and(all_ok)
                && !finding.id.contains("upstream.")
                && (finding.requirement.starts_with("law.")
                    || direct.target.profile.promises(&finding.requirement))
        };
        let mut suspects: Vec<_> = findings.iter_mut().filter(owed).collect();
        if suspects.is_empty() {
            return;
        }
        let judged = judge(direct, &self.catalog.requirements, &self.schemas);
        for suspect in &mut suspects {
            let same = |finding: &&Finding| {
                finding.id == suspect.id
                    && finding.requirement == suspect.requirement
                    && finding.verdict == Verdict::Fail
            };
            if judged.iter().any(|finding| same(&finding)) {
                suspect.verdict = Verdict::Error;
                let mut mismatch = suspect.mismatch.take().unwrap_or_default();
                mismatch.message.push_str(
                    " (and straight against the mock, too: this is an error of the harness)",
                );
                suspect.mismatch = Some(mismatch);
            }
        }
    }

    /// The mock as a target of its own, by the face of the provider behind the case's model, with the native names
    /// of the models; none where every step has a fault of the provider's, which is the profile's to judge.
    fn native_target(&self, instance: &Instance, steps: &[StepEvidence]) -> Option<Target> {
        if self.target.is_mock || !steps.iter().any(|step| all_ok(&step.step)) {
            return None;
        }
        let mock = self.mock.as_ref()?;
        let models = &self.target.profile.models;
        let named = variables(&instance.case.steps, "models.")
            .into_iter()
            .next();
        let named = named
            .as_deref()
            .and_then(|name| name.strip_prefix("models."));
        let named = instance.model.as_deref().or(named);
        let model = named.and_then(|key| models.get(key));
        let provider = &model.or_else(|| models.values().next())?.upstream.provider;
        // Without the requirements that users bring: nobody knows whether the provider owes them, too.
        let mut profile = self.catalog.profiles.get(provider)?.clone();
        profile.models.clone_from(&self.target.profile.models);
        for model in profile.models.values_mut() {
            model.name.clone_from(&model.upstream.model);
            model.fault_name = None;
        }
        let key = self.mock_key.clone();
        let mut native = Target::of_url(mock.url(), profile, key.clone());
        // Who asks is the target's business: the provider knows one customer.
        for credential in native_roles(&self.target) {
            native.credentials.insert(credential, key.clone());
        }
        native.body.clone_from(&self.target.body);
        // A target that must be quick says nothing of the mock on a busy machine.
        native.timeout = self.target.timeout.max(DEFAULT_TIMEOUT);
        native.hold_limit = self.target.hold_limit;
        native.is_mock = true;
        native.policies.shared_key = true;
        Some(native)
    }
}

impl CaseOutcome {
    /// An instance that was not run.
    #[must_use]
    pub fn without_evidence(instance: &Instance, verdict: Verdict, reason: String) -> Self {
        Self {
            id: instance.id.clone(),
            summary: instance.case.summary.clone(),
            verdict,
            reason: Some(reason),
            excuse: None,
            findings: Vec::new(),
            steps: Vec::new(),
            money: Money::default(),
            took: std::time::Duration::ZERO,
        }
    }
}

/// The roles of a target that stand for a customer with rights.
fn native_roles(target: &Target) -> impl Iterator<Item = Credential> {
    let roles = target.credentials.keys().copied();
    roles.filter(|role| *role != Credential::Invalid)
}

/// The worst of all findings, unless something else decides.
fn conclude(findings: &[Finding], stopped: Option<&Stop>) -> (Verdict, Option<String>) {
    let verdicts = findings.iter().map(|finding| finding.verdict);
    let worst = verdicts.max().unwrap_or_default();
    match stopped {
        Some(Stop::Unsendable(why)) if worst < Verdict::Untestable => {
            (Verdict::Untestable, Some(why.clone()))
        }
        Some(Stop::Unsendable(_)) => (worst, None),
        Some(error) => (Verdict::Error, Some(error.to_string())),
        None if findings.is_empty() => {
            let reason = "no check judged anything".to_owned();
            (Verdict::Error, Some(reason))
        }
        None => (worst, None),
    }
}

/// Whether nothing but success is asked of the provider.
pub(super) fn all_ok(step: &Step) -> bool {
    let answers = step.upstream.iter().flat_map(|script| &script.answers);
    answers
        .map(|answer| answer.directive.split('*').next().unwrap_or_default())
        .all(|directive| directive == "ok")
}

fn money(steps: &[StepEvidence]) -> Money {
    let mut money = Money::default();
    // A call belongs to several steps where one goes on with another; the later one knows more of it.
    let mut made = BTreeMap::new();
    let exchanges = steps.iter().flat_map(|step| {
        let exchanges = step.exchanges.iter();
        exchanges.map(|exchange| (&step.step, exchange))
    });
    for (step, exchange) in exchanges {
        if exchange.sent.method == "POST" {
            money.asked += asked_for(step, exchange);
        }
        made.extend(exchange.calls().iter().filter_map(|call| {
            let answer = call.answer.as_ref()?;
            Some((call.seq, answer.summary.images.len() as u64))
        }));
        money.delivered += exchange.final_images().count() as u64;
    }
    money.made = made.values().sum();
    money
}

/// How many images the requests of an exchange asked for. Who polls asks for none, unless each request is one for
/// images itself.
fn asked_for(step: &Step, exchange: &Exchange) -> u64 {
    let once = asked::images(&step.request, &exchange.sent);
    match &exchange.polls {
        None => once,
        Some(_) if step.request.operation.is_none() => 0,
        Some(polls) => once * polls.times as u64,
    }
}

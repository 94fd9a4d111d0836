//! The right servers: what every case says of them, to be held against what it says of the wrong ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use harness::case::Instance;
use harness::check::Finding;
use harness::run::engine::{self, Pace};
use harness::run::event::Event;
use harness::run::plan::{Selection, select};
use harness::run::setup::{self, Changes, Options, Running};
use harness::verdict::Verdict;
use mutation::{Mutant, On};

/// What a right server did.
pub(crate) struct Stage {
    pub(crate) profiles: BTreeMap<String, Right>,
}

/// What a right server of a profile did.
pub(crate) struct Right {
    pub(crate) running: Running,
    /// What applies, in the order of the catalogue.
    pub(crate) instances: Vec<Instance>,
    /// Instance → its findings.
    pub(crate) findings: BTreeMap<String, Vec<Finding>>,
}

impl Stage {
    /// Runs everything against right servers, which must pass it.
    pub(crate) async fn start(profiles: &[&str]) -> Self {
        let running = profiles.iter().map(|profile| Right::of(profile));
        let right = futures_util::future::join_all(running).await;
        let names = profiles.iter().map(|profile| (*profile).to_owned());
        Self {
            profiles: names.zip(right).collect(),
        }
    }

    pub(crate) fn right(&self, profile: &str) -> &Right {
        let right = self.profiles.get(profile);
        right.unwrap_or_else(|| panic!("mutants are not run with the profile '{profile}': PROFILES in harness/tests/mutants/main.rs names those that are"))
    }
}

impl Right {
    /// What applies, with nothing run.
    pub(crate) async fn unseen(profile: &str) -> Self {
        let running = started(profile, None).await;
        let session = &running.session;
        let mut instances = select(&session.catalog, &session.target, &Selection::default());
        instances.retain(|instance| session.applies(instance).is_ok());
        Self {
            running,
            instances,
            findings: BTreeMap::new(),
        }
    }

    async fn of(profile: &str) -> Self {
        let Self {
            running, instances, ..
        } = Self::unseen(profile).await;
        let session = &running.session;
        let mut findings = BTreeMap::new();
        let mut bad = Vec::new();
        let pace = Pace {
            jobs: 4,
            fail_fast: false,
        };
        engine::run(session, &instances, pace, |event| {
            if let Event::Finished(outcome) = event {
                if outcome.verdict > Verdict::Warn {
                    bad.push(format!("{} is {}", outcome.id, outcome.verdict));
                }
                findings.insert(outcome.id.clone(), outcome.findings.clone());
            }
        })
        .await;
        assert!(bad.is_empty(), "{profile}, without a mutant: {bad:#?}");
        Self {
            running,
            instances,
            findings,
        }
    }

    /// The broken findings of an instance, by check and requirement.
    pub(crate) fn known(&self, instance: &str) -> BTreeSet<(String, String)> {
        let findings = self.findings.get(instance).into_iter().flatten();
        let broken = findings.filter(|finding| is_broken(finding));
        broken
            .map(|finding| (finding.id.clone(), finding.requirement.clone()))
            .collect()
    }
}

/// A run of a profile with a mutant, or without.
pub(crate) async fn started(profile: &str, mutant: Option<&Mutant>) -> Running {
    let mut changes = Changes::default();
    if let Some(mutant) = mutant.cloned() {
        match mutant.on {
            On::Gateway => {
                changes.gateway = Some(Arc::new(move |config| config.mutants.push(mutant.clone())));
            }
            On::Mock => {
                changes.mock = Some(Arc::new(move |builder| builder.mutants([mutant.clone()])));
            }
        }
    }
    let options = Options {
        profile: Some(profile.to_owned()),
        changes: Some(changes),
        timeout: Some(std::time::Duration::from_secs(20)),
        ..Options::default()
    };
    setup::start(&options, &|_| None).await.unwrap()
}

/// Whether something is wrong, strongly or weakly. What could not be judged is not.
pub(crate) fn is_broken(finding: &Finding) -> bool {
    matches!(
        finding.verdict,
        Verdict::Warn | Verdict::Fail | Verdict::Error
    )
}

/// The id of a check, without the number of its step.
pub(crate) fn bare(id: &str) -> &str {
    match id.split_once(':') {
        Some((step, rest)) if step.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => id,
    }
}

/// Whether a name of a mutant's means a finding.
pub(crate) fn means(name: &str, finding: &Finding) -> bool {
    let id = bare(&finding.id);
    let below = |rest: &str| rest.starts_with(['.', ':']);
    finding.requirement == name || id == name || id.strip_prefix(name).is_some_and(below)
}

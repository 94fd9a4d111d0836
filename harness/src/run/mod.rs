//! Runs cases: what applies, in which order, against what; and what came of it.

pub mod applies;
pub mod engine;
pub mod event;
mod form;
mod hold;
mod incident;
pub mod lane;
mod observe;
mod own;
pub mod plan;
pub(crate) mod probe;
mod process;
pub(crate) mod request;
mod sending;
pub mod session;
pub mod setup;
pub(crate) mod token;

use crate::check::Finding;
use crate::exchange::StepEvidence;
use crate::expectation::Excuse;
use crate::verdict::Verdict;

/// What came of one instance.
#[derive(Debug)]
pub struct CaseOutcome {
    /// `area/operation/slug@n=2`.
    pub id: String,
    /// What the case is about.
    pub summary: String,
    /// The worst of its checks, or what kept it from running.
    pub verdict: Verdict,
    /// Why, where no check says it.
    pub reason: Option<String>,
    /// The expectation that changed the verdict of the case as a whole.
    pub excuse: Option<Excuse>,
    /// What the checks said.
    pub findings: Vec<Finding>,
    /// What was observed.
    pub steps: Vec<StepEvidence>,
    /// Images that the client asked for, that were made upstream, that were delivered.
    pub money: Money,
    /// From the first request to the last judgement.
    pub took: std::time::Duration,
}

/// Images asked for, made and delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Money {
    /// Asked for by the harness.
    pub asked: u64,
    /// Made by the provider.
    pub made: u64,
    /// Delivered to the harness.
    pub delivered: u64,
}

/// How much of what a profile promises a run has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Requirements that some check judged, whatever came out.
    pub judged: usize,
    /// Requirements that the profile promises.
    pub promised: usize,
}

impl std::ops::AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.asked += other.asked;
        self.made += other.made;
        self.delivered += other.delivered;
    }
}

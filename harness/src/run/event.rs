//! What a run tells while it goes on. Reports consume it; the engine knows none of them.

use crate::run::{CaseOutcome, Coverage, Money};
use crate::verdict::{Exit, Verdict};

/// Something that happened in a run.
#[derive(Debug)]
pub enum Event<'r> {
    /// The run begins.
    Started(&'r Header),
    /// An instance is over.
    Finished(&'r CaseOutcome),
    /// The run is over.
    Ended(&'r Summary),
}

/// What a run is about.
#[derive(Clone, Debug)]
pub struct Header {
    /// The target's name.
    pub target: String,
    /// The profile's id.
    pub profile: String,
    /// The dated set of requirements.
    pub requirements: String,
    /// How many instances will be run.
    pub instances: usize,
    /// The beginning of a command that runs a case of this run again.
    pub rerun: String,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How often which verdict.
    pub counts: Vec<(Verdict, usize)>,
    /// Images asked for, made, delivered.
    pub money: Money,
    /// How much of what the profile promises was looked at.
    pub coverage: Coverage,
    /// What the process exits with.
    pub exit: Exit,
    /// What the run as a whole shows, beside its cases.
    pub notes: Vec<String>,
    /// From the first case to the last.
    pub took: std::time::Duration,
}

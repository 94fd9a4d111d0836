//! Checks: each judges everything that was observed of an instance. One file a check, one line in [`CHECKS`];
//! laws are checks that hold for every exchange.

mod ending;
mod error;
mod headers;
mod images;
mod json;
pub(crate) mod law_content_type;
pub(crate) mod law_created;
mod law_error_envelope;
mod law_images;
mod law_invented;
mod law_json;
mod law_leak;
mod law_paid_twice;
pub(crate) mod law_stream_order;
mod law_success;
mod law_transparent;
mod poll;
mod read;
mod refusal;
mod same;
mod schema;
mod site;
mod status;
mod stream;
mod upstream;
mod upstream_parts;
mod usage;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;

use crate::case::step_check_id;
use crate::exchange::{Evidence, Exchange, StepEvidence};
use crate::expectation::Excuse;
use crate::requirement::{Level, Requirement};
use crate::schema::{SchemaError, compile};
use crate::verdict::Verdict;

/// Judges what was observed.
pub trait Check: Sync {
    /// What the ids of its findings begin with.
    fn id(&self) -> &'static str;

    /// What it judges, in half a sentence.
    fn summary(&self) -> &'static str;

    /// Judges; one finding for each thing that was judged, good or bad.
    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>);
}

/// Every check.
pub static CHECKS: &[&dyn Check] = &[
    &status::StatusCheck,
    &headers::Headers,
    &schema::SchemaCheck,
    &json::Json,
    &images::Images,
    &error::ErrorCheck,
    &usage::Usage,
    &stream::Stream,
    &poll::PollCheck,
    &read::Read,
    &upstream::Upstream,
    &same::Same,
    &law_content_type::ContentType,
    &law_created::Created,
    &law_error_envelope::ErrorEnvelope,
    &law_images::ImagesBelong,
    &law_invented::Invented,
    &law_json::StrictJson,
    &law_leak::Leak,
    &law_paid_twice::PaidTwice,
    &law_stream_order::StreamOrder,
    &law_success::SuccessMeansImage,
    &law_transparent::Transparent,
];

/// One judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `images.size`; from the second step on `2:images.size`.
    pub id: String,
    /// Who says so.
    pub requirement: String,
    /// `pass`, `warn`, `untestable`, `fail` or `error`.
    pub verdict: Verdict,
    /// The step, from 0.
    pub step: usize,
    /// The parallel copy, from 0.
    pub copy: usize,
    /// What is wrong; none if nothing is.
    pub mismatch: Option<Mismatch>,
    /// The expectation that changed the verdict.
    pub excuse: Option<Excuse>,
}

/// What is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// In one sentence.
    pub message: String,
    /// What was expected, as text that can be compared.
    pub expected: Option<String>,
    /// What was found instead.
    pub actual: Option<String>,
    weight: Weight,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Weight {
    /// As strong as the requirement.
    #[default]
    Full,
    /// A warning at most.
    Soft,
    /// The situation did not come about.
    Untestable,
}

impl Mismatch {
    /// Something that is wrong.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    /// Something that is not what it must be.
    #[must_use]
    pub fn of(
        message: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self {
            message: message.into(),
            expected: Some(expected.into()),
            actual: Some(actual.into()),
            weight: Weight::Full,
        }
    }

    /// A warning at most, whatever the requirement says.
    #[must_use]
    pub fn soft(mut self) -> Self {
        self.weight = Weight::Soft;
        self
    }

    /// The situation that the check is about did not come about.
    #[must_use]
    pub fn untestable(mut self) -> Self {
        self.weight = Weight::Untestable;
        self
    }
}

/// What a check needs to know beside the evidence, and where its findings go.
pub struct Bench<'r> {
    requirements: &'r BTreeMap<String, Requirement>,
    schemas: &'r Schemas,
    findings: Vec<Finding>,
}

/// Where something was observed.
#[derive(Clone, Copy)]
pub struct Site<'e> {
    /// The step, from 0.
    pub step: usize,
    /// The parallel copy, from 0.
    pub copy: usize,
    /// The step itself.
    pub evidence: &'e StepEvidence,
    /// The exchange itself.
    pub exchange: &'e Exchange,
    /// An answer that came before the last one, of a step that polls; counted from 1.
    pub poll: Option<usize>,
}

/// Every exchange of an instance.
pub(crate) fn sites<'e>(evidence: &'e Evidence<'_>) -> impl Iterator<Item = Site<'e>> {
    evidence
        .steps
        .iter()
        .enumerate()
        .flat_map(|(step, evidence)| {
            let exchanges = evidence.exchanges.iter().enumerate();
            exchanges.map(move |(copy, exchange)| Site {
                step,
                copy,
                evidence,
                exchange,
                poll: None,
            })
        })
}

/// Every exchange of an instance, with those that a step which polls had before its last one.
pub(crate) fn sites_with_polls<'e>(evidence: &'e Evidence<'_>) -> impl Iterator<Item = Site<'e>> {
    sites(evidence).flat_map(|site| {
        let earlier = site.exchange.polls.iter().flat_map(|polls| &polls.earlier);
        let earlier = earlier.enumerate().map(move |(index, exchange)| Site {
            exchange,
            poll: Some(index + 1),
            ..site
        });
        earlier.chain([site])
    })
}

/// Runs every check.
#[must_use]
pub fn judge(
    evidence: &Evidence<'_>,
    requirements: &BTreeMap<String, Requirement>,
    schemas: &Schemas,
) -> Vec<Finding> {
    let mut bench = Bench {
        requirements,
        schemas,
        findings: Vec::new(),
    };
    for check in CHECKS {
        check.judge(evidence, &mut bench);
    }
    let promised = |finding: &Finding| evidence.target.profile.promises(&finding.requirement);
    bench.findings.retain(promised);
    merge(bench.findings)
}

/// One finding for each id and requirement: the worst, and of equals the first.
fn merge(findings: Vec<Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    for finding in findings {
        let same = |other: &&mut Finding| {
            other.id == finding.id && other.requirement == finding.requirement
        };
        match merged.iter_mut().find(same) {
            Some(kept) if finding.verdict > kept.verdict => *kept = finding,
            Some(_) => {}
            None => merged.push(finding),
        }
    }
    merged
}

impl Bench<'_> {
    /// Writes a judgement down.
    pub(crate) fn record(
        &mut self,
        site: Site<'_>,
        check: &str,
        requirement: &str,
        result: Result<(), Mismatch>,
    ) {
        let level = self.requirements.get(requirement).map(Requirement::weight);
        let mismatch = result.err().map(|problem| match site.poll {
            Some(poll) => Mismatch {
                message: format!(
                    "answer {poll} of those that were polled: {}",
                    problem.message
                ),
                ..problem
            },
            None => problem,
        });
        let verdict = match mismatch.as_ref().map(|mismatch| mismatch.weight) {
            None => Verdict::Pass,
            Some(Weight::Untestable) => Verdict::Untestable,
            Some(Weight::Soft) => Verdict::Warn.min(severity(level)),
            Some(Weight::Full) => severity(level),
        };
        self.findings.push(Finding {
            id: step_check_id(site.step, check),
            requirement: requirement.to_owned(),
            verdict,
            step: site.step,
            copy: site.copy,
            mismatch,
            excuse: None,
        });
    }

    /// The compiled schema with this path.
    pub(crate) fn schema(&self, name: &str) -> Result<Arc<Validator>, SchemaError> {
        self.schemas.get(name)
    }
}

/// What breaking a requirement amounts to.
fn severity(level: Option<Level>) -> Verdict {
    match level {
        Some(Level::Must) => Verdict::Fail,
        Some(Level::Should) => Verdict::Warn,
        Some(Level::May) => Verdict::Pass,
        // The loader knows every requirement that a case names; a law without a row is our mistake.
        None => Verdict::Error,
    }
}

/// Compiled schemas, each compiled when it is first needed: once in a process, for they are built in.
#[derive(Debug, Default)]
pub struct Schemas(());

static COMPILED: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());

impl Schemas {
    /// The schema with this path.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Validator>, SchemaError> {
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = compiled.get(name) {
            return Ok(Arc::clone(schema));
        }
        let schema = Arc::new(compile(name)?);
        compiled.insert(name.to_owned(), Arc::clone(&schema));
        Ok(schema)
    }
}

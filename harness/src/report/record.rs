//! What came of a case, as JSON reports say it: `json` normalises it, `ndjson` writes it as it is.

use std::collections::BTreeMap;

use crate::check::Finding;
use crate::expectation::Excuse;
use crate::report::Context;
use crate::report::document::{CaseRecord, CheckRecord, KnownFailure};
use crate::report::evidence::{Evidence, message};
use crate::report::hop::Observed;
use crate::report::page::reason;
use crate::run::CaseOutcome;
use crate::verdict::Verdict;

/// (step, copy) → what was observed.
type Seen = BTreeMap<(usize, usize), Observed>;

/// The record of a case, not normalised.
///
/// # Errors
/// Evidence that is no JSON; there is none.
pub(super) fn record(context: &Context, outcome: &CaseOutcome) -> serde_json::Result<CaseRecord> {
    let mut seen = Seen::new();
    let checks = outcome
        .findings
        .iter()
        .map(|finding| check(context, outcome, finding, &mut seen));
    Ok(CaseRecord {
        id: outcome.id.clone(),
        summary: outcome.summary.clone(),
        verdict: outcome.verdict,
        reason: reason(context, outcome),
        expectation: outcome.excuse.as_ref().map(known),
        checks: checks.collect::<serde_json::Result<_>>()?,
    })
}

/// `seen` keeps what was observed of each exchange: to show images is work.
fn check(
    context: &Context,
    outcome: &CaseOutcome,
    finding: &Finding,
    seen: &mut Seen,
) -> serde_json::Result<CheckRecord> {
    let said = finding
        .mismatch
        .as_ref()
        .map(|_| message(context, outcome, finding));
    // A broken MAY passes and says so; its evidence is nobody's business.
    let evidence = (finding.verdict != Verdict::Pass).then(|| {
        let site = (finding.step, finding.copy);
        let observed = seen
            .entry(site)
            .or_insert_with(|| Observed::of(context, outcome, site.0, site.1));
        Evidence::of(context, outcome, finding, observed.clone())
    });
    Ok(CheckRecord {
        id: finding.id.clone(),
        verdict: finding.verdict,
        requirement: Some(finding.requirement.clone()),
        message: said,
        expectation: finding.excuse.as_ref().map(known),
        evidence: evidence.map(serde_json::to_value).transpose()?,
    })
}

/// The entry that changed a verdict.
fn known(excuse: &Excuse) -> KnownFailure {
    KnownFailure {
        entry: excuse.entry.clone(),
        reason: excuse.reason.clone(),
        issue: excuse.issue.clone(),
    }
}

//! What is wrong with one check, and what was observed: the requirement in its source's words, both hops, and
//! two commands. Every format shows this, each in its own way.

use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

use crate::check::Finding;
use crate::exchange::Exchange;
use crate::report::Context;
use crate::report::curl::quoted;
use crate::report::hop::{Hop, Observed};
use crate::report::show::Showing;
use crate::run::CaseOutcome;

/// Expected and actual are cut after so many characters.
const LONGEST_VALUE: usize = 8_000;
/// JSON of more characters than this is compared line by line.
const LONGEST_LINE: usize = 80;

/// What is wrong with one check, and what was observed.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// What the target owes; none if nobody knows the requirement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<Owed>,
    /// What is wrong, in one sentence; reports have it beside the evidence.
    #[serde(skip)]
    pub message: String,
    /// What was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// The difference of both, where they have several lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Everything that went over the wires, in order.
    pub hops: Vec<Hop>,
    /// How many calls arrived upstream; none where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_calls: Option<usize>,
    /// The command that sends the request by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curl: Option<String>,
    /// The command that runs just this case again.
    pub rerun: String,
}

/// A requirement, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Owed {
    /// Dot-separated, the source first.
    pub id: String,
    /// `MUST`, `SHOULD`, `MAY`.
    pub level: &'static str,
    /// In our words.
    pub summary: String,
    /// In the source's words.
    pub quote: String,
    /// Where they stand.
    pub url: String,
}

impl Evidence {
    /// The evidence of one finding of a case; `observed` is of its exchange.
    #[must_use]
    pub fn of(
        context: &Context,
        outcome: &CaseOutcome,
        finding: &Finding,
        observed: Observed,
    ) -> Self {
        let exchange = exchange(outcome, finding.step, finding.copy);
        let showing = Showing::new(
            &context.redactor,
            exchange.map_or(&[], |exchange| &exchange.images),
        );
        let mismatch = finding.mismatch.clone().unwrap_or_default();
        let shown =
            |text: &Option<String>| text.as_ref().map(|text| showing.text(text, LONGEST_VALUE));
        let (expected, actual) = (shown(&mismatch.expected), shown(&mismatch.actual));
        let Observed {
            hops,
            upstream_calls,
            curl,
        } = observed;
        Self {
            requirement: owed(context, &finding.requirement),
            message: showing.text(&mismatch.message, LONGEST_VALUE),
            diff: expected
                .as_deref()
                .zip(actual.as_deref())
                .and_then(|(expected, actual)| diff(expected, actual)),
            expected,
            actual,
            hops,
            upstream_calls,
            curl,
            rerun: rerun(context, outcome),
        }
    }
}

/// What is wrong, in one sentence.
#[must_use]
pub fn message(context: &Context, outcome: &CaseOutcome, finding: &Finding) -> String {
    Evidence::of(context, outcome, finding, Observed::default()).message
}

/// The exchange of a step's copy.
pub(super) fn exchange(outcome: &CaseOutcome, step: usize, copy: usize) -> Option<&Exchange> {
    outcome.steps.get(step)?.exchanges.get(copy)
}

fn owed(context: &Context, id: &str) -> Option<Owed> {
    let requirement = context.requirements.get(id)?;
    Some(Owed {
        id: requirement.id.clone(),
        level: requirement.level.as_str(),
        summary: requirement.summary.clone(),
        quote: requirement.quote.clone(),
        url: requirement.url.clone(),
    })
}

/// The command that runs just this case again.
#[must_use]
pub fn rerun(context: &Context, outcome: &CaseOutcome) -> String {
    format!(
        "{} --case {}",
        context.header.rerun,
        quoted(&context.redactor, &outcome.id)
    )
}

/// The changed lines with two around them, where there are lines to compare.
fn diff(expected: &str, actual: &str) -> Option<String> {
    let lines = |text: &str| {
        let parsed = serde_json::from_str::<Value>(text)
            .ok()
            .filter(|value| value.is_array() || value.is_object());
        let pretty = parsed
            .filter(|_| text.len() > LONGEST_LINE)
            .and_then(|value| serde_json::to_string_pretty(&value).ok());
        pretty.unwrap_or_else(|| text.to_owned())
    };
    let (expected, actual) = (lines(expected), lines(actual));
    if !expected.contains('\n') && !actual.contains('\n') {
        return None;
    }
    let diff = TextDiff::from_lines(&expected, &actual);
    let mut unified = diff.unified_diff();
    unified
        .context_radius(2)
        .missing_newline_hint(false)
        .header("expected", "actual");
    Some(unified.to_string().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_are_compared_and_only_changed_ones_shown() {
        assert_eq!(diff("1024x1024", "512x512"), None);
        let long = |n: u32| {
            serde_json::json!({"a": "x".repeat(80), "b": 1, "c": 2, "n": n, "z": 3}).to_string()
        };
        let text = diff(&long(1), &long(2)).unwrap();
        assert!(text.contains("-  \"n\": 1,\n+  \"n\": 2,"), "{text}");
        assert!(!text.contains("xxx"), "{text}");
    }
}

//! `refused`: the provider refused what was sent (400), and no scenario asked it to.

use super::Found;
use crate::journal::Entry;

/// A scenario text that cannot be used is a mistake of the test, not of the client.
const SCENARIO_ERROR: &str = "mock-scenario-error";

pub(super) fn judge(calls: &[&Entry]) -> Vec<Found> {
    let refused = calls.iter().filter_map(|entry| {
        let answer = entry.answer.as_ref()?;
        let condition = answer.summary.condition.as_str();
        let own = condition != SCENARIO_ERROR && !asked_for(entry, condition);
        (answer.status == 400 && own)
            .then(|| (vec![entry.seq], format!("refused as '{condition}'")))
    });
    refused.collect()
}

fn asked_for(entry: &Entry, condition: &str) -> bool {
    let applied = entry.scenario.as_ref().map(|seen| seen.applied.as_str());
    let mut elements = applied.unwrap_or_default().split(',');
    elements.any(|element| element.split([';', '=']).next() == Some(condition))
}

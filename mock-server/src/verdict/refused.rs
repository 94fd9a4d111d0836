//! `refused`: the provider refused what was sent (400), and no scenario asked it to.

use crate::journal::Entry;

pub(super) fn judge(calls: &[&Entry]) -> Vec<(Vec<u64>, String)> {
    let refused = calls.iter().filter_map(|entry| {
        let answer = entry.answer.as_ref()?;
        let asked_for = entry.scenario.as_ref();
        let condition = &answer.summary.condition;
        let own = asked_for.is_none_or(|seen| !seen.applied.contains(condition.as_str()));
        (answer.status == 400 && own)
            .then(|| (vec![entry.seq], format!("refused as '{condition}'")))
    });
    refused.collect()
}

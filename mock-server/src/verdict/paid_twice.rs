//! `paid-twice`: images were made, and the same request came again. Under a case token always; without one only
//! where the first answer did not arrive well, because asking twice for the same picture is anybody's right.
//! Calls side by side are not retries.

use super::ended;
use crate::journal::Entry;

pub(super) fn judge(calls: &[&Entry]) -> Vec<(Vec<u64>, String)> {
    let mut found = Vec::new();
    let mut paid: Option<&Entry> = None;
    for entry in calls.iter().copied().filter(|entry| images(entry) > 0) {
        if let Some(first) = paid
            && (first.token.is_some() || broken(first))
            && ended(first).is_some_and(|end| end <= entry.stamps.received)
        {
            let count = images(first);
            let message = format!("{count} images were made already when it was sent again");
            found.push((vec![first.seq, entry.seq], message));
        }
        paid = Some(entry);
    }
    found
}

fn images(entry: &Entry) -> usize {
    let answer = entry.answer.as_ref();
    answer.map_or(0, |answer| answer.summary.images.len())
}

/// The peer went, or a scenario damaged the answer.
fn broken(entry: &Entry) -> bool {
    let damaged = entry.scenario.as_ref();
    entry.stamps.peer_gone.is_some() || damaged.is_some_and(|seen| seen.applied != "ok")
}

//! `ignored-retry-after`: the same request came again before the time that the refusal named.

use time::Duration;

use super::ended;
use crate::journal::Entry;

/// Clocks and networks are not exact.
const SLACK: Duration = Duration::milliseconds(50);

pub(super) fn judge(calls: &[&Entry]) -> Vec<(Vec<u64>, String)> {
    let early = calls.windows(2).filter_map(|pair| {
        let (first, next) = (pair[0], pair[1]);
        let wait = first.retry_after?;
        let due = ended(first)?.checked_add(Duration::seconds(i64::try_from(wait).ok()?))?;
        (next.stamps.received + SLACK < due).then(|| {
            let left = (due - next.stamps.received).whole_milliseconds();
            let message = format!("told to wait {wait} s, it came back {left} ms too early");
            (vec![first.seq, next.seq], message)
        })
    });
    early.collect()
}

//! `ignored-retry-after`: a refused request came again before the time that the refusal named, in a header or
//! (Google) in its body.

use time::Duration;

use super::Found;
use super::attempts::{attempts, due, told_to_wait};
use crate::journal::Entry;

/// Clocks and networks are not exact.
const SLACK: Duration = Duration::milliseconds(50);

pub(super) fn judge(calls: &[&Entry]) -> Vec<Found> {
    let attempts = attempts(calls);
    let pairs = attempts.iter().flat_map(|row| row.windows(2));
    let early = pairs.filter_map(|pair| {
        let (first, next) = (pair[0], pair[1]);
        let (wait, due) = (told_to_wait(first)?, due(first)?);
        (next.stamps.received + SLACK < due).then(|| {
            let left = (due - next.stamps.received).whole_milliseconds();
            let message = format!("told to wait {wait} ms, it came back {left} ms too early");
            (vec![first.seq, next.seq], message)
        })
    });
    early.collect()
}

//! `retry-storm`: the same request came again and again at once after failures: more than two retries in a row,
//! each less than 100 ms behind the failure, or more than five retries in all.

use time::Duration;

use super::{ended, failed};
use crate::journal::Entry;

const AT_ONCE: Duration = Duration::milliseconds(100);
const MOST_AT_ONCE: usize = 2;
const MOST: usize = 5;

pub(super) fn judge(calls: &[&Entry]) -> Vec<(Vec<u64>, String)> {
    let (mut retries, mut row, mut longest) = (0, 0, 0);
    let mut entries = Vec::new();
    for pair in calls.windows(2).filter(|pair| failed(pair[0])) {
        retries += 1;
        let end = ended(pair[0]);
        let quick = end.is_some_and(|end| pair[1].stamps.received - end < AT_ONCE);
        row = if quick { row + 1 } else { 0 };
        longest = longest.max(row);
        entries.push(pair[1].seq);
    }
    if longest <= MOST_AT_ONCE && retries <= MOST {
        return Vec::new();
    }
    let message = format!("{retries} retries, {longest} in a row at once");
    vec![(entries, message)]
}

//! `retry-storm`: one thing was tried again and again: more than two retries in a row, each less than 100 ms
//! behind the failure, or more than five retries in all.

use time::Duration;

use super::Found;
use super::attempts::{attempts, ended};
use crate::journal::Entry;

const AT_ONCE: Duration = Duration::milliseconds(100);
const MOST_AT_ONCE: usize = 2;
const MOST: usize = 5;

pub(super) fn judge(calls: &[&Entry]) -> Vec<Found> {
    let attempts = attempts(calls);
    attempts.iter().filter_map(|row| storm(row)).collect()
}

fn storm(attempts: &[&Entry]) -> Option<Found> {
    let retries = attempts.len() - 1;
    let (mut row, mut longest) = (0, 0);
    for pair in attempts.windows(2) {
        let quick = ended(pair[0]).is_some_and(|end| pair[1].stamps.received - end < AT_ONCE);
        row = if quick { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    if longest <= MOST_AT_ONCE && retries <= MOST {
        return None;
    }
    let entries = attempts.iter().skip(1).map(|entry| entry.seq).collect();
    let message = format!("{retries} retries, {longest} in a row at once");
    Some((entries, message))
}

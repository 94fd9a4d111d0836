//! `paid-twice`: images were made, the answer did not arrive whole (the peer went, it timed out, a fault cut or
//! damaged it), and the same thing was asked for and made again. A client that has its images and asks for more
//! is not blamed, and neither are calls side by side.

use super::Found;
use super::attempts::{attempts, images};
use crate::journal::Entry;

pub(super) fn judge(calls: &[&Entry]) -> Vec<Found> {
    let attempts = attempts(calls);
    let again = attempts.iter().filter_map(|row| {
        let paid: Vec<_> = row.iter().filter(|entry| images(entry) > 0).collect();
        let (last, earlier) = paid.split_last()?;
        let lost: usize = earlier.iter().map(|entry| images(entry)).sum();
        let first = earlier.first()?;
        let how = if first.stamps.peer_gone.is_some() {
            "the client went before it had them"
        } else {
            "their answer was damaged on its way"
        };
        let message = format!("{lost} images were made and paid for, {how}, and it asked again");
        let seqs = earlier.iter().chain([last]).map(|entry| entry.seq);
        Some((seqs.collect(), message))
    });
    again.collect()
}

//! `leaked-canary`: a secret that must not arrive did (`PUT /_mock/canaries`).

use super::Found;
use crate::journal::Entry;

pub(super) fn judge(calls: &[&Entry]) -> Vec<Found> {
    let leaking = calls.iter().filter(|entry| !entry.canaries.is_empty());
    let leaking = leaking.map(|entry| {
        let labels = entry.canaries.join(", ");
        (vec![entry.seq], format!("canaries arrived: {labels}"))
    });
    leaking.collect()
}

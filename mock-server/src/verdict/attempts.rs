//! Which calls are attempts at one thing: a call goes on with one that failed and was over before it came.
//! Calls side by side are several things, and so is a call behind one that was answered well: a client that
//! wants three images may ask three times.

use time::{Duration, OffsetDateTime};

use crate::journal::{Entry, HoldEnd};

/// The attempts at each thing, oldest first. Where a call could go on with several, it goes on with the one
/// whose wait is over first, so that no client is blamed for the others.
pub(super) fn attempts<'e>(calls: &[&'e Entry]) -> Vec<Vec<&'e Entry>> {
    let mut all: Vec<Vec<&Entry>> = Vec::new();
    for call in calls {
        let open = all.iter_mut().filter_map(|row| {
            let last = row.last().copied()?;
            let over = ended(last).is_some_and(|end| end <= call.stamps.received);
            (failed(last) && over).then(|| (due(last), row))
        });
        match open.min_by_key(|(due, _)| *due) {
            Some((_, row)) => row.push(call),
            None => all.push(vec![call]),
        }
    }
    all
}

/// When the answer was over, as far as the journal knows.
pub(super) fn ended(entry: &Entry) -> Option<OffsetDateTime> {
    let stamps = &entry.stamps;
    let micros = stamps.end.or(stamps.peer_gone)?;
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    stamps.received.checked_add(Duration::microseconds(micros))
}

/// When the client may come back.
pub(super) fn due(entry: &Entry) -> Option<OffsetDateTime> {
    ended(entry)?.checked_add(Duration::milliseconds(told_to_wait(entry).unwrap_or(0)))
}

/// How long the answer told the client to wait, in milliseconds.
pub(super) fn told_to_wait(entry: &Entry) -> Option<i64> {
    let answer = entry.answer.as_ref()?;
    answer.summary.retry_after_ms?.try_into().ok()
}

/// How many images the provider made.
pub(super) fn images(entry: &Entry) -> usize {
    let answer = entry.answer.as_ref();
    answer.map_or(0, |answer| answer.summary.images.len())
}

/// An error that may pass, or an answer that the client does not have.
fn failed(entry: &Entry) -> bool {
    let status = entry.answer.as_ref().map(|answer| answer.status);
    status.is_some_and(|status| status == 429 || status >= 500) || !delivered(entry)
}

/// The whole answer was handed over, undamaged.
pub(super) fn delivered(entry: &Entry) -> bool {
    let cut = |end: Option<HoldEnd>| end == Some(HoldEnd::Expired);
    let damaged = entry.answer.as_ref().is_none_or(|answer| answer.damaged);
    entry.stamps.end.is_some() && !damaged && !entry.holds.iter().any(|hold| cut(hold.end))
}

//! The journal: what arrived, from which case, and what became of it. Bounded in entries and bytes.

mod entry;
mod seen;

pub use entry::{AnswerSeen, CredentialSeen, Entry, HoldEnd, HoldSeen, ScenarioSeen, Stamps};
pub use seen::{cut, length_and_hash, mask_headers, mask_query, shorten};

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::wire::Decided;

/// A bounded list of entries; the oldest go first.
#[derive(Debug)]
pub struct Journal {
    inner: Mutex<Inner>,
    changed: Notify,
    max_entries: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Kept>,
    bytes: usize,
    last: u64,
}

#[derive(Debug)]
struct Kept {
    entry: Entry,
    size: usize,
    /// The answer's summary, which is written into the entry when somebody looks: hashes take their time.
    decided: Option<Decided>,
}

/// Which entries a reader wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only those of this case token.
    pub case: Option<String>,
    /// Only those with a greater sequence number.
    pub after: u64,
    /// Only those that arrived then or later.
    pub since: Option<time::OffsetDateTime>,
    /// At most so many, the oldest first.
    pub limit: Option<usize>,
}

/// A part of the journal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// From this sequence number on, nothing was dropped. A reader that asked for earlier entries has a gap.
    pub oldest: u64,
    /// The last sequence number that was given out.
    pub last: u64,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
}

impl Journal {
    /// An empty journal that keeps at most so many entries and about so many bytes.
    #[must_use]
    pub fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self {
            inner: Mutex::default(),
            changed: Notify::new(),
            max_entries: max_entries.max(1),
            max_bytes,
        }
    }

    /// Writes an entry down and gives it its sequence number, from 1.
    pub fn add(&self, entry: impl FnOnce(u64) -> Entry) -> u64 {
        let mut inner = self.lock();
        inner.last += 1;
        let seq = inner.last;
        let entry = entry(seq);
        let size = entry.approximate_bytes();
        inner.bytes += size;
        inner.entries.push_back(Kept {
            entry,
            size,
            decided: None,
        });
        self.forget(inner);
        self.changed.notify_waiters();
        seq
    }

    /// Lets the oldest entries go that are too many or too large.
    fn forget(&self, mut inner: MutexGuard<'_, Inner>) {
        let mut gone = Vec::new();
        while inner.entries.len() > self.max_entries
            || (inner.bytes > self.max_bytes && inner.entries.len() > 1)
        {
            if let Some(oldest) = inner.entries.pop_front() {
                inner.bytes -= oldest.size;
                gone.push(oldest);
            }
        }
        // Freeing takes its time, which must not keep others from the journal.
        drop(inner);
    }

    /// Changes an entry that is still kept.
    pub fn update(&self, seq: u64, change: impl FnOnce(&mut Entry)) {
        self.change(seq, |kept| {
            change(&mut kept.entry);
            0
        });
    }

    /// The same once the answer is decided.
    pub fn decided(&self, seq: u64, decided: &Decided, change: impl FnOnce(&mut Entry)) {
        let decided = decided.clone();
        let size = decided.approximate_bytes();
        self.change(seq, |kept| {
            change(&mut kept.entry);
            kept.decided = Some(decided);
            kept.size += size;
            size
        });
    }

    /// `change` says how much larger the entry became.
    fn change(&self, seq: u64, change: impl FnOnce(&mut Kept) -> usize) {
        let mut inner = self.lock();
        let found = inner
            .entries
            .binary_search_by_key(&seq, |kept| kept.entry.seq);
        if let Ok(at) = found {
            inner.bytes += change(&mut inner.entries[at]);
        }
        self.forget(inner);
        self.changed.notify_waiters();
    }

    /// The entries that a query asks for, now.
    #[must_use]
    pub fn page(&self, query: &Query) -> Page {
        let inner = self.lock();
        let known = inner
            .entries
            .partition_point(|kept| kept.entry.seq <= query.after);
        let entries = inner.entries.range(known..);
        let wanted = entries.filter(|kept| query.wants(&kept.entry));
        let wanted = wanted.take(query.limit.unwrap_or(usize::MAX));
        let found: Vec<_> = wanted
            .map(|k| (k.entry.clone(), k.decided.clone()))
            .collect();
        let oldest = inner.entries.front();
        let (oldest, last) = (oldest.map_or(inner.last + 1, |k| k.entry.seq), inner.last);
        // Hashing must not keep others from the journal.
        drop(inner);
        let entries = found.into_iter().map(|(mut entry, decided)| {
            if let (Some(answer), Some(decided)) = (&mut entry.answer, decided) {
                answer.summary = decided.summary();
            }
            entry
        });
        Page {
            oldest,
            last,
            entries: entries.collect(),
        }
    }

    /// The same, but waits up to `longest` for the first entry.
    pub async fn wait(&self, query: &Query, longest: Duration) -> Page {
        self.wait_until(query, longest, &|page: &Page| !page.entries.is_empty())
            .await
    }

    /// The same, but waits up to `longest` until the page is as wanted.
    pub async fn wait_until(
        &self,
        query: &Query,
        longest: Duration,
        wanted: &impl Fn(&Page) -> bool,
    ) -> Page {
        let end = Instant::now() + longest;
        loop {
            let changed = self.changed.notified();
            let page = self.page(query);
            let left = end.saturating_duration_since(Instant::now());
            if wanted(&page) || left.is_zero() {
                return page;
            }
            let _ = tokio::time::timeout(left, changed).await;
        }
    }

    /// The last sequence number that was given out.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.lock().last
    }

    /// How many entries are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.lock().entries.len()
    }

    /// Forgets every entry; sequence numbers go on.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.entries.clear();
        inner.bytes = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that holds the lock can leave the list in between two states.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Query {
    /// Everything with this token; with an empty text, everything.
    pub(crate) fn of_token(token: &str) -> Self {
        Self {
            case: (!token.is_empty()).then(|| token.to_owned()),
            ..Self::default()
        }
    }

    fn wants(&self, entry: &Entry) -> bool {
        self.case
            .as_ref()
            .is_none_or(|case| entry.token.as_ref() == Some(case))
            && self
                .since
                .is_none_or(|since| entry.stamps.received >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(entries: usize) -> Journal {
        let journal = Journal::new(entries, 1 << 20);
        for _ in 0..5 {
            journal.add(|seq| Entry {
                seq,
                ..Entry::default()
            });
        }
        journal
    }

    #[test]
    fn the_oldest_go_first_and_the_page_says_so() {
        let page = journal(3).page(&Query::default());
        let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!((page.oldest, page.last, seqs), (3, 5, vec![3, 4, 5]));
    }

    #[test]
    fn a_cleared_journal_is_complete_from_the_next_entry_on() {
        let journal = journal(9);
        journal.clear();
        let page = journal.page(&Query::default());
        assert_eq!((page.oldest, page.last, page.entries.len()), (6, 5, 0));
    }

    #[tokio::test]
    async fn waiting_ends_with_the_first_wanted_entry() {
        let journal = journal(9);
        let query = Query {
            after: 5,
            ..Query::default()
        };
        let (page, _) = tokio::join!(journal.wait(&query, Duration::from_secs(60)), async {
            journal.add(|seq| Entry {
                seq,
                ..Entry::default()
            })
        });
        assert_eq!(page.entries.len(), 1);
    }
}

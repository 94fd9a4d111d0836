//! A verdict on the mock's client, from the journal alone. One file a rule, one line in `RULES`.
//!
//! Two calls belong to the same request when they have the same credential, path and case token; without a
//! token, the same body instead of it.
//!
//! # Limits
//! The journal is bounded: what it dropped is not judged, and [`Verdict::complete`] says so. A client that asks
//! for several images by calls one after the other, all under one token, looks as if it paid twice.

mod deprecated;
mod ignored_retry_after;
mod leaked_canary;
mod paid_twice;
mod refused;
mod retry_storm;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::journal::{Entry, Page};

/// What `GET /_mock/verdict` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Nothing was dropped from the journal.
    pub complete: bool,
    /// How many calls were judged.
    pub calls: usize,
    /// What the client did wrong; empty is good.
    pub findings: Vec<Finding>,
}

/// One thing that a client did wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// The case token of the calls.
    pub token: Option<String>,
    /// The sequence numbers of the calls, in the journal.
    pub entries: Vec<u64>,
    /// What happened.
    pub message: String,
}

/// Judges the calls of one request, oldest first.
type Rule = fn(&[&Entry]) -> Vec<(Vec<u64>, String)>;

/// Every rule.
static RULES: &[(&str, Rule)] = &[
    ("deprecated", deprecated::judge),
    ("ignored-retry-after", ignored_retry_after::judge),
    ("leaked-canary", leaked_canary::judge),
    ("paid-twice", paid_twice::judge),
    ("refused", refused::judge),
    ("retry-storm", retry_storm::judge),
];

impl Verdict {
    /// Judges a part of the journal.
    #[must_use]
    pub fn of(page: &Page) -> Self {
        let mut requests: BTreeMap<_, Vec<&Entry>> = BTreeMap::new();
        for entry in &page.entries {
            requests.entry(request_of(entry)).or_default().push(entry);
        }
        let mut findings = Vec::new();
        for (rule, judge) in RULES {
            for calls in requests.values() {
                findings.extend(judge(calls).into_iter().map(|(entries, message)| Finding {
                    rule: (*rule).to_owned(),
                    token: calls[0].token.clone(),
                    entries,
                    message,
                }));
            }
        }
        findings.sort_by(|a, b| a.entries.cmp(&b.entries));
        Self {
            complete: page.oldest <= 1,
            calls: page.entries.len(),
            findings,
        }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls, {} findings", self.calls, self.findings.len())?;
        for finding in &self.findings {
            let (rule, entries) = (&finding.rule, &finding.entries);
            write!(f, "\n{rule}: {} (entries {entries:?})", finding.message)?;
        }
        Ok(())
    }
}

fn request_of(entry: &Entry) -> (Option<&str>, &str, &str) {
    let credential = entry.credential.as_ref();
    let same = entry.token.as_deref().unwrap_or(&entry.body_sha256);
    (
        credential.map(|seen| seen.label.as_str()),
        &entry.path,
        same,
    )
}

/// When the answer was over, as far as the journal knows.
fn ended(entry: &Entry) -> Option<OffsetDateTime> {
    let stamps = &entry.stamps;
    let micros = stamps.end.or(stamps.peer_gone)?;
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    stamps.received.checked_add(Duration::microseconds(micros))
}

/// The answer was an error that may pass, or none at all.
fn failed(entry: &Entry) -> bool {
    let status = entry.answer.as_ref().map(|answer| answer.status);
    status.is_some_and(|status| status == 429 || status >= 500)
}

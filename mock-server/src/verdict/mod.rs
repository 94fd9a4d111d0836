//! A verdict on the mock's client, from the journal alone. One file a rule, one line in `RULES`.
//!
//! Two calls may be about the same thing when they have the same case token; without a token, the same body.
//! What a rate limit says holds for the credential and path that were limited only; what was paid for counts
//! wherever it was made.
//!
//! # Limits
//! The journal is bounded: what it dropped is not judged, and [`Verdict::complete`] says so. An answer counts as
//! delivered when its last byte was handed to the system. A client that has a whole answer, cannot read it and
//! asks again looks as one that wants another image, and is not blamed.

mod attempts;
mod deprecated;
mod ignored_retry_after;
mod leaked_canary;
mod paid_twice;
mod refused;
mod retry_storm;

pub use deprecated::{Deprecation, Deprecations};

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

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

/// The sequence numbers of the calls, and what happened.
type Found = (Vec<u64>, String);

/// One rule: its id, which calls it sees together, and how it judges them, oldest first.
struct Rule {
    id: &'static str,
    scope: Scope,
    judge: fn(&[&Entry], &[Deprecations]) -> Vec<Found>,
}

/// Which calls a rule sees together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The same token, or body without one, with the same credential and path.
    Place,
    /// The same token, or body without one.
    Request,
}

/// Every rule.
static RULES: &[Rule] = &[
    Rule {
        id: "deprecated",
        scope: Scope::Request,
        judge: deprecated::judge,
    },
    Rule {
        id: "ignored-retry-after",
        scope: Scope::Place,
        judge: |calls, _| ignored_retry_after::judge(calls),
    },
    Rule {
        id: "leaked-canary",
        scope: Scope::Request,
        judge: |calls, _| leaked_canary::judge(calls),
    },
    Rule {
        id: "paid-twice",
        scope: Scope::Request,
        judge: |calls, _| paid_twice::judge(calls),
    },
    Rule {
        id: "refused",
        scope: Scope::Request,
        judge: |calls, _| refused::judge(calls),
    },
    Rule {
        id: "retry-storm",
        scope: Scope::Place,
        judge: |calls, _| retry_storm::judge(calls),
    },
];

impl Verdict {
    /// Judges a part of the journal, by what is known of deprecations.
    #[must_use]
    pub fn of(page: &Page, deprecations: &[Deprecations]) -> Self {
        let mut findings = Vec::new();
        for rule in RULES {
            let mut requests: BTreeMap<_, Vec<&Entry>> = BTreeMap::new();
            for entry in &page.entries {
                let calls = requests.entry(rule.scope.key(entry)).or_default();
                calls.push(entry);
            }
            for calls in requests.values() {
                let found = (rule.judge)(calls, deprecations);
                findings.extend(found.into_iter().map(|(entries, message)| Finding {
                    rule: rule.id.to_owned(),
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

impl Scope {
    fn key(self, entry: &Entry) -> (&str, Option<&str>, &str) {
        let same = entry.token.as_deref().unwrap_or(&entry.body_sha256);
        let label = entry.credential.as_ref().map(|seen| seen.label.as_str());
        match self {
            Self::Place => (same, label, &entry.path),
            Self::Request => (same, None, ""),
        }
    }
}

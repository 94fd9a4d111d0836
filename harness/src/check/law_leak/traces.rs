//! Looks for parts of secrets in texts of any size, in one pass.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use crate::redact::{TELLING_FRAGMENT, is_telling};

/// So many characters of a credential in a row are a leak.
const FRAGMENT: usize = TELLING_FRAGMENT;
/// Fragments of letters alone are words more often than leaks: they must be as long as this.
const WORDY_FRAGMENT: usize = 14;
/// A secret that is shorter than a fragment leaks only as a whole; what is shorter than this is in every text.
const SHORTEST: usize = 4;

/// What would give a secret away: the secret itself, and how base64 and URLs write it.
pub(super) struct Traces {
    written: Vec<Written>,
    /// A fragment → the texts that hold it, and where.
    fragments: HashMap<[u8; FRAGMENT], Vec<(usize, usize)>>,
    /// The first two bytes of any fragment: most of a text is passed over by them.
    begins: Vec<bool>,
}

/// A secret in one way of writing it.
struct Written {
    secret: usize,
    text: String,
}

/// A part of a secret that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Which secret.
    pub(super) secret: usize,
    /// How many characters of it.
    pub(super) length: usize,
}

impl Traces {
    /// Of these secrets, which are known by their place.
    pub(super) fn of<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut traces = Self {
            written: Vec::new(),
            fragments: HashMap::new(),
            begins: vec![false; 1 << 16],
        };
        for (secret, value) in secrets.into_iter().enumerate() {
            let ways = [
                value.to_owned(),
                BASE64_STANDARD_NO_PAD.encode(value),
                BASE64_URL_SAFE_NO_PAD.encode(value),
                percent_encode(value),
            ];
            for text in BTreeSet::from(ways) {
                traces.add(Written { secret, text });
            }
        }
        traces
    }

    fn add(&mut self, written: Written) {
        let index = self.written.len();
        for (at, window) in written.text.as_bytes().windows(FRAGMENT).enumerate() {
            if let Ok(fragment) = <[u8; FRAGMENT]>::try_from(window) {
                self.begins[begin(window)] = true;
                self.fragments
                    .entry(fragment)
                    .or_default()
                    .push((index, at));
            }
        }
        self.written.push(written);
    }

    /// The longest part of a secret that is in a text, if it is enough to be a leak.
    pub(super) fn longest(&self, text: &[u8]) -> Option<Found> {
        let mut longest: Option<Found> = None;
        // A hostile text may repeat what tells nothing: it is looked at once.
        let mut judged = BTreeSet::new();
        for (place, window) in text.windows(FRAGMENT).enumerate() {
            if !self.begins[begin(window)] {
                continue;
            }
            for &(index, at) in self.fragments.get(window).into_iter().flatten() {
                let written = &self.written[index];
                let length = common(&written.text.as_bytes()[at..], &text[place..]);
                let is_longer = longest.is_none_or(|found| length > found.length);
                if !is_longer || !judged.insert((index, at, length)) {
                    continue;
                }
                let secret = written.secret;
                let found =
                    telling(&written.text, at, length).map(|length| Found { secret, length });
                longest = match (longest, found) {
                    (Some(before), Some(found)) if found.length <= before.length => Some(before),
                    (before, found) => found.or(before),
                };
            }
        }
        longest.or_else(|| self.short(text))
    }

    fn short(&self, text: &[u8]) -> Option<Found> {
        let short = |written: &&Written| (SHORTEST..FRAGMENT).contains(&written.text.len());
        let is_in = |written: &Written| {
            let mut windows = text.windows(written.text.len());
            windows.any(|window| window == written.text.as_bytes())
        };
        let found = self
            .written
            .iter()
            .filter(short)
            .find(|written| is_in(written))?;
        Some(Found {
            secret: found.secret,
            length: found.text.len(),
        })
    }
}

fn begin(window: &[u8]) -> usize {
    usize::from(window[0]) << 8 | usize::from(window[1])
}

/// How many bytes two texts have in common at their beginnings.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The length of the longest fragment from here that cannot be a word of an ordinary text.
fn telling(secret: &str, at: usize, length: usize) -> Option<usize> {
    (FRAGMENT..=length).rev().find(|length| {
        let fragment = secret.get(at..at + length);
        fragment.is_some_and(|fragment| {
            is_telling(fragment, at == 0) || fragment.len() >= WORDY_FRAGMENT
        })
    })
}

fn percent_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(secret: &str, text: &str) -> Option<usize> {
        let found = Traces::of([secret]).longest(text.as_bytes());
        found.map(|found| found.length)
    }

    #[test]
    fn fragments_whole_keys_and_encodings_are_found() {
        let key = "sk-up7Kq2ZxV9bT4nLw";
        assert!(found(key, "Incorrect API key provided: sk-up7Kq******4nLw").is_some());
        assert!(found(key, "…xV9bT4nLw…").is_some());
        assert!(
            found(
                key,
                &format!(
                    "Authorization: Basic {}",
                    BASE64_STANDARD_NO_PAD.encode(key)
                )
            )
            .is_some()
        );
        assert_eq!(found(key, "sk-up7K and nothing more"), None);
    }

    #[test]
    fn words_are_no_leak() {
        let key = "sk-upstream-openai";
        assert_eq!(found(key, "the upstream openai server failed"), None);
        assert!(found(key, "provided: sk-upstr******enai").is_some());
        assert!(found(key, "key sk-upstream-openai").is_some());
        assert_eq!(found("upstream-azure-key", "upstream error"), None);
    }

    #[test]
    fn the_secret_is_told_and_huge_texts_are_read_once() {
        let keys = ["sk-up7Kq2ZxV9bT4nLw", "pw7"];
        let traces = Traces::of(keys);
        assert_eq!(traces.longest(b"pw7"), None);
        let found = traces.longest(b"a key: sk-up7Kq2ZxV9bT4nLw!").unwrap();
        assert_eq!((found.secret, found.length), (0, 19));
        let huge = "upstream sk-up sk-up7K ".repeat(1 << 20);
        assert!(traces.longest(huge.as_bytes()).is_none());
        assert!(found.length > 8 && traces.longest(&[0xff; 100]).is_none());
    }
}

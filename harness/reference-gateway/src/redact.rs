//! The only place that knows what must not reach a client: the keys of the upstreams, and their addresses.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::config::{Secret, Upstream};

const MASK: &str = "[redacted]";
/// So many consecutive characters of a key give it away.
const FRAGMENT: usize = 8;
/// How ids of an organisation and a project begin at OpenAI.
const ACCOUNT_PREFIXES: &[&str] = &["org-", "proj_"];

/// Finds and masks secrets.
pub(crate) struct Redactor {
    /// The keys of the configuration.
    configured: Keys,
    /// The token that was fetched last: an account has one at a time.
    fetched: RwLock<Keys>,
    /// Addresses, the longest first.
    hosts: Vec<String>,
}

struct Keys {
    /// All fragments of all keys; of a key that is no longer than a fragment the key itself.
    fragments: Vec<Box<[u8]>>,
    /// The bytes with which a fragment can begin: most places are ruled out by one look.
    firsts: [bool; 256],
}

impl Keys {
    fn new<'a>(keys: impl Iterator<Item = &'a str>) -> Self {
        let mut fragments: Vec<Box<[u8]>> = Vec::new();
        for key in keys.map(str::as_bytes).filter(|key| !key.is_empty()) {
            fragments.extend(key.windows(FRAGMENT.min(key.len())).map(Box::from));
        }
        fragments.sort_unstable();
        fragments.dedup();
        let mut firsts = [false; 256];
        for first in fragments.iter().filter_map(|fragment| fragment.first()) {
            firsts[usize::from(*first)] = true;
        }
        Self { fragments, firsts }
    }

    fn fragment_at(&self, bytes: &[u8]) -> Option<usize> {
        if !self.firsts[usize::from(*bytes.first()?)] {
            return None;
        }
        self.fragments
            .iter()
            .find(|fragment| bytes.starts_with(fragment))
            .map(|fragment| fragment.len())
    }
}

/// Says nothing: the fields are the secrets.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Redactor")
    }
}

impl Redactor {
    pub(crate) fn new<'a>(upstreams: impl Iterator<Item = &'a Upstream>) -> Self {
        let mut keys = Vec::new();
        let mut hosts = Vec::new();
        for upstream in upstreams {
            let host = upstream.url.host();
            hosts.extend(upstream.url.port().map(|port| format!("{host}:{port}")));
            // A name of one word is masked only where it stands as an address: it may be an ordinary word.
            hosts.push(if host.contains(['.', ':']) {
                host.to_owned()
            } else {
                format!("//{host}")
            });
            keys.extend(upstream.key.as_ref().map(Secret::expose));
        }
        hosts.sort_unstable_by_key(|host| std::cmp::Reverse(host.len()));
        hosts.dedup();
        Self {
            configured: Keys::new(keys.into_iter()),
            fetched: RwLock::new(Keys::new(std::iter::empty())),
            hosts,
        }
    }

    /// A token that was fetched is as secret as a key.
    pub(crate) fn learn(&self, token: &str) {
        let mut fetched = self.fetched.write().unwrap_or_else(PoisonError::into_inner);
        *fetched = Keys::new(std::iter::once(token));
    }

    /// Whether any key or part of one is in `bytes`.
    pub(crate) fn finds_key(&self, bytes: &[u8]) -> bool {
        let fetched = self.fetched();
        (0..bytes.len()).any(|at| self.fragment_at(&fetched, &bytes[at..]).is_some())
    }

    /// `bytes` with keys masked, except in the (ascending) ranges of `skip`, which hold image data: there a fragment is chance,
    /// and masking it would break the image. `None` if there is nothing to mask.
    pub(crate) fn keys(&self, bytes: &[u8], skip: &[Range<usize>]) -> Option<Vec<u8>> {
        let fetched = self.fetched();
        let mut hits: Vec<Range<usize>> = Vec::new();
        let mut skip = skip.iter().peekable();
        let mut at = 0;
        while at < bytes.len() {
            if let Some(skipped) = skip.next_if(|range| range.start <= at) {
                at = at.max(skipped.end);
                continue;
            }
            if let Some(length) = self.fragment_at(&fetched, &bytes[at..]) {
                match hits.last_mut() {
                    Some(last) if at <= last.end => last.end = at + length,
                    _ => hits.push(at..at + length),
                }
            }
            at += 1;
        }
        if hits.is_empty() {
            return None;
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut copied = 0;
        for hit in hits {
            masked.extend_from_slice(&bytes[copied..hit.start]);
            masked.extend_from_slice(MASK.as_bytes());
            copied = hit.end;
        }
        masked.extend_from_slice(&bytes[copied..]);
        Some(masked)
    }

    /// A text with keys masked and nothing else.
    pub(crate) fn mask_keys<'t>(&self, text: &'t str) -> Cow<'t, str> {
        // Keys are ASCII, so what is left between two masks is still UTF-8.
        match self.keys(text.as_bytes(), &[]) {
            Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            None => Cow::Borrowed(text),
        }
    }

    /// A text for people with keys, upstream addresses and account ids masked.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut masked = self.mask_keys(text);
        for host in &self.hosts {
            if masked.contains(host.as_str()) {
                masked = Cow::Owned(masked.replace(host.as_str(), MASK));
            }
        }
        for prefix in ACCOUNT_PREFIXES {
            masked = without_ids(masked, prefix);
        }
        masked
    }

    fn fetched(&self) -> RwLockReadGuard<'_, Keys> {
        self.fetched.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn fragment_at(&self, fetched: &Keys, bytes: &[u8]) -> Option<usize> {
        let configured = self.configured.fragment_at(bytes);
        configured.or_else(|| fetched.fragment_at(bytes))
    }
}

/// Masks what looks like an id that begins with `prefix`.
fn without_ids<'t>(text: Cow<'t, str>, prefix: &str) -> Cow<'t, str> {
    const SHORTEST_ID: usize = 8;

    if !text.contains(prefix) {
        return text;
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find(prefix) {
        let (before, from) = rest.split_at(at);
        masked.push_str(before);
        let id = &from[prefix.len()..];
        let length = id
            .find(|character: char| !character.is_ascii_alphanumeric())
            .unwrap_or(id.len());
        let starts_word = !masked.ends_with(|character: char| character.is_alphanumeric());
        if starts_word && length >= SHORTEST_ID {
            masked.push_str(MASK);
        } else {
            masked.push_str(&from[..prefix.len() + length]);
        }
        rest = &id[length..];
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(key: &str) -> Redactor {
        let upstream = Upstream {
            url: "https://images.example:8443/v1".parse().unwrap(),
            key: key.parse().ok(),
        };
        Redactor::new([&upstream].into_iter())
    }

    #[test]
    fn keys_and_their_parts_are_masked() {
        let redactor = redactor("sk-abcdefghijkl");
        for (text, expected) in [
            ("key sk-abcdefghijkl.", "key [redacted]."),
            ("ends ghijkl", "ends ghijkl"),
            ("ends efghijkl", "ends [redacted]"),
            ("sk-abcde…fghijkl", "[redacted]…fghijkl"),
            ("sk-abcdefghijklsk-abcdefghijkl", "[redacted]"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(redactor.text(text), expected);
        }
    }

    #[test]
    fn addresses_and_account_ids_are_masked() {
        let redactor = redactor("sk-abcdefghijkl");
        for (text, expected) in [
            (
                "at https://images.example:8443/v1",
                "at https://[redacted]/v1",
            ),
            ("images.example is down", "[redacted] is down"),
            (
                "organization org-AbCd1234EfGh on",
                "organization [redacted] on",
            ),
            ("proj_AbCd1234", "[redacted]"),
            (
                "an org-chart, a cyborg-zyxwvuts",
                "an org-chart, a cyborg-zyxwvuts",
            ),
        ] {
            assert_eq!(redactor.text(text), expected);
        }
    }

    #[test]
    fn image_data_is_left_alone() {
        let redactor = redactor("abcdefghijkl");
        let body = br#"{"b64_json":"AAabcdefghAA","x":"abcdefgh"}"#;
        let image = 12..26;
        let masked = redactor.keys(body, std::slice::from_ref(&image)).unwrap();
        assert_eq!(
            String::from_utf8(masked).unwrap(),
            r#"{"b64_json":"AAabcdefghAA","x":"[redacted]"}"#
        );
        assert_eq!(
            redactor.keys(&body[..26], std::slice::from_ref(&image)),
            None
        );
    }

    #[test]
    fn a_token_that_was_fetched_is_masked_until_the_next() {
        let redactor = redactor("sk-abcdefghijkl");
        redactor.learn("ya29.first-token");
        assert_eq!(redactor.text("a ya29.first-token"), "a [redacted]");
        redactor.learn("ya29.other-token");
        assert_eq!(
            redactor.text("ya29.other-token sk-abcdefghijkl"),
            "[redacted] [redacted]"
        );
    }

    #[test]
    fn a_short_key_is_masked_as_a_whole() {
        assert_eq!(redactor("k3y!").text("a k3y! b k3y"), "a [redacted] b k3y");
    }
}

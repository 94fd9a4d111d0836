//! `law.leak`: no credential of one side is shown to the other.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::{Evidence, Received};
use crate::redact::{TELLING_FRAGMENT, is_telling};
use crate::target::{Secret, Target};

/// See the module.
pub(super) struct Leak;

/// So many characters of a credential in a row are a leak.
const FRAGMENT: usize = TELLING_FRAGMENT;
/// Fragments of letters alone are words more often than leaks: they must be as long as this.
const WORDY_FRAGMENT: usize = 14;
/// Texts of more bytes than this, without a blank, are image data.
const IMAGE_DATA: usize = 4096;

impl Check for Leak {
    fn id(&self) -> &'static str {
        "law.leak"
    }

    fn summary(&self) -> &'static str {
        "no credential comes back in a header, a body or an event, and no client's key goes upstream"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            if site.exchange.answer().is_some() {
                let result = downstream(site, evidence.target);
                bench.record(site, self.id(), self.id(), result);
            }
            if site.exchange.upstream.is_some() && !evidence.target.policies.shared_key {
                bench.record(site, self.id(), self.id(), upstream(site));
            }
        }
    }
}

/// The keys that this client must not see: the target's own, and other customers'.
fn foreign<'t>(site: Site<'_>, target: &'t Target) -> Vec<&'t Secret> {
    let own = target.credential(site.evidence.step.request.credential);
    let foreign = target
        .secrets()
        .filter(|secret| own.as_ref().is_none_or(|own| own.value != secret.value));
    foreign.collect()
}

fn downstream(site: Site<'_>, target: &Target) -> Result<(), Mismatch> {
    let Some(answer) = site.exchange.answer() else {
        return Ok(());
    };
    for secret in foreign(site, target) {
        for (place, text) in places(answer) {
            if let Some(length) = found(&secret.value, &text) {
                let message = format!("{length} characters of {} are in {place}", secret.shown);
                return Err(Mismatch::of(
                    message,
                    "no credential",
                    format!("a part of {}", secret.shown),
                ));
            }
        }
    }
    Ok(())
}

fn upstream(site: Site<'_>) -> Result<(), Mismatch> {
    let leaked = site
        .exchange
        .calls()
        .iter()
        .any(|call| !call.canaries.is_empty());
    if !leaked {
        return Ok(());
    }
    Err(Mismatch::of(
        "a client's key was sent to the provider",
        "no client's key",
        "a client's key",
    ))
}

/// Every text of an answer, image data left out.
fn places(answer: &Received) -> Vec<(String, String)> {
    let headers = answer
        .headers
        .iter()
        .map(|(name, value)| (format!("the header {name}"), value.clone()));
    let body = String::from_utf8_lossy(&answer.body);
    let body = body
        .split('"')
        .filter(|text| text.len() < IMAGE_DATA || text.contains(' '));
    let body = body.collect::<Vec<_>>().join("\"");
    headers.chain([("the body".to_owned(), body)]).collect()
}

/// How many characters of a secret are in a text, if they are enough to be a leak; also as base64 or
/// URL-encoded.
fn found(secret: &str, text: &str) -> Option<usize> {
    let encoded = [
        secret.to_owned(),
        BASE64_STANDARD_NO_PAD.encode(secret),
        BASE64_URL_SAFE_NO_PAD.encode(secret),
        percent_encode(secret),
    ];
    encoded
        .iter()
        .filter_map(|secret| fragment(secret, text))
        .max()
}

fn fragment(secret: &str, text: &str) -> Option<usize> {
    let letters: Vec<(usize, char)> = secret.char_indices().collect();
    let mut longest = None;
    for start in 0..letters.len() {
        let from = letters[start].0;
        let mut end = start + FRAGMENT;
        while end <= letters.len() {
            let to = letters.get(end).map_or(secret.len(), |(at, _)| *at);
            if !text.contains(&secret[from..to]) {
                break;
            }
            if tells(&secret[from..to], start == 0) {
                longest = longest.max(Some(end - start));
            }
            end += 1;
        }
    }
    // A short secret leaks only as a whole.
    longest.or_else(|| {
        (letters.len() < FRAGMENT && letters.len() >= 4 && text.contains(secret))
            .then_some(letters.len())
    })
}

/// Whether a fragment cannot be a word of an ordinary text.
fn tells(fragment: &str, is_start: bool) -> bool {
    is_telling(fragment, is_start) || fragment.len() >= WORDY_FRAGMENT
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
}

//! The only place that knows secrets: everything that leaves the harness passes through here.
//!
//! A secret is found as a whole, as base64 (also inside of a longer text that was encoded), percent-encoded, and
//! by any longer fragment of it. What it is replaced by is its name, `$VARIABLE`, so that a command line that
//! needs it can still be run.

use std::collections::HashMap;
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::{
    BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD,
};

use crate::target::{Secret, Target};

/// What is shorter opens nothing, and would be found in every text.
const SHORTEST_SECRET: usize = 4;
/// Fragments are looked for in secrets of at least so many characters.
const SHORTEST_BROKEN: usize = 16;
/// So many characters of a secret in a row give it away, whatever they are.
const FRAGMENT: usize = 12;
/// So many do if they cannot be a word.
pub(crate) const TELLING_FRAGMENT: usize = 8;
/// The same as base64.
const ENCODED_FRAGMENT: usize = FRAGMENT / 3 * 4;
/// Needles are found by so many first bytes; none is shorter.
const PREFIX: usize = SHORTEST_SECRET;

/// Replaces secrets by their names.
#[derive(Clone, Default)]
pub struct Redactor {
    /// (what gives a secret away, what is shown instead).
    needles: Vec<(String, String)>,
    /// The first bytes of a needle → the needles, the longest first.
    by_prefix: HashMap<[u8; PREFIX], Vec<usize>>,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'p> {
    /// Without secrets.
    Plain(&'p str),
    /// The name of the secret that stood there.
    Secret(&'p str),
}

/// Says nothing: the fields are the secrets.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// Knows every secret of a target.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        Self::new(target.secrets())
    }

    /// Knows these secrets; of two with the same value the first gives the name.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let secrets = secrets
            .into_iter()
            .filter(|secret| secret.value.len() >= SHORTEST_SECRET);
        let needles = secrets.flat_map(|secret| {
            needles(&secret.value)
                .into_iter()
                .map(|needle| (needle, secret.shown.clone()))
        });
        Self::indexed(needles.collect())
    }

    /// The same for texts in which every character is written as `escape` does.
    #[must_use]
    pub fn written_as(&self, escape: impl Fn(&str) -> String) -> Self {
        let needles = self
            .needles
            .iter()
            .map(|(needle, shown)| (escape(needle), escape(shown)));
        Self::indexed(needles.collect())
    }

    /// A text without secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let pieces = self.pieces(text).into_iter();
        pieces
            .map(|piece| match piece {
                Piece::Plain(text) | Piece::Secret(text) => text,
            })
            .collect()
    }

    /// The parts of a text, for those who must write names of secrets in another way.
    #[must_use]
    pub fn pieces<'p>(&'p self, text: &'p str) -> Vec<Piece<'p>> {
        let mut pieces = Vec::new();
        let mut copied = 0;
        for (range, needle) in self.hits(text) {
            pieces.extend((range.start > copied).then(|| Piece::Plain(&text[copied..range.start])));
            pieces.push(Piece::Secret(&self.needles[needle].1));
            copied = range.end;
        }
        pieces.extend((copied < text.len()).then(|| Piece::Plain(&text[copied..])));
        pieces
    }

    fn indexed(needles: Vec<(String, String)>) -> Self {
        let mut by_prefix: HashMap<[u8; PREFIX], Vec<usize>> = HashMap::new();
        for (index, (needle, _)) in needles.iter().enumerate() {
            if let Some(prefix) = needle.as_bytes().first_chunk() {
                by_prefix.entry(*prefix).or_default().push(index);
            }
        }
        for found in by_prefix.values_mut() {
            // Stable: of equal needles the first one stays the first.
            found.sort_by_key(|index| std::cmp::Reverse(needles[*index].0.len()));
        }
        Self { needles, by_prefix }
    }

    /// Where secrets stand, with a needle of each; hits that overlap are one.
    fn hits(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let mut hits: Vec<(Range<usize>, usize)> = Vec::new();
        if self.needles.is_empty() {
            return hits;
        }
        for at in 0..text.len() {
            let Some(needle) = self.longest_at(&text.as_bytes()[at..]) else {
                continue;
            };
            let end = at + self.needles[needle].0.len();
            match hits.last_mut() {
                Some((range, _)) if at < range.end => range.end = range.end.max(end),
                _ => hits.push((at..end, needle)),
            }
        }
        hits
    }

    fn longest_at(&self, bytes: &[u8]) -> Option<usize> {
        let candidates = self.by_prefix.get(bytes.first_chunk::<PREFIX>()?)?;
        candidates
            .iter()
            .copied()
            .find(|index| bytes.starts_with(self.needles[*index].0.as_bytes()))
    }
}

/// Everything that gives a secret away.
fn needles(secret: &str) -> Vec<String> {
    let letters: Vec<char> = secret.chars().collect();
    let percent: Vec<String> = letters
        .iter()
        .map(|letter| percent_encode(*letter))
        .collect();
    let mut needles = vec![
        secret.to_owned(),
        percent.concat(),
        percent.concat().to_ascii_lowercase(),
        BASE64_STANDARD.encode(secret),
        BASE64_STANDARD_NO_PAD.encode(secret),
        BASE64_URL_SAFE.encode(secret),
        BASE64_URL_SAFE_NO_PAD.encode(secret),
    ];
    if letters.len() >= SHORTEST_BROKEN {
        needles.extend(
            letters
                .windows(FRAGMENT)
                .map(|window| window.iter().collect()),
        );
        let short = letters.windows(TELLING_FRAGMENT).enumerate();
        let short = short.map(|(at, window)| (at, window.iter().collect::<String>()));
        needles.extend(short.filter_map(|(at, text)| is_telling(&text, at == 0).then_some(text)));
        needles.extend(percent.windows(FRAGMENT).map(<[String]>::concat));
        needles.extend(encoded_fragments(secret.as_bytes()));
    }
    let mut seen = std::collections::HashSet::new();
    needles.retain(|needle| seen.insert(needle.clone()));
    needles
}

/// Whether a short fragment of a secret cannot be a word of an ordinary text: it has a digit, or it is the
/// beginning with its punctuation (`sk-upstr`, which providers show of a key that they refuse).
pub(crate) fn is_telling(fragment: &str, is_start: bool) -> bool {
    let has_digit = fragment.bytes().any(|byte| byte.is_ascii_digit());
    let has_mark = fragment.bytes().any(|byte| !byte.is_ascii_alphanumeric());
    has_digit || (is_start && has_mark)
}

/// Fragments of the base64 of any text that holds the secret: what stands before it shifts it by 0, 1 or 2 bytes.
fn encoded_fragments(secret: &[u8]) -> Vec<String> {
    let shifted = (0..3).map(|skipped| {
        let rest = secret.get(skipped..).unwrap_or_default();
        &rest[..rest.len() / 3 * 3]
    });
    let encoded = shifted.flat_map(|bytes| {
        [
            BASE64_STANDARD_NO_PAD.encode(bytes),
            BASE64_URL_SAFE_NO_PAD.encode(bytes),
        ]
    });
    let mut fragments = Vec::new();
    for text in encoded {
        // Base64 is ASCII: every place is between two characters.
        fragments.extend(
            (ENCODED_FRAGMENT..=text.len()).map(|end| text[end - ENCODED_FRAGMENT..end].to_owned()),
        );
    }
    fragments
}

fn percent_encode(letter: char) -> String {
    if letter.is_ascii_alphanumeric() || "-._~".contains(letter) {
        return letter.to_string();
    }
    let mut bytes = [0; 4];
    letter
        .encode_utf8(&mut bytes)
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-up7Kq2/Zx+V9bT4nLw";

    fn secret(value: &str, shown: &str) -> Secret {
        Secret {
            value: value.to_owned(),
            shown: shown.to_owned(),
        }
    }

    fn clean(text: &str) -> String {
        Redactor::new(&[
            secret(KEY, "$KEY"),
            secret("k3y!", "$SHORT"),
            secret("a", "$ONE"),
        ])
        .text(text)
    }

    #[test]
    fn whole_keys_and_fragments_are_replaced() {
        for (text, wanted) in [
            ("Bearer sk-up7Kq2/Zx+V9bT4nLw.", "Bearer $KEY."),
            ("é sk-up7Kq2/Zx+…", "é $KEY…"),
            ("ends 2/Zx+V9bT4nLw", "ends $KEY"),
            ("ends x+V9bT4nLw", "ends $KEY"),
            ("ends T4nLw", "ends T4nLw"),
            ("sk-up7Kq2/Zx+V9bT4nLwsk-up7Kq2/Zx+V9bT4nLw", "$KEY$KEY"),
            ("k3y! k3y", "$SHORT k3y"),
            ("a text", "a text"),
            ("", ""),
        ] {
            assert_eq!(clean(text), wanted);
        }
    }

    #[test]
    fn encoded_keys_are_replaced() {
        for text in [
            BASE64_STANDARD.encode(KEY),
            BASE64_URL_SAFE_NO_PAD.encode(KEY),
            "sk-up7Kq2%2FZx%2BV9bT4nLw".to_owned(),
            "sk-up7kq2%2fzx%2bv9bt4nlw".to_owned(),
        ] {
            assert_eq!(clean(&format!("a={text}&b")), "a=$KEY&b");
        }
        for before in ["", "u", "us", "user:"] {
            let text = clean(&BASE64_STANDARD.encode(format!("{before}{KEY}:x")));
            assert!(text.contains("$KEY"), "{text}");
            assert!(
                !text.contains(&BASE64_STANDARD.encode(KEY)[4..20]),
                "{text}"
            );
        }
    }

    #[test]
    fn the_whole_key_names_a_shared_beginning() {
        let secrets = [
            secret("sk-conformance-first", "$FIRST"),
            secret("sk-conformance-second", "$SECOND"),
        ];
        assert_eq!(
            Redactor::new(&secrets).text("sk-conformance-second"),
            "$SECOND"
        );
    }

    #[test]
    fn escaped_texts_are_cleaned_with_escaped_names() {
        let redactor = Redactor::new(&[secret("k\"y-1", "<key>")]);
        let json = redactor.written_as(|text| text.replace('"', "\\\""));
        assert_eq!(json.text(r#"{"a":"k\"y-1"}"#), r#"{"a":"<key>"}"#);
        let xml = redactor.written_as(|text| text.replace('<', "&lt;").replace('"', "&quot;"));
        assert_eq!(xml.text("<a>k&quot;y-1</a>"), "<a>&lt;key></a>");
        assert_eq!(format!("{redactor:?}"), "Redactor");
    }
}

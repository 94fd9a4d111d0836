//! One entry of the journal, as it is written and as `GET /_mock/journal` shows it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::wire::{Decided, HoldPoint, Summary};

/// One request and what became of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// From 1, without holes.
    pub seq: u64,
    /// When what happened.
    pub stamps: Stamps,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, with credentials masked.
    pub query: Option<String>,
    /// Name and value, lower-case names, in the order in which they came, with credentials masked.
    pub headers: Vec<(String, String)>,
    /// The credential.
    pub credential: Option<CredentialSeen>,
    /// The body: JSON with long strings as `{len, sha256}`; other bodies as `{len, sha256}` as a whole.
    pub body: Value,
    /// Length of the raw body in bytes.
    pub body_len: usize,
    /// SHA-256 of the raw body in hex.
    pub body_sha256: String,
    /// The case token.
    pub token: Option<String>,
    /// The provider that was called.
    pub provider: Option<String>,
    /// `images.generations`, …
    pub operation: Option<String>,
    /// The provider-neutral digest of what was sent; absent means not sent.
    pub sent: Map<String, Value>,
    /// The same after the provider's defaults.
    pub effective: Map<String, Value>,
    /// What decided the answer, none for a plain success.
    pub scenario: Option<ScenarioSeen>,
    /// The answer that was decided.
    pub answer: Option<AnswerSeen>,
    /// The holds of the answer.
    pub holds: Vec<HoldSeen>,
    /// Labels of the canaries that were found in the raw request.
    pub canaries: Vec<String>,
}

/// When what happened; all but the first in microseconds after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamps {
    /// The head of the request had arrived.
    #[serde(with = "time::serde::rfc3339")]
    pub received: OffsetDateTime,
    /// The head of the answer was handed to the socket.
    pub head: Option<u64>,
    /// Each stream event was handed to the socket, the first thousand.
    pub events: Vec<u64>,
    /// The last byte of the answer was handed to the socket.
    pub end: Option<u64>,
    /// The peer was gone before the end.
    pub peer_gone: Option<u64>,
}

impl Default for Stamps {
    fn default() -> Self {
        Self {
            received: OffsetDateTime::UNIX_EPOCH,
            head: None,
            events: Vec::new(),
            end: None,
            peer_gone: None,
        }
    }
}

/// A credential, comparable but of no use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSeen {
    /// The first 12 hex digits of its SHA-256.
    pub label: String,
    /// Its first characters and stars.
    pub masked: String,
}

/// What decided an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSeen {
    /// `script`, `prompt`, `header`, `global`, or `rate-limit` for a call beyond `--rate-limit`.
    pub source: String,
    /// What applied to this call; `ok` if nothing did.
    pub applied: String,
    /// The script had no answer left for this call.
    pub beyond_script: bool,
}

/// The answer that was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerSeen {
    /// The status code.
    pub status: u16,
    /// The condition and the images.
    pub summary: Summary,
    /// A fault keeps the client from having all of it.
    #[serde(default)]
    pub damaged: bool,
}

/// A hold that an answer came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldSeen {
    /// Where.
    pub at: HoldPoint,
    /// When it was reached, in microseconds after the request.
    pub reached: u64,
    /// How it ended; none while it lasts.
    pub end: Option<HoldEnd>,
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldEnd {
    /// After ten minutes; the connection was cut.
    Expired,
    /// The peer went.
    PeerGone,
    /// By a release.
    Released,
    /// Its script was replaced, deleted or forgotten: nobody could release it any more, so it went on.
    ScriptGone,
}

impl Entry {
    /// Roughly how much memory the entry takes; what is written into it later weighs on its own, or has its room in
    /// the base.
    pub(super) fn approximate_bytes(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| size_of::<(String, String)>() + text(name) + text(value))
            .sum();
        let query = self.query.as_deref().map_or(0, text);
        let digests = members(&self.sent) + members(&self.effective);
        BASE + headers + text(&self.path) + query + weigh(&self.body) + digests
    }
}

impl Decided {
    /// Roughly how much memory this takes beside its entry, every hash computed.
    pub(super) fn approximate_bytes(&self) -> usize {
        // What is hashed keeps some 300 bytes of provenance until then.
        let images = 512 * (self.images.len() + self.partial_images.len());
        images + text(&self.condition) + self.usage.as_ref().map_or(0, weigh)
    }
}

/// An entry, its short texts, and some stamps and holds.
const BASE: usize = size_of::<Entry>() + 1024;
/// What an allocation takes beside its bytes: the allocator's own, rounding, and room to grow.
const ALLOCATION: usize = 24;

fn text(text: &str) -> usize {
    ALLOCATION + text.len()
}

/// Roughly how much memory a JSON value takes.
pub(super) fn weigh(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(string) => text(string),
            Value::Array(items) => ALLOCATION + items.iter().map(weigh).sum::<usize>(),
            Value::Object(object) => members(object),
            _ => 0,
        }
}

/// An object is a list of members with the hash of each, up to twice as long as it has to be, and a table of places.
fn members(object: &Map<String, Value>) -> usize {
    const ROOM: usize = size_of::<(String, Value)>() / 2 + 4 * size_of::<usize>();
    let weights = object
        .iter()
        .map(|(name, value)| size_of::<String>() + text(name) + weigh(value) + ROOM);
    2 * ALLOCATION + weights.sum::<usize>()
}

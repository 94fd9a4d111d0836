//! What happened: requests as sent, answers as received, what arrived upstream. Plain values; [`client`] and
//! [`mock`] do the input and output.

pub mod asked;
pub mod client;
mod document;
pub mod images;
pub mod list;
pub mod message;
pub mod mock;
pub mod progress;
pub mod sse;

pub use document::Document;

use std::collections::BTreeMap;

use bytes::Bytes;
use mock_server::journal::Entry;
use serde_json::Value;

use crate::case::{ClientHas, Instance, Step};
use crate::exchange::images::SeenImage;
use crate::exchange::sse::StreamEvent;
use crate::target::Target;

/// Everything that was observed of one instance.
#[derive(Debug)]
pub struct Evidence<'r> {
    /// What was run.
    pub instance: &'r Instance,
    /// Against what.
    pub target: &'r Target,
    /// One for each step that was sent.
    pub steps: Vec<StepEvidence>,
    /// The same steps straight to the mock, with the same tokens; none where nothing can be compared.
    pub direct: Option<Box<Evidence<'r>>>,
}

/// What was observed of one step.
#[derive(Debug)]
pub struct StepEvidence {
    /// The step, with its variables filled in.
    pub step: Step,
    /// The same for the second parallel copy and those after it, with tokens of their own.
    pub others: Vec<Step>,
    /// One exchange, or one for each parallel copy.
    pub exchanges: Vec<Exchange>,
}

/// One request and everything that was observed of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The case token of its texts.
    pub token: String,
    /// What was sent.
    pub sent: Sent,
    /// What came back.
    pub outcome: Outcome,
    /// The images of the answer, decoded.
    pub images: Vec<SeenImage>,
    /// What arrived upstream meanwhile, with this token; none without a mock upstream.
    pub upstream: Option<Vec<Entry>>,
    /// What the client had while the provider held.
    pub holds: Vec<HoldSeen>,
    /// The client stopped reading for a while, as the case says.
    pub paused: bool,
    /// How the step polled, if it does; the exchange itself is the last one.
    pub polls: Option<Polls>,
}

/// How a step polled.
#[derive(Clone, Debug, Default)]
pub struct Polls {
    /// The exchanges before the last one, as many as could be kept; without images and upstream calls.
    pub earlier: Vec<Exchange>,
    /// How many requests were sent.
    pub times: usize,
    /// The last answer is what the step polled for.
    pub came: bool,
}

/// A request as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// `POST`, …
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Name and value, lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body; none for `GET`.
    pub body: Option<Bytes>,
    /// In chunked coding, without a length.
    pub chunked: bool,
}

/// What came back.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// At least a head.
    Answer(Received),
    /// Nothing that can be read as an answer; the reason.
    NoAnswer(String),
    /// The harness hung up before the head, as the case says.
    HungUp,
    /// No head within the time limit.
    TimedOut,
}

/// An answer as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The status code.
    pub status: u16,
    /// Name and value, lower-case names, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// Everything that came of the body.
    pub body: Bytes,
    /// How the body ended.
    pub end: End,
    /// The events, if it was a stream.
    pub events: Vec<StreamEvent>,
}

/// How a body ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection broke, or the framing did; the reason.
    Cut(String),
    /// The harness hung up, as the case says.
    HungUp,
    /// As its framing said, but a stream's last event lacks the blank line that ends it: no client sees it.
    InsideEvent,
    /// Not within the time limit.
    TimedOut,
    /// As its framing said.
    Whole,
}

/// What the client had while the provider held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldSeen {
    /// What it must have, and where the provider held.
    pub wanted: ClientHas,
    /// How many events it had when the hold was opened; none if the hold was never reached.
    pub had: Option<usize>,
}

impl<'r> Evidence<'r> {
    /// Nothing was observed yet.
    #[must_use]
    pub fn of(instance: &'r Instance, target: &'r Target) -> Self {
        Self {
            instance,
            target,
            steps: Vec::new(),
            direct: None,
        }
    }
}

impl Exchange {
    /// The answer, if there was one.
    #[must_use]
    pub fn answer(&self) -> Option<&Received> {
        match &self.outcome {
            Outcome::Answer(received) => Some(received),
            _ => None,
        }
    }

    /// What arrived upstream; empty without a mock upstream.
    #[must_use]
    pub fn calls(&self) -> &[Entry] {
        self.upstream.as_deref().unwrap_or_default()
    }

    /// The final images, partial ones left out.
    pub fn final_images(&self) -> impl Iterator<Item = &SeenImage> {
        self.images.iter().filter(|image| image.partial.is_none())
    }
}

impl Received {
    /// The first value of a header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    /// The media type without parameters, in lower case; empty when none was sent.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        let media_type = value.split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }

    /// Whether it is announced as server-sent events.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.media_type() == "text/event-stream"
    }

    /// Whether the status says success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether its end never came: the connection broke, or time was up.
    #[must_use]
    pub fn is_broken_off(&self) -> bool {
        matches!(self.end, End::Cut(_) | End::TimedOut)
    }

    /// Whether it is a JSON array, as far as its beginning says.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.is_called_json() && self.body.trim_ascii_start().starts_with(b"[")
    }

    /// Whether it is announced as JSON.
    #[must_use]
    pub fn is_called_json(&self) -> bool {
        let media_type = self.media_type();
        media_type.ends_with("+json")
            || matches!(media_type.as_str(), "application/json" | "text/json")
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        parse(&self.body)
    }
}

/// A text of so many bytes cannot hold so many values that its tree would be a burden.
const HARMLESS: usize = 1 << 20;
/// JSON of more values than about this is not taken for an answer: its tree would need many times its size.
const MOST_VALUES: usize = 500_000;

/// Reads JSON that somebody else wrote; none if it is none, or nothing that an image provider answers.
fn parse(text: &[u8]) -> Option<Value> {
    // Image data hold none of these: what is counted are values, and a little text.
    let begins_value = |byte: &&u8| matches!(byte, b',' | b'[' | b'{');
    if text.len() > HARMLESS && text.iter().filter(begins_value).count() > MOST_VALUES {
        return None;
    }
    serde_json::from_slice(text).ok()
}

/// Bytes of fetched URLs, by URL; the error says why one could not be fetched.
pub type Fetched = BTreeMap<String, Result<Bytes, String>>;

//! Recorded exchanges: what somebody kept of real answers of providers, judged without a target.
//!
//! [`read`] takes a file, [`Judge::judge`] holds one against the schema of its endpoint and
//! against the laws that a single answer can keep or break. Everything here is values; the command line
//! `image-harness check-recording` reads the files.

pub mod endpoint;
pub mod har;
mod image;
mod judge;
mod law;
mod secret;

pub use judge::{Judge, JudgeError};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::exchange::sse::{Reader, StreamEvent};
use crate::exchange::{End, Received};
use crate::schema::{SchemaError, compile, issues};
use crate::target::Secret;
use endpoint::Endpoints;

/// One exchange as it was kept. Everything that may not have been kept is optional.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The provider's id; empty where nobody says who answered.
    pub provider: String,
    /// The method; none where it was not kept.
    pub method: Option<String>,
    /// The path; `*` may stand for names in it.
    pub endpoint: String,
    /// The status code.
    pub status: u16,
    /// Name and value, lower-case names.
    pub headers: Vec<(String, String)>,
    /// Whether the recorder kept all headers.
    pub headers_complete: bool,
    /// What the recorder did to images.
    pub images: Images,
    /// The body; none where it was not kept.
    pub body: Option<Body>,
    /// Credentials of the request, which no report may show.
    pub secrets: Vec<Secret>,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub enum Body {
    /// The events of a stream.
    Events(Vec<StreamEvent>),
    /// Parsed by the recorder.
    Json(Value),
    /// As it came.
    Text(String),
}

/// What a recorder did to images.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Images {
    /// Placeholders stand for them, and sometimes for other values.
    Replaced,
    /// They were cut.
    Shortened,
    /// Nothing.
    Whole,
}

/// What was found of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as the provider's answers are.
    Accepted,
    /// There is nothing to hold it against; why.
    NotJudged(String),
    /// It is not, and these are the reasons; at least one.
    Rejected(Vec<Problem>),
}

/// Something that is wrong with a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A JSON pointer into the recording's body, or the name of another part.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

/// A file is no recording.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is no JSON.
    #[error("no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It has another form.
    #[error("no recording: at {place}: {problem}")]
    Form {
        /// A JSON pointer.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// Our own schema cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// The wire form, `schemas/recording.json`, as far as it is judged.
#[derive(Deserialize)]
struct Kept {
    provider: String,
    endpoint: String,
    method: Option<String>,
    url: Option<String>,
    status: u16,
    headers: Vec<(String, String)>,
    headers_complete: bool,
    images: Images,
    response_body: Option<Value>,
    response_text: Option<String>,
    sse: Option<Vec<KeptEvent>>,
}

#[derive(Deserialize)]
struct KeptEvent {
    event: Option<String>,
    data: Value,
}

/// Reads a file: a recording of the form of `schemas/recording.json`, or the entries of a HAR file.
///
/// # Errors
/// It is no JSON, or of another form; the place is named.
pub fn read(text: &str, endpoints: &Endpoints) -> Result<Vec<Recording>, ParseError> {
    let value: Value = serde_json::from_str(text)?;
    if har::is_har(&value) {
        return har::of_value(&value, endpoints);
    }
    of_value(value).map(|recording| vec![recording])
}

/// Reads one recording.
///
/// # Errors
/// It is of another form; the place is named.
pub fn of_value(value: Value) -> Result<Recording, ParseError> {
    conforms("recording", &value)?;
    let kept: Kept = serde_json::from_value(value)?;
    let url = kept.url.and_then(|url| reqwest::Url::parse(&url).ok());
    let events = kept
        .sse
        .map(|events| events.into_iter().map(KeptEvent::event));
    let text = kept.response_text.map(Body::Text);
    let json = kept.response_body.map(Body::Json);
    Ok(Recording {
        provider: kept.provider,
        method: kept.method,
        endpoint: kept.endpoint,
        status: kept.status,
        headers: lower_case(kept.headers),
        headers_complete: kept.headers_complete,
        images: kept.images,
        body: events
            .map(|events| Body::Events(events.collect()))
            .or(text)
            .or(json),
        secrets: secret::of_request(url.as_ref(), []),
    })
}

/// The value has the form of one of our own schemas.
fn conforms(schema: &str, value: &Value) -> Result<(), ParseError> {
    match issues(&compile(schema)?, value).into_iter().next() {
        Some((place, problem)) => Err(ParseError::Form { place, problem }),
        None => Ok(()),
    }
}

fn lower_case(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
    headers.into_iter().map(lower).collect()
}

impl KeptEvent {
    fn event(self) -> StreamEvent {
        let data = match self.data {
            Value::String(text) => text,
            data => data.to_string(),
        };
        StreamEvent {
            name: self.event,
            data,
        }
    }
}

impl Body {
    /// A body as it came, with the events of what is announced as a stream. Google sends errors of streams as
    /// plain JSON under that name, and inside a stream as JSON without any field.
    #[must_use]
    pub fn of_text(text: String, media_type: &str) -> Self {
        if !media_type.starts_with("text/event-stream") || begins_json(&text) {
            return Self::Text(text);
        }
        let bare = text.find("\n{").or_else(|| text.find("\n["));
        let bare = bare.map(|at| text[at..].trim().to_owned());
        match Reader::default().push(text.as_bytes()) {
            Ok(mut events) => {
                events.extend(bare.map(|data| StreamEvent { name: None, data }));
                Self::Events(events)
            }
            Err(_) => Self::Text(text),
        }
    }

    fn received(&self) -> (Bytes, Vec<StreamEvent>) {
        match self {
            Self::Json(value) => (value.to_string().into(), Vec::new()),
            Self::Text(text) => (Bytes::copy_from_slice(text.as_bytes()), Vec::new()),
            Self::Events(events) => {
                let lines = events.iter().flat_map(|event| event.data.lines());
                let text: String = lines.map(|line| format!("data: {line}\n")).collect();
                (text.into(), events.clone())
            }
        }
    }
}

fn begins_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

impl Recording {
    fn received(&self, body: &Body) -> Received {
        let (body, events) = body.received();
        Received {
            status: self.status,
            headers: self.headers.clone(),
            body,
            end: End::Whole,
            events,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &str) -> Vec<String> {
        match Body::of_text(text.to_owned(), "text/event-stream") {
            Body::Events(events) => events.into_iter().map(|event| event.data).collect(),
            Body::Json(_) | Body::Text(_) => vec!["no stream".to_owned()],
        }
    }

    #[test]
    fn an_error_without_a_field_is_the_last_event_of_a_stream() {
        assert_eq!(data("data: {}\r\n\r\n"), ["{}"]);
        assert_eq!(
            data("data: {}\r\n\r\n{\n  \"error\": {}\n}\n"),
            ["{}", "{\n  \"error\": {}\n}"]
        );
        assert_eq!(data("{\n  \"error\": {}\n}\n"), ["no stream"]);
    }
}

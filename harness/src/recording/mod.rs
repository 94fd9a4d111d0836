//! Recorded exchanges: what somebody kept of real answers of providers, judged without a target.
//!
//! [`read`] takes a file, [`Judge::judge`] holds one against the schema of its endpoint and
//! against the laws that a single answer can keep or break. Everything here is values; the command line
//! `image-harness check-recording` reads the files.

pub mod endpoint;
pub mod har;
mod image;
mod law;
mod secret;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::check::Schemas;
use crate::exchange::sse::{Reader, StreamEvent};
use crate::exchange::{End, Received};
use crate::schema::{SchemaError, compile, issues};
use crate::target::Secret;
use endpoint::{Endpoint, Endpoints, EndpointsError, ProviderEndpoints};

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
    /// plain JSON under that name.
    #[must_use]
    pub fn of_text(text: String, media_type: &str) -> Self {
        if media_type.starts_with("text/event-stream") && !begins_json(&text) {
            let events = Reader::default().push(text.as_bytes());
            return events.map_or(Self::Text(text), Self::Events);
        }
        Self::Text(text)
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

/// Knows what every answer is held against.
pub struct Judge {
    endpoints: Endpoints,
    schemas: Schemas,
}

/// A recording cannot be judged because something of ours is broken.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The table of endpoints.
    #[error(transparent)]
    Endpoints(#[from] EndpointsError),
    /// A schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// What is done with one document of a body.
struct Document {
    place: String,
    value: Value,
}

impl Judge {
    /// Reads the embedded tables.
    ///
    /// # Errors
    /// A table is of another form.
    pub fn builtin() -> Result<Self, JudgeError> {
        Ok(Self {
            endpoints: Endpoints::builtin()?,
            schemas: Schemas::default(),
        })
    }

    /// The table of endpoints.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Holds a recording against its schema and the laws.
    ///
    /// # Errors
    /// A schema is missing or broken.
    pub fn judge(&self, recording: &Recording) -> Result<Verdict, JudgeError> {
        let not_judged = |reason: String| Ok(Verdict::NotJudged(reason));
        let Some(provider) = self.endpoints.provider(&recording.provider) else {
            return not_judged(format!("'{}' is no known provider", recording.provider));
        };
        let Some(body) = &recording.body else {
            return not_judged("no body was kept".to_owned());
        };
        let endpoint = provider.find(recording.method.as_deref(), &recording.endpoint);
        let answer = recording.received(body);
        let schema = match self.schema_of(recording, provider, endpoint, &answer) {
            Ok(schema) => schema,
            Err(reason) => return not_judged(reason),
        };
        let documents = match documents(body, &answer) {
            Ok(documents) => documents,
            Err(problem) => return Ok(Verdict::Rejected(vec![problem])),
        };
        let mut problems = law::problems(recording, endpoint, &answer);
        problems.extend(self.hold(schema, &documents)?);
        if recording.images == Images::Whole {
            for document in &documents {
                problems.extend(image::problems(&document.place, &document.value));
            }
        }
        Ok(if problems.is_empty() {
            Verdict::Accepted
        } else {
            Verdict::Rejected(problems)
        })
    }

    /// The schema of an answer, or why there is none.
    fn schema_of<'p>(
        &self,
        recording: &Recording,
        provider: &'p ProviderEndpoints,
        endpoint: Option<&'p Endpoint>,
        answer: &Received,
    ) -> Result<&'p str, String> {
        match recording.status {
            200..300 => {
                let streamed = answer.is_stream() || is_list(&answer.body);
                let known = endpoint.and_then(|endpoint| {
                    let event = endpoint.event.as_deref().filter(|_| streamed);
                    event.or(endpoint.success.as_deref())
                });
                known.ok_or_else(|| {
                    let method = recording.method.as_deref().unwrap_or("a call of");
                    format!(
                        "{} {method} {} has no schema",
                        provider.provider, recording.endpoint
                    )
                })
            }
            400.. if is_front(answer) => {
                Err("an error that is no JSON: it is not the provider's own".to_owned())
            }
            400.. => {
                let own = endpoint.and_then(|endpoint| endpoint.error.as_deref());
                Ok(own.unwrap_or(&provider.error))
            }
            status => Err(format!("{status} is neither a success nor an error")),
        }
    }

    fn hold(&self, schema: &str, documents: &[Document]) -> Result<Vec<Problem>, SchemaError> {
        let schema = self.schemas.get(schema)?;
        let problems = documents.iter().flat_map(|document| {
            let found = issues(&schema, &document.value).into_iter();
            found.map(|(pointer, reason)| Problem {
                place: format!("{}{pointer}", document.place),
                reason,
            })
        });
        Ok(problems.collect())
    }
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

/// Where a stream came as a JSON list instead of events.
fn is_list(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"[")
}

/// What is called neither JSON nor a stream and is no JSON comes from a front or an HTTP server.
fn is_front(answer: &Received) -> bool {
    answer.json().is_none() && answer.events.is_empty() && !answer.is_called_json()
}

/// The JSON documents of a body and where they are.
fn documents(body: &Body, answer: &Received) -> Result<Vec<Document>, Problem> {
    let no_json = |place: String, reason: &str| Problem {
        place,
        reason: reason.to_owned(),
    };
    match body {
        Body::Json(value) => Ok(whole("/response_body", value.clone(), answer)),
        Body::Text(_) => {
            let value = answer.json();
            let value = value.ok_or_else(|| {
                no_json("/response_text".to_owned(), "the body is no strict JSON")
            })?;
            Ok(whole("/response_text", value, answer))
        }
        Body::Events(events) => {
            let events = events.iter().enumerate();
            let documents = events
                .filter(|(_, event)| !event.is_done())
                .map(|(at, event)| {
                    let place = format!("/sse/{at}/data");
                    let value = event.json();
                    let value = value.ok_or_else(|| {
                        no_json(place.clone(), "the data of the event are no JSON")
                    })?;
                    Ok(Document { place, value })
                });
            documents.collect()
        }
    }
}

fn whole(place: &str, value: Value, answer: &Received) -> Vec<Document> {
    match value {
        // An error may be a list of one; its schema knows.
        Value::Array(items) if answer.is_success() => {
            let items = items.into_iter().enumerate();
            let document = |(at, value)| Document {
                place: format!("{place}/{at}"),
                value,
            };
            items.map(document).collect()
        }
        value => vec![Document {
            place: place.to_owned(),
            value,
        }],
    }
}

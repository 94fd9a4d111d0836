//! Holds one recording against the schema of its endpoint and against the laws.

use serde_json::Value;

use super::endpoint::{Endpoint, Endpoints, EndpointsError, ProviderEndpoints};
use super::{Body, Images, Problem, Recording, Verdict, image, law};
use crate::check::Schemas;
use crate::exchange::Received;
use crate::schema::{SchemaError, issues};

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

/// A recording that can be judged.
struct Held<'j> {
    endpoint: Option<&'j Endpoint>,
    schema: &'j str,
    body: &'j Body,
    answer: Received,
}

/// One JSON document of a body.
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

    /// The schema that a recording is held against, by its path below `schemas/`.
    ///
    /// # Errors
    /// There is none; why.
    pub fn schema_of<'j>(&'j self, recording: &'j Recording) -> Result<&'j str, String> {
        self.held(recording).map(|held| held.schema)
    }

    /// Holds a recording against its schema and the laws.
    ///
    /// # Errors
    /// A schema is missing or broken.
    pub fn judge(&self, recording: &Recording) -> Result<Verdict, JudgeError> {
        let held = match self.held(recording) {
            Ok(held) => held,
            Err(reason) => return Ok(Verdict::NotJudged(reason)),
        };
        let documents = match documents(held.body, &held.answer) {
            Ok(documents) => documents,
            Err(problem) => return Ok(Verdict::Rejected(vec![problem])),
        };
        let mut problems = law::problems(recording, held.endpoint, &held.answer);
        problems.extend(self.hold(held.schema, &documents)?);
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

    /// What a recording is held against, or why there is nothing.
    fn held<'j>(&'j self, recording: &'j Recording) -> Result<Held<'j>, String> {
        let provider = self.endpoints.provider(&recording.provider);
        let provider =
            provider.ok_or_else(|| format!("'{}' is no known provider", recording.provider))?;
        let body = recording.body.as_ref();
        let body = body.ok_or_else(|| "no body was kept".to_owned())?;
        let endpoint = provider.find(recording.method.as_deref(), &recording.endpoint);
        let answer = recording.received(body);
        Ok(Held {
            schema: schema(recording, provider, endpoint, &answer)?,
            endpoint,
            body,
            answer,
        })
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

/// The schema of an answer, or why there is none.
fn schema<'p>(
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
                let (provider, path) = (&provider.provider, &recording.endpoint);
                format!("{provider} {method} {path} has no schema")
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

//! A step with its variables filled in: the typed form of `schemas/case.json`.

use std::collections::BTreeMap;

use mock_server::playbook::ScriptText;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::case::matcher::Matcher;
use crate::case::poll::Poll;
use crate::case::reading::{Disconnect, ReadStep};
use crate::case::status::Status;
use crate::case::upstream::{FileRef, UpstreamExpectation};
use crate::operation::Operation;

/// One request with its script and expectations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What the client sends.
    pub request: RequestStep,
    /// What the provider answers.
    pub upstream: Option<ScriptText>,
    /// What both must see.
    pub expect: Expect,
    /// Name → where its value is found in the answer.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// When the client hangs up.
    pub disconnect: Option<Disconnect>,
    /// Where the client stops reading for a while.
    pub read: Option<ReadStep>,
    /// The request is sent again until the answer is as wanted.
    pub poll: Option<Poll>,
    /// So many copies at a time.
    pub parallel: Option<usize>,
}

impl Step {
    /// Every file whose bytes are expected somewhere.
    pub fn expected_files(&mut self) -> impl Iterator<Item = &mut FileRef> {
        self.expect.upstream.iter_mut().flat_map(|expected| {
            let images = expected.input_images.iter_mut().flatten();
            let parts = expected.parts.iter_mut().flatten();
            images.chain(parts.filter_map(|part| part.file.as_mut()))
        })
    }

    /// Whether it goes on with the script of the step before: it asks for the outcome of what that one began, whose
    /// call may arrive in either.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.poll.is_some() && self.upstream.is_none()
    }

    /// The requirements that its expectations name, each once.
    #[must_use]
    pub fn requirements(&self) -> Vec<&str> {
        let Expect {
            response,
            stream,
            upstream,
            ..
        } = &self.expect;
        let response = response.iter().map(|one| one.requirement.as_str());
        let stream = stream.iter().map(|one| one.requirement.as_str());
        let upstream = upstream.iter().map(|one| one.requirement.as_str());
        let mut found = Vec::new();
        for requirement in response.chain(stream).chain(upstream) {
            if !found.contains(&requirement) {
                found.push(requirement);
            }
        }
        found
    }

    /// Whether no target could satisfy it without a call to the provider.
    #[must_use]
    pub fn awaits_call(&self) -> bool {
        let seen = self
            .expect
            .upstream
            .iter()
            .any(UpstreamExpectation::awaits_call);
        let answered = self.expect.response.iter().any(|expected| {
            let good = expected.status.as_ref().is_some_and(Status::is_success);
            good || matches!(expected.error, Some(ErrorExpectation::Condition(_)))
        });
        seen || (self.upstream.is_some() && answered)
    }
}

/// What the client sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestStep {
    /// The operation, whose path the profile knows.
    pub operation: Option<Operation>,
    /// The model in the operation's path; else the body's `model`.
    pub model: Option<String>,
    /// The method, where it is not the operation's own; `GET` for saved URLs.
    pub method: Option<String>,
    /// The path, instead of an operation.
    pub path: Option<String>,
    /// A saved URL.
    pub url: Option<String>,
    /// Parameters of the path's query; none leaves one out.
    #[serde(default)]
    pub query: BTreeMap<String, Option<String>>,
    /// Whose credential.
    #[serde(default)]
    pub credential: Credential,
    /// Extra headers; none leaves a header out.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// In chunked coding, without a length.
    #[serde(default)]
    pub chunked: bool,
    /// A JSON body.
    pub body: Option<Map<String, Value>>,
    /// A form, part by part.
    pub multipart: Option<Vec<PartStep>>,
    /// A body as it is.
    pub raw: Option<String>,
}

/// One part of a form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartStep {
    /// The field.
    pub name: String,
    /// The name of a file of `images/`, or a `data:` URL.
    pub file: Option<String>,
    /// A text, where it is no file; a number or truth value is written out.
    #[serde(default, deserialize_with = "text_of_scalar")]
    pub text: Option<String>,
    /// The file's name for the receiver; its own unless stated, none for a text.
    pub filename: Option<String>,
    /// The media type; by a file's own name unless stated, none for a text.
    pub content_type: Option<String>,
}

/// Whose credential a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// A customer with all rights.
    #[default]
    Default,
    /// One that nobody knows.
    Invalid,
    /// A customer without a group.
    NoGroup,
    /// A customer whose group makes no images.
    NoImages,
    /// None is sent.
    None,
    /// A customer of a group with another platform.
    OtherGroup,
    /// Another customer with the same rights.
    Second,
}

impl Credential {
    /// The name in cases and target files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Invalid => "invalid",
            Self::NoGroup => "no-group",
            Self::NoImages => "no-images",
            Self::None => "none",
            Self::OtherGroup => "other-group",
            Self::Second => "second",
        }
    }
}

/// What client and provider must see.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Of the answer.
    #[serde(default)]
    pub response: Vec<ResponseExpectation>,
    /// Of the stream.
    #[serde(default, deserialize_with = "one_or_many")]
    pub stream: Vec<StreamExpectation>,
    /// Of the upstream calls.
    #[serde(default)]
    pub upstream: Vec<UpstreamExpectation>,
    /// Compared with a snapshot.
    #[serde(default)]
    pub snapshot: bool,
}

/// What the answer must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseExpectation {
    /// Who says so.
    pub requirement: String,
    /// The status, one of several.
    pub status: Option<Status>,
    /// Header values.
    #[serde(default)]
    pub headers: BTreeMap<String, Matcher>,
    /// A path below `schemas/`, without `.json`.
    pub schema: Option<String>,
    /// Values by JSON pointer.
    #[serde(default)]
    pub json: BTreeMap<String, Matcher>,
    /// The decoded images.
    pub images: Option<ImagesExpectation>,
    /// The error.
    pub error: Option<ErrorExpectation>,
    /// `upstream`: equal to what the provider sent.
    pub usage: Option<String>,
    /// The step, from 1, whose final images are the same pictures.
    pub same_images_as: Option<usize>,
}

impl ResponseExpectation {
    /// Whether schema, members, images and usage are about an answer of this status: where a success and a refusal are both
    /// allowed, they describe the success.
    #[must_use]
    pub fn describes(&self, status: u16) -> bool {
        let Some(allowed) = &self.status else {
            return true;
        };
        let is_refusal = status >= 400 && allowed.accepts(status);
        !(is_refusal && allowed.has_success())
    }
}

/// What the decoded images must be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagesExpectation {
    /// How many.
    pub count: Option<usize>,
    /// `WxH` in pixels.
    pub size: Option<String>,
    /// `png`, `jpeg`, `webp`.
    pub format: Option<String>,
    /// Whether some pixels are not opaque.
    pub transparent: Option<bool>,
    /// The bytes are those that the provider sent.
    pub verbatim: Option<bool>,
    /// `b64_json` or `url`.
    pub location: Option<String>,
}

/// What the error must be.
#[derive(Clone, Debug)]
pub enum ErrorExpectation {
    /// What the profile allows for a condition.
    Condition(String),
    /// These members.
    Form(Box<ErrorForm>),
}

/// Members of an error object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorForm {
    /// `type`.
    #[serde(rename = "type")]
    pub kind: Option<Matcher>,
    /// `code`.
    pub code: Option<Matcher>,
    /// `param`.
    pub param: Option<Matcher>,
    /// `message`.
    pub message: Option<Matcher>,
    /// `status`, which Google's have.
    pub status: Option<Matcher>,
}

/// What the stream must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamExpectation {
    /// Who says so.
    pub requirement: String,
    /// The types of the events, in order.
    pub events: Option<Vec<String>>,
    /// How many partial images.
    pub partial_images: Option<Bounds>,
    /// How it ends.
    pub end: Option<StreamEnd>,
    /// What the client has while the provider holds.
    #[serde(default)]
    pub held: Vec<ClientHas>,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamEnd {
    /// With its final image.
    Completed,
    /// With an error event.
    Error,
}

/// What the client has while the provider holds before an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientHas {
    /// The provider's event, from 0.
    pub before_event: usize,
    /// The number of the client's events.
    pub client_has: usize,
}

/// A least and a greatest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The least number.
    pub at_least: Option<usize>,
    /// The greatest number.
    pub at_most: Option<usize>,
}

impl Bounds {
    /// Whether a number is within.
    #[must_use]
    pub fn holds(self, number: usize) -> bool {
        self.at_least.is_none_or(|least| number >= least)
            && self.at_most.is_none_or(|most| number <= most)
    }
}

impl<'de> Deserialize<'de> for ErrorExpectation {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        match Value::deserialize(reader)? {
            Value::String(condition) => Ok(Self::Condition(condition)),
            form => ErrorForm::deserialize(form)
                .map(|form| Self::Form(Box::new(form)))
                .map_err(serde::de::Error::custom),
        }
    }
}

fn text_of_scalar<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(reader)? {
        Value::String(text) => Ok(Some(text)),
        scalar @ (Value::Number(_) | Value::Bool(_)) => Ok(Some(scalar.to_string())),
        other => Err(serde::de::Error::custom(format!("{other} is no text"))),
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<StreamExpectation>, D::Error> {
    let values = match Value::deserialize(reader)? {
        Value::Array(values) => values,
        value => vec![value],
    };
    let parsed = values.into_iter().map(StreamExpectation::deserialize);
    parsed
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

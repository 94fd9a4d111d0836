//! An image request as the client sent it: checked where the document says so, otherwise left alone.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};

use crate::error::{ApiError, row};
use crate::form::Form;
use crate::json::Members;
use crate::random;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `images/generations`: from a text.
    Generations,
    /// `images/edits`: from a text and images.
    Edits,
}

impl Operation {
    /// What a request without a path of its own asks for: with images it is an edit.
    pub(crate) fn of(headers: &HeaderMap, body: &[u8]) -> Self {
        let has_images = || {
            let members = Members::of_request(body);
            members.is_ok_and(|members| members.text("images").is_some())
        };
        if form_type(headers).is_some() || has_images() {
            Self::Edits
        } else {
            Self::Generations
        }
    }

    /// Its path below the version.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Generations => "/images/generations",
            Self::Edits => "/images/edits",
        }
    }
}

/// The documented parameters with their types, in the order in which they are checked.
const FIELDS: &[(&str, Kind)] = &[
    ("stream", Kind::Boolean),
    ("n", Kind::Integer),
    ("output_compression", Kind::Integer),
    ("partial_images", Kind::Integer),
    ("model", Kind::String),
    ("prompt", Kind::String),
    ("size", Kind::String),
    ("response_format", Kind::String),
    ("quality", Kind::String),
    ("background", Kind::String),
    ("output_format", Kind::String),
    ("moderation", Kind::String),
    ("style", Kind::String),
];

/// How the images reach the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As base64 in one JSON answer.
    Inline,
    /// As links to files that the gateway hosts.
    Hosted,
    /// As base64 in server-sent events.
    Streamed,
}

/// A request whose field types and `n` are right.
#[derive(Debug)]
pub(crate) struct ImageRequest<'a> {
    payload: Payload<'a>,
}

/// What a request consists of.
#[derive(Debug)]
pub(crate) enum Payload<'a> {
    /// A JSON object.
    Json(Members<'a>),
    /// A form.
    Form(Form<'a>),
}

impl<'a> ImageRequest<'a> {
    /// Parses and checks; a member that is `null` counts as absent. Only edits come as a form, too.
    pub(crate) fn parse(
        operation: Operation,
        headers: &HeaderMap,
        body: &'a [u8],
    ) -> Result<Self, ApiError> {
        let payload = match form_type(headers) {
            Some(kind) if operation == Operation::Edits => {
                Payload::Form(Form::parse(kind, body).map_err(|error| invalid(error.to_string()))?)
            }
            _ => Payload::json(body)?,
        };
        for (name, kind) in FIELDS {
            payload.check(name, *kind)?;
            if *name == "n" {
                payload.check_n()?;
            }
        }
        if operation == Operation::Edits {
            payload.require_image()?;
        }
        Ok(Self { payload })
    }

    /// The model that was named; none if it is missing or blank.
    pub(crate) fn model(&self) -> Option<String> {
        let model = self.payload.string("model");
        model.filter(|model| !model.trim().is_empty())
    }

    /// Names the model that the upstream knows.
    pub(crate) fn set_model(&mut self, model: &str) -> Result<(), ApiError> {
        if self.payload.string("model").as_deref() == Some(model) {
            return Ok(());
        }
        self.payload.set("model", model)
    }

    /// Refuses a request without a prompt: the upstream would refuse it too, only later.
    pub(crate) fn require_prompt(&self) -> Result<(), ApiError> {
        match self.payload.string("prompt").as_deref() {
            None => Err(invalid("prompt is required")
                .param("prompt")
                .code("missing_required_parameter")),
            Some("") => Err(invalid("prompt must not be empty")
                .param("prompt")
                .code("empty_string")),
            Some(_) => Ok(()),
        }
    }

    /// The delivery that `response_format` and `stream` ask for.
    ///
    /// Both together are refused for `url`: events carry base64 only, so a client that waits for a link would have
    /// paid for an image that it does not find.
    pub(crate) fn delivery(&self, default: Delivery) -> Result<Delivery, ApiError> {
        let streamed = self.is_streamed();
        let refused = |message: &'static str| {
            Err(invalid(message)
                .param("response_format")
                .code("invalid_value"))
        };
        match self.payload.string("response_format").as_deref() {
            None | Some("b64_json") if streamed => Ok(Delivery::Streamed),
            None => Ok(default),
            Some("b64_json") => Ok(Delivery::Inline),
            Some("url") if streamed => {
                refused("response_format \"url\" cannot be combined with stream; use \"b64_json\"")
            }
            Some("url") => Ok(Delivery::Hosted),
            Some(_) => refused("response_format must be \"url\" or \"b64_json\""),
        }
    }

    /// Whether the answer is to come as a stream.
    pub(crate) fn is_streamed(&self) -> bool {
        match &self.payload {
            Payload::Json(members) => members.text("stream") == Some("true"),
            Payload::Form(form) => form.text("stream").as_deref() == Some("true"),
        }
    }

    /// What goes upstream: what the client sent, in its order, without `response_format`, which the providers refuse
    /// for every model served here.
    pub(crate) fn into_upstream_payload(mut self) -> Payload<'a> {
        self.payload.remove("response_format");
        self.payload
    }
}

impl<'a> Payload<'a> {
    fn json(body: &'a [u8]) -> Result<Self, ApiError> {
        Members::of_request(body).map(Self::Json)
    }

    fn string(&self, name: &str) -> Option<String> {
        match self {
            Self::Json(members) => members.string(name),
            Self::Form(form) => form.text(name).map(Cow::into_owned),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        match self {
            Self::Json(members) => {
                let value = to_raw_value(value).map_err(|_| row::INVALID_REQUEST)?;
                members.replace(name, name, Cow::<RawValue>::Owned(value));
            }
            Self::Form(form) => form.set(name, value),
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        match self {
            Self::Json(members) => members.retain(|known, _| known != name),
            Self::Form(form) => form.remove(name),
        }
    }

    /// The media type and the bytes.
    pub(crate) fn encode(&self) -> Result<(HeaderValue, Bytes), ApiError> {
        match self {
            Self::Json(members) => {
                let body = serde_json::to_vec(members).map_err(|_| row::INVALID_REQUEST)?;
                Ok((HeaderValue::from_static("application/json"), body.into()))
            }
            Self::Form(form) => {
                let boundary = format!("form-{}", random::id()?);
                let kind = format!("multipart/form-data; boundary={boundary}");
                let kind = HeaderValue::try_from(kind).map_err(|_| row::INVALID_REQUEST)?;
                Ok((kind, form.write(&boundary).into()))
            }
        }
    }

    fn check(&self, name: &str, kind: Kind) -> Result<(), ApiError> {
        let problem = match self {
            Self::Json(members) => members
                .text(name)
                .filter(|text| !kind.accepts(text))
                .map(|_| format!("invalid {name} field type: expected {}", kind.name())),
            // The values of a form are texts.
            Self::Form(form) => form
                .text(name)
                .filter(|text| !matches!(kind, Kind::String) && !kind.accepts(text.trim()))
                .map(|_| format!("invalid {name} field value: expected {}", kind.name())),
        };
        match problem {
            Some(problem) => Err(invalid(problem).param(name).code("invalid_type")),
            None => Ok(()),
        }
    }

    fn check_n(&self) -> Result<(), ApiError> {
        let n = match self {
            Self::Json(members) => members.text("n").and_then(number),
            Self::Form(form) => form.text("n").and_then(|text| number(text.trim())),
        };
        match n {
            Some(n) if n <= 0.0 => Err(invalid("n must be greater than 0")
                .param("n")
                .code("integer_below_min_value")),
            _ => Ok(()),
        }
    }

    fn require_image(&self) -> Result<(), ApiError> {
        let has_image = match self {
            Self::Form(form) => form.has(&["image", "image[]"]),
            Self::Json(members) => members
                .text("images")
                .and_then(|text| serde_json::from_str::<Vec<&RawValue>>(text).ok())
                .is_some_and(|images| !images.is_empty()),
        };
        if has_image {
            return Ok(());
        }
        Err(invalid("at least one image is required")
            .param("image")
            .code("missing_required_parameter"))
    }
}

/// The content type, if it is that of a form.
fn form_type(headers: &HeaderMap) -> Option<&str> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence
        .eq_ignore_ascii_case("multipart/form-data")
        .then_some(kind)
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Boolean,
    Integer,
    String,
}

impl Kind {
    fn accepts(self, text: &str) -> bool {
        match self {
            Self::Boolean => matches!(text, "true" | "false"),
            // A number without a fraction is an integer however it is written (JSON Schema: 1.0 is one).
            Self::Integer => number(text).is_some_and(|number| number.fract() == 0.0),
            Self::String => serde_json::from_str::<Cow<'_, str>>(text).is_ok(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::String => "a string",
        }
    }
}

/// The value of a JSON number, for comparing only; what is forwarded is the text.
fn number(text: &str) -> Option<f64> {
    let first = text.bytes().next()?;
    (first == b'-' || first.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// A refusal of what the client sent.
pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::from(row::INVALID_REQUEST).message(message)
}

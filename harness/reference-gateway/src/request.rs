//! An image request as the client sent it: checked where the document says so, otherwise left alone.

use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};

use crate::error::{ApiError, row};
use crate::json::Members;

const DEFAULT_MODEL: &str = "gpt-image-2";
const MODEL_PREFIX: &str = "gpt-image-";
/// How much of a refused model name an answer repeats.
const QUOTED_CHARACTERS: usize = 128;

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

/// A request whose field types, `n` and model are right.
#[derive(Debug)]
pub(crate) struct ImageRequest<'a> {
    members: Members<'a>,
}

impl<'a> ImageRequest<'a> {
    /// Parses and checks; a member that is `null` counts as absent.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ApiError> {
        let mut members: Members<'a> = serde_json::from_slice(body).map_err(|error| {
            invalid(if error.is_data() {
                "failed to parse request body: it must be a JSON object"
            } else {
                "failed to parse request body: it is not valid JSON"
            })
        })?;
        members.retain(|_, value| value != "null");
        for (name, kind) in FIELDS {
            if members.text(name).is_some_and(|text| !kind.accepts(text)) {
                return Err(invalid(format!(
                    "invalid {name} field type: expected {}",
                    kind.name()
                ))
                .param(name)
                .code("invalid_type"));
            }
            if *name == "n" {
                check_n(&members)?;
            }
        }
        let mut request = Self { members };
        request.settle_model()?;
        Ok(request)
    }

    /// Refuses a request without a prompt: the upstream would refuse it too, only later.
    pub(crate) fn require_prompt(&self) -> Result<(), ApiError> {
        match self.members.string("prompt").as_deref() {
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
    pub(crate) fn delivery(&self) -> Result<Delivery, ApiError> {
        let streamed = self.members.text("stream") == Some("true");
        let refused = |message: &'static str| {
            Err(invalid(message)
                .param("response_format")
                .code("invalid_value"))
        };
        match self.members.string("response_format").as_deref() {
            None | Some("b64_json") if streamed => Ok(Delivery::Streamed),
            None | Some("b64_json") => Ok(Delivery::Inline),
            Some("url") if streamed => {
                refused("response_format \"url\" cannot be combined with stream; use \"b64_json\"")
            }
            Some("url") => Ok(Delivery::Hosted),
            Some(_) => refused("response_format must be \"url\" or \"b64_json\""),
        }
    }

    /// What goes upstream: the client's members in their order, without `response_format`, which the provider
    /// refuses for every model served here.
    pub(crate) fn into_upstream_body(mut self) -> Members<'a> {
        self.members.retain(|name, _| name != "response_format");
        self.members
    }

    fn settle_model(&mut self) -> Result<(), ApiError> {
        let model = self.members.string("model").unwrap_or_default();
        if model.trim().is_empty() {
            let default = to_raw_value(DEFAULT_MODEL).map_err(|_| row::INVALID_REQUEST)?;
            self.members
                .replace("model", "model", Cow::<RawValue>::Owned(default));
        } else if !model.starts_with(MODEL_PREFIX) {
            let quoted: String = model.chars().take(QUOTED_CHARACTERS).collect();
            let quoted = serde_json::Value::String(quoted);
            return Err(invalid(format!(
                "images endpoint requires an image model, got {quoted}"
            ))
            .param("model"));
        }
        Ok(())
    }
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

fn check_n(members: &Members<'_>) -> Result<(), ApiError> {
    match members.text("n").and_then(number) {
        Some(n) if n <= 0.0 => Err(invalid("n must be greater than 0")
            .param("n")
            .code("integer_below_min_value")),
        _ => Ok(()),
    }
}

fn invalid(message: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::from(row::INVALID_REQUEST).message(message)
}

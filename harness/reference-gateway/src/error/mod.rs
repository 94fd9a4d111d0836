//! The errors that clients see: one envelope, `{"error": {"message", "type", "param", "code"}}`, whatever
//! they come from.

pub(crate) mod row;

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An error answer.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: Cow<'static, str>,
    message: Cow<'static, str>,
    param: Option<Box<str>>,
    code: Option<Box<str>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        kind: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            kind: kind.into(),
            message: message.into(),
            param: None,
            code: None,
            headers: Vec::new(),
        }
    }

    pub(crate) fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    pub(crate) fn kind(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.kind = kind.into();
        self
    }

    pub(crate) fn param(mut self, param: &str) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(crate) fn code(mut self, code: &str) -> Self {
        self.code = Some(code.into());
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The error as the last event of a stream.
    pub(crate) fn to_event(&self) -> String {
        let event = Event {
            kind: "error",
            error: self.members(),
        };
        // Strings only: this cannot fail.
        let data = serde_json::to_string(&event).unwrap_or_default();
        format!("event: error\ndata: {data}\n\n")
    }

    /// The error as the last chunk of a chat.
    pub(crate) fn to_chunk(&self) -> String {
        let envelope = Envelope {
            error: self.members(),
        };
        // Strings only: this cannot fail.
        let data = serde_json::to_string(&envelope).unwrap_or_default();
        format!("data: {data}\n\n")
    }

    fn members(&self) -> Members<'_> {
        Members {
            message: &self.message,
            kind: &self.kind,
            param: self.param.as_deref(),
            code: self.code.as_deref(),
        }
    }
}

/// An error in the form of Google's APIs.
#[derive(Debug)]
pub(crate) struct GoogleError(ApiError);

impl From<ApiError> for GoogleError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

/// The name that Google gives to a status (google.rpc.Code).
fn status_name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ if status.is_client_error() => "FAILED_PRECONDITION",
        _ => "INTERNAL",
    }
}

impl IntoResponse for GoogleError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Envelope<'a> {
            error: Members<'a>,
        }

        #[derive(Serialize)]
        struct Members<'a> {
            code: u16,
            message: &'a str,
            status: &'static str,
        }

        let error = Members {
            code: self.0.status.as_u16(),
            message: &self.0.message,
            status: status_name(self.0.status),
        };
        // Strings and a number only: this cannot fail.
        let body = serde_json::to_vec(&Envelope { error }).unwrap_or_default();
        self.0.with_body(body)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let envelope = Envelope {
            error: self.members(),
        };
        // Strings only: this cannot fail.
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        self.with_body(body)
    }
}

impl ApiError {
    fn with_body(self, body: Vec<u8>) -> Response {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.extend(
            self.headers
                .into_iter()
                .map(|(name, value)| (Some(name), value)),
        );
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Members<'a>,
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    error: Members<'a>,
}

#[derive(Serialize)]
struct Members<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

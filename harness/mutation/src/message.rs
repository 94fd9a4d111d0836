//! A request or an answer as a plain value, and what is known around it.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// A request or an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The path of the request, or of the one that is answered, with its query.
    pub path: String,
    /// None: it is a request.
    pub status: Option<StatusCode>,
    /// As they will be sent, or came.
    pub headers: HeaderMap,
    /// The whole body; empty where it is a stream, which is changed event by event.
    pub body: Bytes,
}

/// What a mutant may know beside the message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around<'a> {
    /// The JSON that the client sent.
    pub asked: Option<&'a Value>,
    /// The headers of the other side: the client's for a call to the provider, the provider's for an answer.
    pub other: Option<&'a HeaderMap>,
}

impl Message {
    /// The body as JSON, if it is.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the body comes as events.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        let content_type = self.headers.get(http::header::CONTENT_TYPE);
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
    }
}

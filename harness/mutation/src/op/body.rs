//! Changes of a body as bytes.

use serde_json::Value;

use crate::message::Message;
use crate::op::text::kept;
use crate::row::{Arguments, RowError};

/// A change of a body.
#[derive(Clone, Debug)]
pub(crate) enum BodyChange {
    /// Something before it.
    Prefix(String),
    /// A text in it, everywhere.
    Replace(String, String),
    /// Another one.
    Set(Value),
    /// Something behind it.
    Suffix(String),
    /// The first so many bytes, or all but the last.
    Truncate(i64),
}

impl BodyChange {
    pub(crate) fn parse(name: &str, arguments: &mut Arguments) -> Result<Option<Self>, RowError> {
        Ok(Some(match name {
            "prefix" => Self::Prefix(arguments.text()?),
            "replace" => Self::Replace(arguments.text()?, arguments.to()?),
            "set" => Self::Set(arguments.value()?),
            "suffix" => Self::Suffix(arguments.text()?),
            "truncate" => Self::Truncate(arguments.number()?),
            _ => return Ok(None),
        }))
    }

    pub(crate) fn apply(&self, message: &mut Message) {
        let body = &message.body;
        message.body = match self {
            Self::Prefix(more) => [more.as_bytes(), body].concat().into(),
            Self::Replace(old, new) => replaced(body, old.as_bytes(), new.as_bytes()).into(),
            Self::Set(Value::String(text)) => text.clone().into(),
            Self::Set(value) => value.to_string().into(),
            Self::Suffix(more) => [body, more.as_bytes()].concat().into(),
            Self::Truncate(length) => body.slice(..kept(body.len(), *length)),
        };
    }
}

/// A body need not be text.
fn replaced(body: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while !rest.is_empty() {
        if !old.is_empty() && rest.starts_with(old) {
            out.extend_from_slice(new);
            rest = &rest[old.len()..];
        } else {
            out.push(rest[0]);
            rest = &rest[1..];
        }
    }
    out
}

//! Changes of paths, statuses and headers.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::message::{Around, Message};
use crate::row::{Arguments, RowError};

/// Headers that say how a body is framed: they are not another's to relay.
const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "date",
    "host",
    "transfer-encoding",
];

/// A change of a head.
#[derive(Clone, Debug)]
pub(crate) enum HeadChange {
    /// Another path.
    Path(String, String),
    /// From the other side; none: every one.
    Relay(Option<HeaderName>),
    /// Without this header.
    Remove(HeaderName),
    /// Under another name.
    Rename(HeaderName, HeaderName),
    /// With this header.
    Set(HeaderName, HeaderValue),
    /// With this status.
    Status(StatusCode),
}

impl HeadChange {
    pub(crate) fn parse(name: &str, arguments: &mut Arguments) -> Result<Option<Self>, RowError> {
        Ok(Some(match name {
            "header.relay" if arguments.at.as_deref() == Some("*") => {
                arguments.at = None;
                Self::Relay(None)
            }
            "header.relay" => Self::Relay(Some(header(&arguments.at()?)?)),
            "header.remove" => Self::Remove(header(&arguments.at()?)?),
            "header.rename" => Self::Rename(header(&arguments.at()?)?, header(&arguments.to()?)?),
            "header.set" => {
                let value = HeaderValue::try_from(arguments.text()?);
                let value =
                    value.map_err(|_| RowError::Missing("value", "the text of a header"))?;
                Self::Set(header(&arguments.at()?)?, value)
            }
            "path.replace" => Self::Path(arguments.text()?, arguments.to()?),
            "status.set" => {
                let status = u16::try_from(arguments.number()?).unwrap_or_default();
                let status = StatusCode::from_u16(status);
                Self::Status(status.map_err(|_| RowError::Missing("value", "a status"))?)
            }
            _ => return Ok(None),
        }))
    }

    pub(crate) fn apply(&self, message: &mut Message, around: &Around<'_>) {
        let headers = &mut message.headers;
        match self {
            Self::Path(old, new) => message.path = message.path.replace(old, new),
            Self::Relay(name) => relay(headers, name.as_ref(), around),
            Self::Remove(name) => drop(headers.remove(name)),
            Self::Rename(old, new) => {
                if let Some(value) = headers.remove(old) {
                    headers.insert(new.clone(), value);
                }
            }
            Self::Set(name, value) => drop(headers.insert(name.clone(), value.clone())),
            Self::Status(status) => message.status = message.status.and(Some(*status)),
        }
    }
}

fn relay(headers: &mut HeaderMap, only: Option<&HeaderName>, around: &Around<'_>) {
    for (name, value) in around.other.into_iter().flatten() {
        let is_wanted = match only {
            Some(only) => only == name,
            None => !FRAMING.contains(&name.as_str()) && !headers.contains_key(name),
        };
        if is_wanted {
            headers.insert(name.clone(), value.clone());
        }
    }
}

fn header(name: &str) -> Result<HeaderName, RowError> {
    name.parse()
        .map_err(|_| RowError::Missing("at", "the name of a header"))
}

//! Changes of the order, number and names of the events of a stream.

use bytes::Bytes;

use crate::event::Event;
use crate::row::{Arguments, RowError};

/// A change at some events.
#[derive(Clone, Debug)]
pub(crate) struct EventChange {
    pub(crate) at: Place,
    pub(crate) how: EventHow,
}

/// Which events.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Those of a kind; a star at its begin or end stands for anything.
    Kind(String),
    /// The last one.
    Last,
    /// The one with this number, from 0.
    Number(usize),
}

/// What is done to them.
#[derive(Clone, Debug)]
pub(crate) enum EventHow {
    /// This text comes after them.
    After(Bytes),
    /// The stream ends before them.
    Cut,
    /// They are left out.
    Drop,
    /// They are one with the next.
    Merge,
    /// They have another name.
    Rename(String),
    /// They come twice.
    Repeat,
    /// They come after the next.
    Swap,
}

impl EventChange {
    pub(crate) fn parse(name: &str, arguments: &mut Arguments) -> Result<Option<Self>, RowError> {
        let at = Place::parse(&arguments.at()?);
        let how = match name {
            "after" => EventHow::After(arguments.text()?.into()),
            "cut" => EventHow::Cut,
            "drop" => EventHow::Drop,
            "merge" => EventHow::Merge,
            "rename" => EventHow::Rename(arguments.to()?),
            "repeat" => EventHow::Repeat,
            "swap" => EventHow::Swap,
            _ => return Ok(None),
        };
        Ok(Some(Self { at, how }))
    }

    /// Whether it cannot be decided before the next event is there.
    pub(crate) fn looks_ahead(&self) -> bool {
        matches!(self.at, Place::Last)
    }
}

impl Place {
    fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(number) => Self::Number(number),
            Err(_) if text == "first" => Self::Number(0),
            Err(_) if text == "last" => Self::Last,
            Err(_) => Self::Kind(text.to_owned()),
        }
    }

    pub(crate) fn is(&self, event: &Event, number: usize, is_last: bool) -> bool {
        match self {
            Self::Kind(pattern) => fits(pattern, &event.kind()),
            Self::Last => is_last,
            Self::Number(wanted) => *wanted == number,
        }
    }
}

fn fits(pattern: &str, kind: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => kind.ends_with(end),
        (None, Some(begin)) => kind.starts_with(begin),
        (None, None) => kind == pattern,
    }
}

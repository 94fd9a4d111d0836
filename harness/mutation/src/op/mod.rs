//! The changes that a mutant can make: few, general, one file a family.

mod body;
mod events;
mod form;
mod head;
pub(crate) mod hook;
mod json;
mod text;

use crate::message::{Around, Message};
use crate::mutant::Seam;
use crate::row::{Arguments, RowError};

pub(crate) use events::{EventChange, EventHow};
pub(crate) use json::JsonChange;
pub(crate) use text::TextChange;

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// The bytes of a body.
    Body(body::BodyChange),
    /// The events of a stream.
    Event(EventChange),
    /// The parts of a form.
    Form(form::FormChange),
    /// Path, status, headers.
    Head(head::HeadChange),
    /// What the server does that is mutated.
    Hook(hook::Hook),
    /// A JSON document.
    Json(JsonChange),
    /// A text in a JSON document.
    Text(TextChange),
}

impl Op {
    /// The operation with this name; every argument has to be one of its own.
    pub(crate) fn parse(
        name: &str,
        seam: Seam,
        mut arguments: Arguments,
    ) -> Result<Self, RowError> {
        let unknown = || RowError::Operation(name.to_owned());
        let (family, change) = name.split_once('.').ok_or_else(unknown)?;
        let arguments = &mut arguments;
        let op = match family {
            "body" => body::BodyChange::parse(change, arguments)?.map(Self::Body),
            "event" => EventChange::parse(change, arguments)?.map(Self::Event),
            "form" => form::FormChange::parse(change, arguments)?.map(Self::Form),
            "header" | "status" | "path" => {
                head::HeadChange::parse(name, arguments)?.map(Self::Head)
            }
            "hook" => hook::Hook::parse(change, arguments)?.map(Self::Hook),
            "json" => JsonChange::parse(change, arguments)?.map(Self::Json),
            "text" => TextChange::parse(change, arguments)?.map(Self::Text),
            _ => None,
        };
        let op = op.ok_or_else(unknown)?;
        arguments.nothing_left()?;
        op.fits(seam).then_some(op).ok_or(RowError::Seam)
    }

    fn fits(&self, seam: Seam) -> bool {
        match self {
            Self::Body(_) | Self::Head(_) => seam != Seam::Event,
            Self::Event(_) => seam == Seam::Event,
            Self::Form(_) => !seam.is_answer(),
            Self::Hook(_) | Self::Json(_) | Self::Text(_) => true,
        }
    }

    /// Changes a whole message.
    pub(crate) fn change(&self, message: &mut Message, around: &Around<'_>) {
        match self {
            Self::Body(change) => change.apply(message),
            Self::Form(change) => change.apply(message),
            Self::Head(change) => change.apply(message, around),
            Self::Json(change) => in_json(message, |json| change.apply(json)),
            Self::Text(change) => in_json(message, |json| change.apply(json)),
            Self::Event(_) | Self::Hook(_) => {}
        }
    }
}

fn in_json(message: &mut Message, change: impl FnOnce(&mut serde_json::Value)) {
    if let Some(mut json) = message.json() {
        change(&mut json);
        message.body = json.to_string().into();
    }
}

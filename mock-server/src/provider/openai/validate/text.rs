//! Judges what text models take: the members of a body, numbers with a range, images of the conversation.

use serde_json::{Map, Value};

use super::and_list;
use crate::provider::Call;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::model::Conversations;
use crate::provider::openai::operation::conversation;

/// The members of a body that the operation does not have, in the order of the alphabet.
pub(in crate::provider::openai) fn unknown<'b>(
    operation: &str,
    body: &'b Map<String, Value>,
    rules: &Conversations,
) -> Vec<&'b str> {
    let Some(known) = rules.parameters.get(operation) else {
        return Vec::new();
    };
    let stated = body.iter().filter(|(_, value)| !value.is_null());
    let unknown = stated.filter(|(name, _)| !known.contains(name));
    let mut names: Vec<_> = unknown.map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// Judges the numbers that have a least and a greatest value.
///
/// # Errors
/// No number, or one out of its range.
pub(in crate::provider::openai) fn decimals(
    body: &Map<String, Value>,
    rules: &Conversations,
) -> Result<(), Refusal> {
    for (name, [least, most]) in &rules.decimals {
        let Some(value) = body.get(name).filter(|value| !value.is_null()) else {
            continue;
        };
        let number = value.as_f64();
        let number = number.ok_or_else(|| Refusal::wrong_type(name, "a decimal number", value))?;
        let (row, limit) = match number {
            _ if number < *least => ("decimal-too-small", least),
            _ if number > *most => ("decimal-too-large", most),
            _ => continue,
        };
        let values = [
            ("param", name.to_owned()),
            ("limit", limit.to_string()),
            ("got", value.to_string()),
        ];
        return Err(Refusal::new(row, values));
    }
    Ok(())
}

/// Judges the role of a message; `place` is that of the message.
///
/// # Errors
/// The operation does not have the role.
pub(in crate::provider::openai) fn role(
    operation: &str,
    place: &str,
    role: &str,
    rules: &Conversations,
) -> Result<(), Refusal> {
    let Some(roles) = rules.roles.get(operation) else {
        return Ok(());
    };
    if roles.iter().any(|known| known == role) {
        return Ok(());
    }
    let quoted = roles.iter().map(|known| format!("'{known}'"));
    let values = [
        ("param", place.to_owned()),
        ("value", role.to_owned()),
        ("values", and_list(quoted)),
    ];
    Err(Refusal::new("invalid-value", values))
}

/// Judges the images among the parts of a content: each is an address or a data URL, and of a format that is taken.
///
/// # Errors
/// Neither an address nor a data URL, or bytes that are no such image.
pub(in crate::provider::openai) fn images(
    place: &str,
    parts: &[Value],
    call: &Call,
    rules: &Conversations,
) -> Result<(), Refusal> {
    for (index, part) in parts.iter().enumerate() {
        let Some((place, _)) = conversation::address(&format!("{place}[{index}]"), part) else {
            continue;
        };
        let Some(image) = call.images.iter().find(|image| image.place == place) else {
            return Err(Refusal::new("invalid-image-url", [("param", place)]));
        };
        if image.reference.is_none() && image.kind().is_none_or(|kind| !rules.takes(kind)) {
            let formats = rules.image_formats.iter().map(|name| format!("'{name}'"));
            let values = formats.collect::<Vec<_>>().join(", ");
            return Err(Refusal::new("invalid-image-format", [("values", values)]));
        }
    }
    Ok(())
}

impl Conversations {
    fn takes(&self, kind: &str) -> bool {
        self.image_formats.iter().any(|name| name == kind)
    }
}

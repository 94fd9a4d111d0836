//! JSON as Google writes it, and base64 spliced into it without copying.

use std::io;

use bytes::Bytes;
use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use crate::image::Rendered;

/// Stands for the base64 of an image until the text is cut there. Nothing of a user's is in these answers.
pub(super) const SPLICE: &str = "@@base64@@";

/// Two blanks of indent and an end of line.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// One line with a blank after each name, as the streams have it.
pub(super) fn line(value: &Value) -> String {
    let mut out = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut out, Spaced));
    written
        .ok()
        .and_then(|()| String::from_utf8(out).ok())
        .unwrap_or_default()
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Puts the base64 of each image where its placeholder stands.
pub(super) fn splice(text: String, images: &[Rendered]) -> Vec<Bytes> {
    let places: Vec<usize> = text.match_indices(SPLICE).map(|(at, _)| at).collect();
    let text = Bytes::from(text);
    let mut pieces = Vec::new();
    let mut at = 0;
    for (place, image) in places.into_iter().zip(images) {
        pieces.push(text.slice(at..place));
        pieces.extend(image.base64());
        at = place + SPLICE.len();
    }
    pieces.push(text.slice(at..));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_has_blanks_after_names_only() {
        assert_eq!(
            line(&json!({"a": [1, {"b": "c"}]})),
            r#"{"a": [1,{"b": "c"}]}"#
        );
    }
}

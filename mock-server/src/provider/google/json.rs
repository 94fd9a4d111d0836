//! JSON as Google writes it, and base64 spliced into it without copying.

use std::io;

use bytes::Bytes;
use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use crate::image::Rendered;

/// Stands before and behind the number of a file in a text until the text is cut there. Nothing of a user's that
/// holds it may stand in such a text.
pub(super) const SPLICE: char = '\u{7f}';

/// Stands for the base64 of the file with this number.
pub(super) fn place(number: usize) -> Value {
    format!("{SPLICE}{number}{SPLICE}").into()
}

/// What a user wrote, without what could be taken for the place of a file.
pub(super) fn harmless(text: &str) -> String {
    text.replace(SPLICE, "")
}

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

/// Puts the base64 of each file where its number stands.
pub(super) fn splice(text: String, files: &[Vec<Bytes>]) -> Vec<Bytes> {
    let marks: Vec<usize> = text.match_indices(SPLICE).map(|(at, _)| at).collect();
    let text = Bytes::from(text);
    let mut pieces = Vec::new();
    let mut at = 0;
    for mark in marks.chunks_exact(2) {
        let number = str::from_utf8(&text[mark[0] + 1..mark[1]]).ok();
        let file = number.and_then(|number| files.get(number.parse::<usize>().ok()?));
        pieces.push(text.slice(at..mark[0]));
        pieces.extend(file.into_iter().flatten().cloned());
        at = mark[1] + 1;
    }
    pieces.push(text.slice(at..));
    pieces
}

/// The base64 of each image, to be put at the place of its number.
pub(super) fn files(images: &[Rendered]) -> Vec<Vec<Bytes>> {
    images
        .iter()
        .map(|image| image.base64().into_iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn files_stand_at_their_numbers() {
        let text = json!([place(1), "x", place(0), place(7)]).to_string();
        let files = [vec!["a".into(), "b".into()], vec!["c".into()]];
        assert_eq!(splice(text, &files).concat(), br#"["c","x","ab",""]"#);
    }

    #[test]
    fn a_line_has_blanks_after_names_only() {
        assert_eq!(
            line(&json!({"a": [1, {"b": "c"}]})),
            r#"{"a": [1,{"b": "c"}]}"#
        );
    }
}

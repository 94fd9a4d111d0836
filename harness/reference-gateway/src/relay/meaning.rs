//! What an event of an image stream means.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{is_filled, place};
use crate::sse::Event;

/// What an event says about the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A partial image, a comment, anything that is not an end.
    Progress,
    /// The image, finished.
    Completed,
    /// Said to be finished, but without an image.
    Imageless,
    /// The upstream reports an error.
    Error,
    /// The marker `[DONE]`.
    Done,
}

/// What an event means and where in its bytes image data are; `None` if it cannot be read.
pub(super) fn understand(bytes: &[u8]) -> Option<(Meaning, Vec<Range<usize>>)> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(rename = "type", borrow, default)]
        kind: Option<&'a RawValue>,
        #[serde(borrow, default)]
        b64_json: Option<&'a RawValue>,
        #[serde(borrow, default)]
        url: Option<&'a RawValue>,
        #[serde(borrow, default)]
        error: Option<&'a RawValue>,
    }

    let event = Event::parse(bytes)?;
    let Some(data) = event.data.as_deref().filter(|data| !data.is_empty()) else {
        return Some((Meaning::Progress, Vec::new()));
    };
    if data.trim() == "[DONE]" {
        return Some((Meaning::Done, Vec::new()));
    }
    let fields: Fields<'_> = serde_json::from_str(data).ok()?;
    let named: Option<String> = fields
        .kind
        .and_then(|kind| serde_json::from_str(kind.get()).ok());
    let named = named.as_deref().or(event.name).unwrap_or_default();
    let meaning = if named == "error" || event.name == Some("error") || fields.error.is_some() {
        Meaning::Error
    } else if !named.ends_with(".completed") {
        Meaning::Progress
    } else if is_filled(fields.b64_json) || is_filled(fields.url) {
        Meaning::Completed
    } else {
        Meaning::Imageless
    };
    // Data of several lines were joined into a text of their own, which has no place in the bytes.
    let image_data = match event.data {
        Some(Cow::Borrowed(_)) => fields
            .b64_json
            .map(|value| place(bytes, value))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    };
    Some((meaning, image_data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(event: &str) -> Option<Meaning> {
        understand(event.as_bytes()).map(|(meaning, _)| meaning)
    }

    #[test]
    fn the_end_is_recognised_however_it_is_written() {
        for (event, expected) in [
            (": ping\n\n", Some(Meaning::Progress)),
            (
                "data: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AA==\"}\n\n",
                Some(Meaning::Progress),
            ),
            (
                "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"AA==\"}\n\n",
                Some(Meaning::Completed),
            ),
            (
                "event: image_generation.completed\ndata: {\"b64_json\":\ndata: \"AA==\"}\n\n",
                Some(Meaning::Completed),
            ),
            (
                "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"\"}\n\n",
                Some(Meaning::Imageless),
            ),
            (
                "event: error\ndata: {\"message\":\"x\"}\n\n",
                Some(Meaning::Error),
            ),
            (
                "data: {\"error\":{\"message\":\"x\"}}\n\n",
                Some(Meaning::Error),
            ),
            (
                "data: {\"type\":\"x\",\"error\":null}\n\n",
                Some(Meaning::Progress),
            ),
            ("data: [DONE]\n\n", Some(Meaning::Done)),
            ("data: {\"type\":\"image_gen\n\n", None),
        ] {
            assert_eq!(meaning(event), expected, "{event}");
        }
    }

    #[test]
    fn image_data_are_found_in_the_bytes() {
        let event = b"event: e\ndata: {\"b64_json\": \"QUJD\"}\n\n";
        let (_, found) = understand(event).unwrap();
        assert_eq!(&event[found[0].clone()], b"\"QUJD\"");
    }
}

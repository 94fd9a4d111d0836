//! The images of an answer: found by [`locate()`], fetched where they lie behind a URL, decoded by [`look`].

mod locate;
mod picture;

pub use locate::{Found, Locator, Source, locate};
pub(crate) use picture::pixels;
pub use picture::{SeenPicture, decode};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use crate::exchange::Fetched;

/// More images of one answer are not looked at: no provider makes as many.
const MOST_IMAGES: usize = 64;

/// One image of an answer.
#[derive(Clone, Debug)]
pub struct SeenImage {
    /// Where it was found: `/data/0/b64_json`, or `event 2 /b64_json`.
    pub place: String,
    /// The member: `b64_json`, `url`, `inlineData`, `bytesBase64Encoded`, `result`.
    pub location: &'static str,
    /// The number of a partial image, none for a final one.
    pub partial: Option<u64>,
    /// The format that the answer says it has.
    pub announced: Option<String>,
    /// It lies behind a URL of another origin, from which nothing is fetched.
    pub is_elsewhere: bool,
    /// The bytes, or why there are none.
    pub bytes: Result<Bytes, String>,
    /// The picture, or why the bytes are none.
    pub picture: Result<SeenPicture, String>,
}

impl SeenImage {
    /// The case token that the picture carries, in its pixels or its metadata.
    #[must_use]
    pub fn token(&self) -> Option<String> {
        let picture = self.picture.as_ref().ok()?;
        let mark = picture
            .mark
            .and_then(|mark| mark.token)
            .map(|token| token.to_string());
        mark.or_else(|| {
            picture
                .provenance
                .as_ref()?
                .token
                .as_ref()
                .map(ToString::to_string)
        })
    }
}

/// Decodes images that were found, in their order; addresses have been fetched before.
#[must_use]
pub fn look(found: Vec<Found>, fetched: &Fetched) -> Vec<SeenImage> {
    let seen = found.into_iter().enumerate();
    seen.map(|(index, found)| {
        let is_elsewhere = found
            .address()
            .is_some_and(|url| !fetched.contains_key(url));
        let bytes = match found.source {
            Source::Base64(text) => decode_base64(&text),
            Source::Url(url) => of_url(&url, fetched),
        };
        let picture = if index < MOST_IMAGES {
            bytes
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|bytes| decode(bytes))
        } else {
            Err(format!("it is one of more than {MOST_IMAGES} images"))
        };
        SeenImage {
            place: found.place,
            location: found.location,
            partial: found.partial,
            announced: found.announced,
            is_elsewhere,
            bytes,
            picture,
        }
    })
    .collect()
}

fn of_url(url: &str, fetched: &Fetched) -> Result<Bytes, String> {
    if let Some((_, payload)) = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
    {
        return decode_base64(payload);
    }
    match fetched.get(url) {
        Some(bytes) => bytes.clone(),
        None => Err("the URL was not fetched: it is of another origin".to_owned()),
    }
}

/// Strict standard base64: no line breaks, no `data:` prefix, with padding.
pub(crate) fn decode_base64(text: &str) -> Result<Bytes, String> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map(Bytes::from).map_err(|error| {
        let start: String = text.chars().take(24).collect();
        format!("no plain base64 ({error}); it begins with '{start}'")
    })
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_strict() {
        assert!(
            decode_base64("iVBO\nRw0K")
                .unwrap_err()
                .contains("no plain base64")
        );
        assert!(decode_base64("data:image/png;base64,iVBO").is_err());
        assert!(decode_base64("iVBORw0KGgo=").is_ok());
    }
}

//! Finds the images of an answer and decodes them.

use std::io::Cursor;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use mock_server::image::provenance::{Mark, Provenance, read_metadata, read_strip};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::exchange::{Fetched, Received};

/// A larger picture is refused before it is decoded, in pixels a side and in bytes.
const LONGEST_SIDE: u32 = 8192;
const MOST_BYTES: u64 = 512 << 20;

/// One image of an answer.
#[derive(Clone, Debug)]
pub struct SeenImage {
    /// Where it was found: `/data/0/b64_json`, or `event 2 /b64_json`.
    pub place: String,
    /// The member: `b64_json` or `url`.
    pub location: &'static str,
    /// The number of a partial image, none for a final one.
    pub partial: Option<u64>,
    /// The format that the answer says it has.
    pub announced: Option<String>,
    /// The bytes, or why there are none.
    pub bytes: Result<Bytes, String>,
    /// The picture, or why the bytes are none.
    pub picture: Result<SeenPicture, String>,
}

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct SeenPicture {
    /// `png`, `jpeg` or `webp`, by its bytes.
    pub format: &'static str,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Some pixel is not opaque.
    pub transparent: bool,
    /// SHA-256 of the bytes in hex.
    pub sha256: String,
    /// SHA-256 of the pixels as RGBA in hex.
    pub pixels_sha256: String,
    /// What the pixels say of their origin.
    pub mark: Option<Mark>,
    /// What the metadata say of their origin.
    pub provenance: Option<Provenance>,
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

/// Finds and decodes the images of an answer, in its order.
#[must_use]
pub fn find(answer: &Received, fetched: &Fetched) -> Vec<SeenImage> {
    if !answer.is_stream() {
        return answer
            .json()
            .map(|body| of_body(&body, fetched))
            .unwrap_or_default();
    }
    let events = answer.events.iter().enumerate();
    let images = events.filter_map(|(index, event)| {
        let data = event.json()?;
        let text = data.get("b64_json")?.as_str()?;
        let kind = event.kind();
        let partial = kind.ends_with("partial_image").then(|| {
            data.get("partial_image_index")
                .and_then(Value::as_u64)
                .unwrap_or_default()
        });
        let place = format!("event {} /b64_json", index + 1);
        Some(image(
            place,
            "b64_json",
            partial,
            announced(&data),
            decode_base64(text),
        ))
    });
    images.collect()
}

/// The http(s) URLs of an answer.
#[must_use]
pub fn urls(answer: &Received) -> Vec<String> {
    let body = answer.json().unwrap_or_default();
    let items = body.get("data").and_then(Value::as_array);
    let urls = items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("url")?.as_str());
    urls.filter(|url| url.starts_with("http"))
        .map(str::to_owned)
        .collect()
}

fn of_body(body: &Value, fetched: &Fetched) -> Vec<SeenImage> {
    let items = body.get("data").and_then(Value::as_array);
    let mut found = Vec::new();
    for (index, item) in items.into_iter().flatten().enumerate() {
        if let Some(text) = item.get("b64_json").and_then(Value::as_str) {
            let place = format!("/data/{index}/b64_json");
            found.push(image(
                place,
                "b64_json",
                None,
                announced(body),
                decode_base64(text),
            ));
        }
        if let Some(url) = item.get("url").and_then(Value::as_str) {
            let place = format!("/data/{index}/url");
            found.push(image(
                place,
                "url",
                None,
                announced(body),
                of_url(url, fetched),
            ));
        }
    }
    found
}

fn announced(data: &Value) -> Option<String> {
    data.get("output_format")?.as_str().map(str::to_owned)
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
fn decode_base64(text: &str) -> Result<Bytes, String> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map(Bytes::from).map_err(|error| {
        let start: String = text.chars().take(24).collect();
        format!("no plain base64 ({error}); it begins with '{start}'")
    })
}

/// An image whose bytes were found.
fn image(
    place: String,
    location: &'static str,
    partial: Option<u64>,
    announced: Option<String>,
    bytes: Result<Bytes, String>,
) -> SeenImage {
    let picture = bytes
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|bytes| decode(bytes));
    SeenImage {
        place,
        location,
        partial,
        announced,
        bytes,
        picture,
    }
}

/// Decodes a picture of a format that the Images API knows.
///
/// # Errors
/// Why the bytes are no such picture.
pub fn decode(bytes: &[u8]) -> Result<SeenPicture, String> {
    let format = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => "png",
        Ok(ImageFormat::Jpeg) => "jpeg",
        Ok(ImageFormat::WebP) => "webp",
        _ => {
            return Err(format!(
                "neither PNG, JPEG nor WebP: it begins with {}",
                first_bytes(bytes)
            ));
        }
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_BYTES);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| error.to_string())?;
    reader.limits(limits);
    let picture = reader
        .decode()
        .map_err(|error| format!("a broken {format}: {error}"))?;
    let (width, height) = (picture.width(), picture.height());
    let luma = picture.to_luma8();
    let mark = read_strip(width, height, |x, y| luma.get_pixel(x, y).0[0]);
    Ok(SeenPicture {
        format,
        width,
        height,
        transparent: is_transparent(&picture),
        sha256: hex(&Sha256::digest(bytes)),
        pixels_sha256: hex(&Sha256::digest(picture.to_rgba8().as_raw())),
        mark,
        provenance: read_metadata(bytes),
    })
}

fn is_transparent(picture: &DynamicImage) -> bool {
    picture.color().has_alpha()
        && picture
            .to_rgba8()
            .pixels()
            .any(|pixel| pixel.0[3] < u8::MAX)
}

fn first_bytes(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(8)];
    if shown.is_empty() {
        "nothing".to_owned()
    } else {
        hex(shown)
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_says_why() {
        assert!(decode(b"<html>").unwrap_err().contains("neither PNG"));
        assert!(
            decode(b"\x89PNG\r\n\x1a\nrest")
                .unwrap_err()
                .contains("a broken png")
        );
        assert!(
            decode_base64("iVBO\nRw0K")
                .unwrap_err()
                .contains("no plain base64")
        );
        assert!(decode_base64("data:image/png;base64,iVBO").is_err());
    }
}

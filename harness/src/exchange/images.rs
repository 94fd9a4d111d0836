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

/// A larger picture is refused before it is decoded, in pixels and in bytes: four times of what any provider makes.
const MOST_PIXELS: u64 = 32 << 20;
const MOST_BYTES: u64 = 256 << 20;
/// More images of one answer are not looked at: no provider makes as many.
const MOST_IMAGES: usize = 64;

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
    /// It lies behind a URL of another origin, from which nothing is fetched.
    pub is_elsewhere: bool,
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
        let mut image = unread(place, "b64_json", announced(&data), decode_base64(text));
        image.partial = partial;
        Some(image)
    });
    images.enumerate().map(look).collect()
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
            found.push(unread(
                place,
                "b64_json",
                announced(body),
                decode_base64(text),
            ));
        }
        if let Some(url) = item.get("url").and_then(Value::as_str) {
            let place = format!("/data/{index}/url");
            let mut image = unread(place, "url", announced(body), of_url(url, fetched));
            image.is_elsewhere = url.starts_with("http") && !fetched.contains_key(url);
            found.push(image);
        }
    }
    found.into_iter().enumerate().map(look).collect()
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
pub(crate) fn decode_base64(text: &str) -> Result<Bytes, String> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map(Bytes::from).map_err(|error| {
        let start: String = text.chars().take(24).collect();
        format!("no plain base64 ({error}); it begins with '{start}'")
    })
}

/// An image whose bytes were found, before anybody looks at them.
fn unread(
    place: String,
    location: &'static str,
    announced: Option<String>,
    bytes: Result<Bytes, String>,
) -> SeenImage {
    SeenImage {
        place,
        location,
        partial: None,
        announced,
        is_elsewhere: false,
        bytes,
        picture: Err(format!("it is one of more than {MOST_IMAGES} images")),
    }
}

/// Decodes an image, unless too many came before.
fn look((index, mut image): (usize, SeenImage)) -> SeenImage {
    if index < MOST_IMAGES {
        let bytes = image.bytes.as_ref().map_err(Clone::clone);
        image.picture = bytes.and_then(|bytes| decode(bytes));
    }
    image
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
    // A decoder that gives up has met bytes that are no picture; that is the target's fault and not ours.
    let picture = std::panic::catch_unwind(|| pixels(bytes))
        .unwrap_or_else(|_| Err("its decoder gave up".to_owned()))
        .map_err(|problem| format!("a broken {format}: {problem}"))?;
    let (width, height) = (picture.width(), picture.height());
    let luma = picture.to_luma8();
    let mark = read_strip(width, height, |x, y| luma.get_pixel(x, y).0[0]);
    drop(luma);
    let has_alpha = picture.color().has_alpha();
    let rgba = picture.into_rgba8();
    Ok(SeenPicture {
        format,
        width,
        height,
        transparent: has_alpha && rgba.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        sha256: hex(&Sha256::digest(bytes)),
        pixels_sha256: hex(&Sha256::digest(rgba.as_raw())),
        mark,
        provenance: read_metadata(bytes),
    })
}

/// The pixels of a picture, unless there are too many of them.
pub(crate) fn pixels(bytes: &[u8]) -> Result<DynamicImage, String> {
    let text = |error: image::ImageError| error.to_string();
    let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let (width, height) = reader()
        .map_err(|error| error.to_string())?
        .into_dimensions()
        .map_err(text)?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(format!(
            "{width}x{height} pixels are too many to be looked at"
        ));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES);
    let mut reader = reader().map_err(|error| error.to_string())?;
    reader.limits(limits);
    reader.decode().map_err(text)
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

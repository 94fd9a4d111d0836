//! Decodes pictures, and reads what they say of their origin.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use mock_server::image::provenance::{Mark, Provenance, read_metadata, read_strip};
use sha2::{Digest as _, Sha256};

use crate::exchange::images::hex;

/// A larger picture is refused before it is decoded, in pixels and in bytes: four times of what any provider makes.
const MOST_PIXELS: u64 = 32 << 20;
const MOST_BYTES: u64 = 256 << 20;

/// Bytes of a pixel.
const CHANNELS: usize = 4;

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
    let has_alpha = picture.color().has_alpha();
    let rgba = picture.into_rgba8().into_raw();
    let at = |x: u32, y: u32| (y as usize * width as usize + x as usize) * CHANNELS;
    let mark = read_strip(width, height, |x, y| luma(&rgba[at(x, y)..]));
    Ok(SeenPicture {
        format,
        width,
        height,
        transparent: has_alpha && rgba.chunks_exact(CHANNELS).any(|pixel| pixel[3] < u8::MAX),
        sha256: hex(&Sha256::digest(bytes)),
        pixels_sha256: hex(&Sha256::digest(&rgba)),
        mark,
        provenance: read_metadata(bytes),
    })
}

/// How bright a pixel is, without converting the whole picture: enough to tell the dark blocks of the strip from the bright ones.
fn luma(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    u8::try_from((red * 299 + green * 587 + blue * 114) / 1000).unwrap_or(u8::MAX)
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
    }
}

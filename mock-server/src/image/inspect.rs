//! What the first bytes of an image file say: its format and size. Pixels are not decoded, and nothing is
//! trusted: a length in the file never makes us allocate.

use std::io::Cursor;

use super::Format;

/// The format by the magic bytes.
#[must_use]
pub fn format_of(bytes: &[u8]) -> Option<Format> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some(Format::Jpeg)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(Format::Webp)
    } else {
        None
    }
}

/// Width and height, if the headers can be read.
#[must_use]
pub fn size_of(bytes: &[u8]) -> Option<(u32, u32)> {
    let (width, height) = match format_of(bytes)? {
        Format::Png => png(bytes)?,
        Format::Jpeg => jpeg(bytes)?,
        Format::Webp => image_webp::WebPDecoder::new(Cursor::new(bytes))
            .ok()?
            .dimensions(),
    };
    (width > 0 && height > 0).then_some((width, height))
}

/// Behind the signature: length, `IHDR`, width, height.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.get(12..16)? != b"IHDR" {
        return None;
    }
    let edge = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some((edge(16)?, edge(20)?))
}

/// Walks the segments to the first start of a frame.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            // Fill bytes, and markers without a length.
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let edge =
                    |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
                return Some((edge(at + 7)?.into(), edge(at + 5)?.into()));
            }
            _ => {
                let length = [*bytes.get(at + 2)?, *bytes.get(at + 3)?];
                at += 2 + usize::from(u16::from_be_bytes(length));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Picture, Studio};

    #[test]
    fn our_own_files_are_read_and_cut_ones_do_no_harm() {
        for format in [Format::Png, Format::Jpeg, Format::Webp] {
            let picture = Picture {
                prompt: "a fox".into(),
                model: "m".into(),
                width: 96,
                height: 80,
                format,
                compression: None,
                transparent: false,
                token: None,
                index: 0,
                partial: None,
                seed: 0,
                pad_to: None,
            };
            let file = Studio::new(1 << 20).image(&picture, "r").bytes();
            assert_eq!(format_of(&file), Some(format));
            assert_eq!(size_of(&file), Some((96, 80)));
            for end in 0..file.len().min(700) {
                let _ = size_of(&file[..end]);
            }
        }
    }

    #[test]
    fn what_is_no_image_has_no_format() {
        for bytes in [&b""[..], b"GIF89a", b"<svg", b"RIFF\0\0\0\0WAVE"] {
            assert_eq!((format_of(bytes), size_of(bytes)), (None, None));
        }
        assert_eq!(size_of(b"\x89PNG\r\n\x1a\n"), None);
    }
}

//! Small pictures of the images that came back, as `data:` addresses, until there is no more room.

use std::io::Cursor;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::DynamicImage;
use image::codecs::jpeg::JpegEncoder;

use crate::exchange::images::{SeenImage, pixels};

/// The longer side, in pixels.
const EDGE: u32 = 160;
const QUALITY: u8 = 75;
/// Of one exchange, and of the whole report: to make one takes about as long as to paint the image.
const MOST_OF_EXCHANGE: usize = 4;
const MOST: usize = 200;
/// Base64 of all thumbnails of a report.
const MOST_BYTES: usize = 4 << 20;

/// Makes thumbnails, until there are enough.
#[derive(Default)]
pub(super) struct Thumbnails {
    count: usize,
    bytes: usize,
}

/// A small picture.
pub(super) struct Thumbnail {
    /// `data:image/…;base64,…`.
    pub(super) address: String,
    /// Where the image was found, and what it is.
    pub(super) caption: String,
}

impl Thumbnails {
    /// Thumbnails of the first images of an exchange.
    pub(super) fn of(&mut self, images: &[SeenImage]) -> Vec<Thumbnail> {
        let mut made = Vec::new();
        for image in images.iter().take(MOST_OF_EXCHANGE) {
            if self.count >= MOST || self.bytes >= MOST_BYTES {
                break;
            }
            if let Some(thumbnail) = thumbnail(image) {
                self.count += 1;
                self.bytes += thumbnail.address.len();
                made.push(thumbnail);
            }
        }
        made
    }
}

/// None if the bytes are no picture.
fn thumbnail(image: &SeenImage) -> Option<Thumbnail> {
    let (Ok(bytes), Ok(seen)) = (&image.bytes, &image.picture) else {
        return None;
    };
    let small = pixels(bytes).ok()?.thumbnail(EDGE, EDGE);
    let partial = image
        .partial
        .map(|number| format!(", partial {number}"))
        .unwrap_or_default();
    Some(Thumbnail {
        address: address(&small, seen.transparent)?,
        caption: format!(
            "{}: {} {}x{}{partial}",
            image.place, seen.format, seen.width, seen.height
        ),
    })
}

fn address(small: &DynamicImage, transparent: bool) -> Option<String> {
    let mut bytes = Cursor::new(Vec::new());
    let kind = if transparent {
        let written = DynamicImage::from(small.to_rgba8());
        written.write_to(&mut bytes, image::ImageFormat::Png).ok()?;
        "png"
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        small.to_rgb8().write_with_encoder(encoder).ok()?;
        "jpeg"
    };
    let base64 = BASE64_STANDARD.encode(bytes.into_inner());
    Some(format!("data:image/{kind};base64,{base64}"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::exchange::images::decode;

    fn seen(width: u32, height: u32, alpha: u8) -> SeenImage {
        let pixel = image::Rgba([200, 40, 40, alpha]);
        let picture = DynamicImage::from(image::RgbaImage::from_pixel(width, height, pixel));
        let mut bytes = Cursor::new(Vec::new());
        picture
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        let bytes = Bytes::from(bytes.into_inner());
        SeenImage {
            place: "/data/0/b64_json".into(),
            location: "b64_json",
            partial: None,
            announced: None,
            is_elsewhere: false,
            picture: decode(&bytes),
            bytes: Ok(bytes),
        }
    }

    #[test]
    fn pictures_become_small_and_few() {
        let mut thumbnails = Thumbnails::default();
        let [wide, clear] = [seen(600, 300, 255), seen(20, 20, 100)];
        let made = thumbnails.of(&[wide, clear.clone()]);
        let sizes = made.iter().map(|made| {
            let (_, base64) = made.address.split_once(',').unwrap();
            let small = image::load_from_memory(&BASE64_STANDARD.decode(base64).unwrap()).unwrap();
            (small.width(), small.height())
        });
        assert_eq!(sizes.collect::<Vec<_>>()[0], (EDGE, EDGE / 2));
        assert!(made[0].address.starts_with("data:image/jpeg;"));
        assert!(made[1].address.starts_with("data:image/png;"));
        assert_eq!(made[0].caption, "/data/0/b64_json: png 600x300");
        let many = vec![clear; 64];
        let all = (0..MOST).map(|_| thumbnails.of(&many).len());
        assert_eq!(all.sum::<usize>() + 2, MOST);
    }
}

//! Encodes a canvas as PNG, JPEG or WebP, and what `compression` means for each.

use std::error::Error;

use super::canvas::Canvas;
use super::{Format, Picture};

/// Encodes painted pixels; the result has no provenance yet.
pub(super) fn encode(canvas: Canvas, picture: &Picture) -> Vec<u8> {
    let kept = picture.compression.unwrap_or(100).min(100);
    let result = match picture.format {
        Format::Jpeg => jpeg(&canvas, kept),
        Format::Png => png(&canvas),
        Format::Webp => webp(canvas, kept),
    };
    #[expect(
        clippy::expect_used,
        reason = "the canvas has as many bytes as its size says, its sides are within the limits of all formats, \
                  and writing to a Vec cannot fail"
    )]
    result.expect("a canvas can be encoded")
}

type Encoded = Result<Vec<u8>, Box<dyn Error>>;

/// The fastest compression: rows that repeat the row above shrink well with it too.
fn png(canvas: &Canvas) -> Encoded {
    let mut file = Vec::with_capacity(canvas.pixels.len() / 32);
    let mut encoder = png::Encoder::new(&mut file, canvas.width as u32, canvas.height as u32);
    encoder.set_color(match canvas.channels {
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Rgba,
    });
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&canvas.pixels)?;
    writer.finish()?;
    Ok(file)
}

/// 100 is quality 92 (more only keeps rounding errors), 50 is 51, 0 is 10; 4:2:0 throughout, as in most JPEG files.
fn jpeg(canvas: &Canvas, kept: u8) -> Encoded {
    let quality = 10 + u32::from(kept) * 82 / 100;
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, quality as u8);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.encode(
        &canvas.pixels,
        canvas.width as u16,
        canvas.height as u16,
        jpeg_encoder::ColorType::Rgb,
    )?;
    Ok(file)
}

/// Our encoder is lossless, so fewer levels of each channel stand in for a lower quality: 256 at 100, 67 at 50, 6 at
/// 10, 4 at 0. Between near values (0 and 10, say) the sizes may be equal or a few bytes the wrong way round.
fn webp(mut canvas: Canvas, kept: u8) -> Encoded {
    if kept < 100 {
        let levels = 4 + 252 * usize::from(kept).pow(2) / 10_000;
        let steps = levels - 1;
        let mut table = [0; 256];
        for (value, level) in table.iter_mut().enumerate() {
            *level = ((value * steps + 127) / 255 * 255 / steps) as u8;
        }
        for value in &mut canvas.pixels {
            *value = table[usize::from(*value)];
        }
    }
    let colour = match canvas.channels {
        3 => image_webp::ColorType::Rgb8,
        _ => image_webp::ColorType::Rgba8,
    };
    let mut file = Vec::new();
    image_webp::WebPEncoder::new(&mut file).encode(
        &canvas.pixels,
        canvas.width as u32,
        canvas.height as u32,
        colour,
    )?;
    Ok(file)
}

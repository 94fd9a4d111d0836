//! Paints the strip of a [`Mark`] into pixels and reads it back; the format is described one level up.

use super::Mark;
use crate::image::canvas::{BLACK, Canvas, WHITE};

/// Edge of a block in pixels: that of a JPEG block.
const BLOCK: usize = 8;

/// Reads the strip of an image of `width` x `height` pixels; `luma` gives the brightness at column, row.
///
/// `luma` is only asked for pixels inside the image.
pub fn read_strip(width: u32, height: u32, luma: impl Fn(u32, u32) -> u8) -> Option<Mark> {
    let (width, height) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
    let mut bytes = [0; Mark::BITS / 8];
    for (bit, (x, y)) in blocks(width, height)?.enumerate() {
        let sum: u32 = (2..6)
            .flat_map(|dy| (2..6).map(move |dx| (x + dx, y + dy)))
            .map(|(x, y)| u32::from(luma(x as u32, y as u32)))
            .sum();
        if sum >= 16 * 128 {
            bytes[bit / 8] |= 0x80 >> (bit % 8);
        }
    }
    Mark::from_bytes(&bytes)
}

/// Paints the strip of a mark, if the canvas has room for it.
pub(in crate::image) fn paint(canvas: &mut Canvas, mark: Mark) {
    let bytes = mark.to_bytes();
    for (bit, (x, y)) in blocks(canvas.width, canvas.height)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let white = bytes[bit / 8] & (0x80 >> (bit % 8)) != 0;
        canvas.fill(x, y, BLOCK, BLOCK, if white { WHITE } else { BLACK });
    }
}

/// The pixel rows the strip takes from the top of an image of this size; none if it does not fit.
pub(in crate::image) fn height(width: usize, height: usize) -> Option<usize> {
    let columns = width / BLOCK;
    (columns * (height / BLOCK) >= Mark::BITS).then(|| Mark::BITS.div_ceil(columns) * BLOCK)
}

/// The top left corners of the blocks in the order of the bits.
fn blocks(width: usize, height: usize) -> Option<impl Iterator<Item = (usize, usize)>> {
    self::height(width, height)?;
    let columns = width / BLOCK;
    Some((0..Mark::BITS).map(move |bit| (bit % columns * BLOCK, bit / columns * BLOCK)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_sizes() {
        assert_eq!(height(80, 80), Some(80));
        assert_eq!(height(768, 8), Some(8));
        assert_eq!(height(79, 80), None);
        assert_eq!(height(0, 80), None);
        assert_eq!(height(256, 256), Some(24));
    }

    #[test]
    fn a_picture_without_strip_says_nothing() {
        assert_eq!(read_strip(1024, 1024, |x, y| (x ^ y) as u8), None);
        assert_eq!(read_strip(8, 8, |_, _| 255), None);
    }
}

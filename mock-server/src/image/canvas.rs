//! A pixel buffer that is filled by spans and row copies, because a test case paints a new picture each time.
//!
//! It knows nothing of prompts or file formats.

/// A colour with alpha; canvases without alpha leave the last byte out.
pub(super) type Colour = [u8; 4];

/// Black and opaque.
pub(super) const BLACK: Colour = [0, 0, 0, 255];
/// White and opaque.
pub(super) const WHITE: Colour = [255, 255, 255, 255];

/// Pixels in rows from the top, 8 bits a channel, RGB or RGBA.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Bytes a pixel: 3 or 4.
    pub(super) channels: usize,
    pub(super) pixels: Vec<u8>,
}

impl Canvas {
    /// A black canvas or, with alpha, an empty one.
    pub(super) fn new(width: usize, height: usize, alpha: bool) -> Self {
        let channels = if alpha { 4 } else { 3 };
        Self {
            width,
            height,
            channels,
            pixels: vec![0; width * height * channels],
        }
    }

    /// Copies pixels to row `y` from column `x` on; what lies outside is cut off.
    pub(super) fn copy_row(&mut self, x: usize, y: usize, source: &[u8]) {
        if x >= self.width || y >= self.height {
            return;
        }
        let len = source.len().min((self.width - x) * self.channels);
        let start = (y * self.width + x) * self.channels;
        self.pixels[start..start + len].copy_from_slice(&source[..len]);
    }

    /// Fills a rectangle; what lies outside is cut off.
    pub(super) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
        let (end_x, end_y) = ((x + width).min(self.width), (y + height).min(self.height));
        if x >= end_x {
            return;
        }
        for row in y..end_y {
            let line = row * self.width;
            let span = (line + x) * self.channels..(line + end_x) * self.channels;
            for pixel in self.pixels[span].chunks_exact_mut(self.channels) {
                pixel.copy_from_slice(&colour[..self.channels]);
            }
        }
    }

    /// Replaces each square of `side` pixels by one colour, the mean of some of its pixels.
    pub(super) fn pixelate(&mut self, side: usize) {
        for y in (0..self.height).step_by(side) {
            for x in (0..self.width).step_by(side) {
                let colour = self.mean(x, y, side);
                self.fill(x, y, side, side, colour);
            }
        }
    }

    /// The mean over at most 8 x 8 evenly spread pixels: enough for a coarse picture, and cheap for big squares.
    fn mean(&self, x: usize, y: usize, side: usize) -> Colour {
        let step = side.div_ceil(8);
        let mut sums = [0_usize; 4];
        let mut count = 0;
        for row in (y..(y + side).min(self.height)).step_by(step) {
            for column in (x..(x + side).min(self.width)).step_by(step) {
                let start = (row * self.width + column) * self.channels;
                for (sum, &value) in sums
                    .iter_mut()
                    .zip(&self.pixels[start..start + self.channels])
                {
                    *sum += usize::from(value);
                }
                count += 1;
            }
        }
        sums.map(|sum| (sum / count) as u8)
    }
}

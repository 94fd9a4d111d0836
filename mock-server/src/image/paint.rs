//! Paints the pixels of a picture: a colour field that depends on the prompt (with transparency, a
//! disc on nothing), the text on it, and the strip.
//!
//! Rows are copied out of one long gradient row, and eight rows in a turn are equal: that is quick to paint and gives
//! small PNG files at the fastest compression.

use super::canvas::{BLACK, Canvas, Colour, WHITE};
use super::provenance::{Mark, strip};
use super::text::{self, Ink};
use super::{Format, MAX_SIDE, Picture};

/// Paints a picture; `prompt_sha256` decides the colours.
pub(super) fn paint(picture: &Picture, prompt_sha256: &[u8; 32]) -> Canvas {
    let side = |pixels: u32| pixels.clamp(1, MAX_SIDE) as usize;
    let alpha = picture.transparent && picture.format != Format::Jpeg;
    let mut canvas = Canvas::new(side(picture.width), side(picture.height), alpha);
    let palette = Palette::new(prompt_sha256);
    let mut random = Random::new(prompt_sha256, picture.seed, picture.index);
    let ink = if alpha {
        paint_subject(&mut canvas, &palette, &mut random);
        Ink {
            letter: palette.field[0],
            edge: WHITE,
        }
    } else {
        paint_field(&mut canvas, &palette, &mut random);
        Ink {
            letter: WHITE,
            edge: BLACK,
        }
    };
    let top = strip::height(canvas.width, canvas.height).unwrap_or(0);
    text::write(&mut canvas, picture, top, &ink);
    if let Some(partial) = picture.partial {
        canvas.pixelate(coarseness(&canvas, partial));
    }
    let mark = Mark {
        token: picture.token,
        index: picture.index,
        partial: picture.partial,
    };
    strip::paint(&mut canvas, mark);
    canvas
}

/// Edge of the squares of a partial image in pixels: at 1024 x 1024 it is 128, 42 and 16.
fn coarseness(canvas: &Canvas, partial: u8) -> usize {
    let short = canvas.width.min(canvas.height);
    match partial {
        0 => (short / 8).max(4),
        1 => (short / 24).max(3),
        _ => (short / 64).max(2),
    }
}

/// The two ends of each gradient: the field, the discs on it, and the light disc that dark text is written over when
/// there is no field.
struct Palette {
    field: [Colour; 2],
    disc: [Colour; 2],
    subject: [Colour; 2],
}

impl Palette {
    fn new(prompt_sha256: &[u8; 32]) -> Self {
        let hue = usize::from(u16::from_be_bytes([prompt_sha256[0], prompt_sha256[1]]));
        let turn = 128 + usize::from(prompt_sha256[2]);
        Self {
            field: [tone(hue, 38), tone(hue + turn, 92)],
            disc: [tone(hue + 512 + turn, 100), tone(hue + 640 + turn, 48)],
            subject: [tone(hue + 512 + turn, 190), tone(hue + 640 + turn, 120)],
        }
    }
}

/// A muted colour of a hue (1536 steps a turn) and a luma. Up to a luma of 105, white text has a contrast of 5.5 : 1.
fn tone(hue: usize, luma: usize) -> Colour {
    let rise = hue % 256;
    let pure = match hue / 256 % 6 {
        0 => [255, rise, 0],
        1 => [255 - rise, 255, 0],
        2 => [0, 255, rise],
        3 => [0, 255 - rise, 255],
        4 => [rise, 0, 255],
        _ => [255, 0, 255 - rise],
    };
    let muted = pure.map(|value| (value + 96) / 2);
    let is = 299 * muted[0] + 587 * muted[1] + 114 * muted[2];
    let [red, green, blue] = muted.map(|value| (1000 * value * luma / is).min(255) as u8);
    [red, green, blue, 255]
}

fn paint_field(canvas: &mut Canvas, palette: &Palette, random: &mut Random) {
    let ground = gradient(canvas, palette.field);
    for y in 0..canvas.height {
        let start = shift(y) * canvas.channels;
        canvas.copy_row(0, y, &ground[start..start + canvas.width * canvas.channels]);
    }
    let cover = gradient(canvas, palette.disc);
    let short = canvas.width.min(canvas.height);
    for _ in 0..3 {
        let radius = short / 10 + random.below(short / 5 + 1);
        let centre = (random.below(canvas.width), random.below(canvas.height));
        paint_disc(canvas, &cover, centre, radius);
    }
}

/// One light disc near the middle of a transparent picture: its gradient gives `compression` something to work on. An eighth
/// of the shorter side stays free all around, so the corners are transparent whatever the seed.
fn paint_subject(canvas: &mut Canvas, palette: &Palette, random: &mut Random) {
    let cover = gradient(canvas, palette.subject);
    let eighth = canvas.width.min(canvas.height) / 8;
    let radius = eighth + random.below(eighth + 1);
    let mut near = |side: usize| side / 2 + random.below(eighth + 1) - eighth / 2;
    let centre = (near(canvas.width), near(canvas.height));
    paint_disc(canvas, &cover, centre, radius);
}

/// The pixels of a diagonal: row `y` of a field starts at pixel `shift(y)` of them.
fn gradient(canvas: &Canvas, [from, to]: [Colour; 2]) -> Vec<u8> {
    let len = canvas.width + canvas.height;
    let mut pixels = Vec::with_capacity(len * canvas.channels);
    for place in 0..len {
        for (&start, &end) in from.iter().zip(&to).take(canvas.channels) {
            pixels.push(
                ((usize::from(start) * (len - place) + usize::from(end) * place) / len) as u8,
            );
        }
    }
    pixels
}

/// Eight rows have the same start, so a PNG row is mostly equal to the one above it.
fn shift(y: usize) -> usize {
    y & !7
}

fn paint_disc(canvas: &mut Canvas, cover: &[u8], (x, y): (usize, usize), radius: usize) {
    for row in y.saturating_sub(radius)..(y + radius).min(canvas.height) {
        let rise = row.abs_diff(y);
        let half = (radius * radius - rise * rise).isqrt();
        let (start, end) = (x.saturating_sub(half), (x + half).min(canvas.width));
        let offset = shift(row) + start;
        canvas.copy_row(
            start,
            row,
            &cover[offset * canvas.channels..(offset + end - start) * canvas.channels],
        );
    }
}

/// SplitMix64: small, and the same on every platform.
pub(super) struct Random(u64);

impl Random {
    /// A stream for one image of a prompt.
    pub(super) fn new(prompt_sha256: &[u8; 32], seed: u64, index: u8) -> Self {
        let mut start = [0; 8];
        start.copy_from_slice(&prompt_sha256[8..16]);
        Self(u64::from_be_bytes(start) ^ seed.rotate_left(17) ^ u64::from(index) << 56)
    }

    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, which is at least 1.
    fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_keep_white_text_readable() {
        for hue in 0..1536 {
            let [red, green, blue, _] = tone(hue, 105).map(f64::from);
            assert!(
                0.299 * red + 0.587 * green + 0.114 * blue <= 105.0,
                "hue {hue}"
            );
        }
    }
}

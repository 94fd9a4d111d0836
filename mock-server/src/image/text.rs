//! Writes prompt, model and size onto a canvas in an 8 x 8 bitmap font.
//!
//! A short prompt is written large, a long one small and cut with `…`. Characters outside ASCII and Latin-1 become a
//! box, except for the quotation marks and dashes that people's keyboards insert.

use font8x8::legacy::{BASIC_LEGACY, LATIN_LEGACY};

use super::Picture;
use super::canvas::{Canvas, Colour};

/// Text colour and the colour of its edge, which keeps it readable on any ground.
pub(super) struct Ink {
    pub(super) letter: Colour,
    pub(super) edge: Colour,
}

/// Writes the prompt from row `top` on, model and size at the bottom; writes what there is room for.
pub(super) fn write(canvas: &mut Canvas, picture: &Picture, top: usize, ink: &Ink) {
    let short = canvas.width.min(canvas.height);
    let scale = ((short + 170) / 340).max(1);
    let margin = (short / 24).max(4);
    let width = canvas.width.saturating_sub(2 * margin);
    let columns = width / (GLYPH * scale);
    if columns < 4 {
        return;
    }

    let size = format!("{}x{}", canvas.width, canvas.height);
    let footer = [
        cut(picture.model.chars().collect(), columns),
        size.chars().collect(),
    ];
    let footer_top = canvas
        .height
        .saturating_sub(margin + footer.len() * LINE * scale);
    if footer_top < top {
        return;
    }
    let room = (footer_top - top).saturating_sub(2 * margin);
    let (prompt_scale, prompt) = fit(&picture.prompt, width, room, scale);
    write_lines(canvas, &prompt, (margin, top + margin), prompt_scale, ink);
    write_lines(canvas, &footer, (margin, footer_top), scale, ink);
}

/// Edge of a glyph in font pixels.
const GLYPH: usize = 8;
/// Distance of two lines in font pixels.
const LINE: usize = 10;

/// The largest scale from four times `base` down at which the text fits into `width` x `height` pixels without breaking
/// a word, and its lines; if there is none, what fits at `base`.
fn fit(text: &str, width: usize, height: usize, base: usize) -> (usize, Vec<Vec<char>>) {
    let grid = |scale: usize| (width / (GLYPH * scale), height / (LINE * scale));
    let (columns, rows) = grid(base);
    // A line break swallows one blank, so this many characters are enough to fill the grid and to show that it is full.
    let most = (columns + 1) * rows + 1;
    let text: Vec<char> = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(most)
        .collect();
    let words: Vec<&[char]> = text.split(|letter| *letter == ' ').collect();
    let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);

    for scale in (base..=4 * base).rev() {
        let (columns, rows) = grid(scale);
        if longest <= columns {
            let lines = wrap(&words, columns);
            if lines.len() <= rows {
                return (scale, lines);
            }
        }
    }
    let mut lines = wrap(&words, columns);
    if lines.len() > rows {
        lines.truncate(rows);
        if let Some(last) = lines.last_mut() {
            last.truncate(columns - 1);
            last.push('…');
        }
    }
    (base, lines)
}

fn wrap(words: &[&[char]], columns: usize) -> Vec<Vec<char>> {
    let mut lines = Vec::new();
    let mut line: Vec<char> = Vec::new();
    for word in words {
        if !line.is_empty() && line.len() + 1 + word.len() > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for &letter in *word {
            if line.len() == columns {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines
}

fn cut(mut line: Vec<char>, columns: usize) -> Vec<char> {
    if line.len() > columns {
        line.truncate(columns - 1);
        line.push('…');
    }
    line
}

fn write_lines(
    canvas: &mut Canvas,
    lines: &[Vec<char>],
    (left, top): (usize, usize),
    scale: usize,
    ink: &Ink,
) {
    let edge = (scale / 3).max(1);
    for (dx, dy) in [(0, edge), (2 * edge, edge), (edge, 0), (edge, 2 * edge)] {
        write_once(canvas, lines, (left + dx, top + dy), scale, ink.edge);
    }
    write_once(canvas, lines, (left + edge, top + edge), scale, ink.letter);
}

fn write_once(
    canvas: &mut Canvas,
    lines: &[Vec<char>],
    (left, top): (usize, usize),
    scale: usize,
    colour: Colour,
) {
    for (row, line) in lines.iter().enumerate() {
        for (column, &letter) in line.iter().enumerate() {
            let x = left + column * GLYPH * scale;
            let y = top + row * LINE * scale;
            for (glyph_row, bits) in glyph(letter).into_iter().enumerate() {
                write_runs(canvas, bits, (x, y + glyph_row * scale), scale, colour);
            }
        }
    }
}

/// One rectangle for each run of set bits; the lowest bit is the leftmost pixel.
fn write_runs(
    canvas: &mut Canvas,
    mut bits: u8,
    (x, y): (usize, usize),
    scale: usize,
    colour: Colour,
) {
    while bits != 0 {
        let start = bits.trailing_zeros() as usize;
        let len = (bits >> start).trailing_ones() as usize;
        canvas.fill(x + start * scale, y, len * scale, scale, colour);
        bits &= !(((1_u16 << len) - 1) << start) as u8;
    }
}

fn glyph(letter: char) -> [u8; 8] {
    const BOX: [u8; 8] = [0x00, 0x7e, 0x42, 0x42, 0x42, 0x42, 0x7e, 0x00];
    const ELLIPSIS: [u8; 8] = [0, 0, 0, 0, 0, 0xdb, 0xdb, 0];
    match u32::from(letter) {
        code @ 0x20..=0x7e => BASIC_LEGACY[code as usize],
        code @ 0xa0..=0xff => LATIN_LEGACY[code as usize - 0xa0],
        0x2013 | 0x2014 => BASIC_LEGACY[usize::from(b'-')],
        0x2018 | 0x2019 => BASIC_LEGACY[usize::from(b'\'')],
        0x201c | 0x201d => BASIC_LEGACY[usize::from(b'"')],
        0x2026 => ELLIPSIS,
        _ => BOX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: usize, height: usize) -> (usize, Vec<String>) {
        let (scale, lines) = fit(text, width, height, 1);
        (
            scale,
            lines.iter().map(|line| line.iter().collect()).collect(),
        )
    }

    #[test]
    fn wraps_scales_and_cuts() {
        assert_eq!(lines("a fox", 8 * 5, 10), (1, vec!["a fox".to_owned()]));
        assert_eq!(lines("a fox", 8 * 20, 40), (4, vec!["a fox".to_owned()]));
        assert_eq!(lines("a\n fox runs", 8 * 5, 20).1, ["a fox", "runs"]);
        assert_eq!(lines("abcdefgh", 8 * 5, 20).1, ["abcde", "fgh"]);
        assert_eq!(
            lines(&"fox ".repeat(9000), 8 * 7, 20).1,
            ["fox fox", "fox fo…"]
        );
        assert_eq!(lines("a fox", 8 * 5, 0).1, Vec::<String>::new());
        assert_eq!(lines("", 8 * 5, 20).1, [""]);
    }

    #[test]
    fn glyphs_of_other_scripts_are_boxes() {
        assert_eq!(glyph('—'), glyph('-'));
        assert_eq!(glyph('狐'), glyph('\u{1}'));
        assert_ne!(glyph('é'), glyph('狐'));
    }
}

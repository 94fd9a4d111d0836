//! Files from encoded pixels: where the provenance goes, and padding to a wanted size.
//!
//! Only the provenance depends on the request. What comes before and behind it is kept, as bytes and as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::hash::Wanted;
use super::paint::Random;
use super::provenance::{PAYLOAD_LEN, Provenance, payload};
use super::{Format, MAX_SIDE, hex};

/// A file without its provenance.
pub(super) struct File {
    format: Format,
    /// What comes before the provenance.
    front: Vec<u8>,
    /// What comes behind it; nothing for WebP.
    back: Vec<u8>,
    /// The base64 of the longer one of the two: `front` for WebP, else `back`.
    base64: Bytes,
    /// Hashes that may be asked for yet.
    pub(super) wanted: Wanted,
}

impl Drop for File {
    fn drop(&mut self) {
        std::mem::take(&mut self.wanted).settle(self);
    }
}

impl File {
    /// Takes an encoder's output apart and pads it to at least `pad_to` bytes.
    pub(super) fn new(format: Format, mut encoded: Vec<u8>, pad_to: usize, random: Random) -> Self {
        let missing = pad_to.saturating_sub(encoded.len() + provenance_len(format));
        let mut padding = Padding { missing, random };
        let (mut front, mut back) = match format {
            Format::Png => {
                let end = encoded.split_off(encoded.len() - PNG_END);
                let mut back = encoded.split_off(PNG_FRONT);
                padding.write_png(&mut back);
                back.extend(end);
                (encoded, back)
            }
            Format::Jpeg => {
                let image = encoded.split_off(JPEG_FRONT);
                let mut back = Vec::with_capacity(image.len() + missing);
                padding.write_jpeg(&mut back);
                back.extend(image);
                (encoded, back)
            }
            Format::Webp => (extend_webp(&encoded, &mut padding), Vec::new()),
        };
        // What was split off leaves the room of the whole behind: twice the memory, while the file is kept.
        front.shrink_to_fit();
        back.shrink_to_fit();
        let longer = if format == Format::Webp {
            &front
        } else {
            &back
        };
        let base64 = STANDARD.encode(longer).into();
        Self {
            format,
            front,
            back,
            base64,
            wanted: Wanted::default(),
        }
    }

    /// A file without a byte.
    pub(super) fn nothing(format: Format) -> Self {
        Self {
            format,
            front: Vec::new(),
            back: Vec::new(),
            base64: Bytes::new(),
            wanted: Wanted::default(),
        }
    }

    /// The bytes this takes in memory.
    pub(super) fn cost(&self) -> usize {
        self.front.len() + self.back.len() + self.base64.len()
    }

    /// The part of the file that holds the provenance: a chunk or a segment.
    pub(super) fn provenance_part(&self, provenance: Provenance) -> Vec<u8> {
        let data = payload(provenance);
        let mut part = Vec::with_capacity(provenance_len(self.format));
        match self.format {
            Format::Png => write_png_chunk(&mut part, *b"tEXt", &data),
            Format::Jpeg => write_jpeg_segment(&mut part, 0xfe, &data),
            Format::Webp => write_webp_chunk(&mut part, *b"PROV", &data),
        }
        part
    }

    /// The three parts of the file in order.
    pub(super) fn parts<'a>(&'a self, provenance_part: &'a [u8]) -> [&'a [u8]; 3] {
        [&self.front, provenance_part, &self.back]
    }

    /// The SHA-256 of the file in hex.
    pub(super) fn sha256(&self, provenance_part: &[u8]) -> String {
        let mut hash = Sha256::new();
        for part in self.parts(provenance_part) {
            hash.update(part);
        }
        hex(&hash.finalize())
    }

    /// The base64 of the file in two pieces to be joined: the first one is that of a multiple of 3 bytes.
    pub(super) fn base64(&self, provenance_part: &[u8]) -> [Bytes; 2] {
        if self.format == Format::Webp {
            return [self.base64.clone(), STANDARD.encode(provenance_part).into()];
        }
        let head = [&self.front, provenance_part].concat();
        [STANDARD.encode(head).into(), self.base64.clone()]
    }
}

/// Signature and `IHDR` chunk of a PNG file.
const PNG_FRONT: usize = 33;
/// `IEND` chunk of a PNG file.
const PNG_END: usize = 12;
/// SOI marker and APP0 segment of a JPEG file, as our encoder writes them.
const JPEG_FRONT: usize = 20;

const fn provenance_len(format: Format) -> usize {
    match format {
        Format::Png => PAYLOAD_LEN + 12,
        Format::Jpeg => PAYLOAD_LEN + 4,
        Format::Webp => PAYLOAD_LEN + 9,
    }
}

// What makes base64 in two pieces possible; the front of a WebP file is padded when it is written.
const _: () = assert!((PNG_FRONT + provenance_len(Format::Png)).is_multiple_of(3));
const _: () = assert!((JPEG_FRONT + provenance_len(Format::Jpeg)).is_multiple_of(3));

/// Padding in the manner of each format: random, so that a compressing proxy does not undo it.
struct Padding {
    /// Bytes still to write, at least.
    missing: usize,
    random: Random,
}

impl Padding {
    /// Private ancillary chunks. libpng refuses chunks of more than 8 MB, so they are kept well below.
    fn write_png(&mut self, file: &mut Vec<u8>) {
        while self.missing > 0 {
            let data = self.take(12, 1 << 20);
            write_png_chunk(file, *b"paDd", &data);
        }
    }

    /// APP15 segments, which can hold 65,533 bytes each.
    fn write_jpeg(&mut self, file: &mut Vec<u8>) {
        while self.missing > 0 {
            let data = self.take(4, 65_533);
            write_jpeg_segment(file, 0xef, &data);
        }
    }

    /// One unknown chunk; `file` gets a length that is a multiple of 3.
    fn write_webp(&mut self, file: &mut Vec<u8>) {
        if self.missing == 0 && file.len().is_multiple_of(3) {
            return;
        }
        let mut data = self.take(8, usize::MAX);
        while !data.len().is_multiple_of(2) || !(file.len() + 8 + data.len()).is_multiple_of(3) {
            data.push(0);
        }
        write_webp_chunk(file, *b"PADD", &data);
    }

    /// Random data for a chunk with `overhead` more bytes.
    fn take(&mut self, overhead: usize, most: usize) -> Vec<u8> {
        let len = self.missing.saturating_sub(overhead).min(most);
        self.missing = self.missing.saturating_sub(len + overhead);
        let mut data = Vec::with_capacity(len + 8);
        while data.len() < len {
            data.extend(self.random.bits().to_le_bytes());
        }
        data.truncate(len);
        data
    }
}

fn write_png_chunk(file: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(data);
    let sum = crc32fast::hash(&file[start..]);
    file.extend(sum.to_be_bytes());
}

fn write_jpeg_segment(file: &mut Vec<u8>, marker: u8, data: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((data.len() as u16 + 2).to_be_bytes());
    file.extend(data);
}

fn write_webp_chunk(file: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    file.extend(name);
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    if !data.len().is_multiple_of(2) {
        file.push(0);
    }
}

/// Turns the simple layout our encoder writes (`RIFF`, `VP8L`) into the extended one (`VP8X`), because only that may
/// have further chunks. The result ends where the provenance chunk starts, and its `RIFF` size includes that chunk.
fn extend_webp(encoded: &[u8], padding: &mut Padding) -> Vec<u8> {
    const RIFF_HEADER: usize = 12;
    const CHUNK_HEADER: usize = 8;
    let image = &encoded[RIFF_HEADER..];
    // Behind the signature byte of VP8L: 14 bits width - 1, 14 bits height - 1, one bit alpha.
    let mut header = [0; 4];
    header.copy_from_slice(&image[CHUNK_HEADER + 1..CHUNK_HEADER + 5]);
    let header = u32::from_le_bytes(header);
    let (width, height) = (header & (MAX_SIDE - 1), header >> 14 & (MAX_SIDE - 1));
    let alpha = header >> 28 & 1;

    let mut canvas = vec![(alpha as u8) << 4, 0, 0, 0];
    canvas.extend(&width.to_le_bytes()[..3]);
    canvas.extend(&height.to_le_bytes()[..3]);

    let mut front = encoded[..RIFF_HEADER].to_vec();
    write_webp_chunk(&mut front, *b"VP8X", &canvas);
    padding.missing = padding.missing.saturating_sub(front.len() - RIFF_HEADER);
    front.extend(image);
    padding.write_webp(&mut front);
    let size = front.len() + provenance_len(Format::Webp) - 8;
    front[4..8].copy_from_slice(&(size as u32).to_le_bytes());
    front
}

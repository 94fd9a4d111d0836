//! Where an image came from, stated twice: in the metadata of the file and in its pixels.
//!
//! The metadata tell more ([`Provenance`], with the request id); the strip ([`Mark`]) survives recompression, format
//! change and metadata stripping. The strip does not depend on the request id, so equal pictures have equal pixels.
//! Neither survives resizing or cropping from the left or the top; there is no signature in either.
//!
//! # Metadata
//!
//! The payload is the same in all formats and always 267 bytes long: the word `provenance`, a zero byte, and 256 bytes
//! of JSON in ASCII, padded at its end with blanks:
//!
//! ```json
//! {"v":1,"request":"req_1","token":"abcdefg234","index":0,"partial":null,"prompt_sha256":"<64 hex digits>"}
//! ```
//!
//! `request` is the request id: 96 characters at most, and what is not printable ASCII, `"` or `\` is shown as `?`.
//! `token` is null for a request without one, `partial` is null for a final image.
//!
//! | Format | Where | Then |
//! | --- | --- | --- |
//! | PNG | a `tEXt` chunk right after `IHDR`, keyword `provenance` | it ends at byte 312 |
//! | JPEG | a COM segment right after APP0 | it ends at byte 291 |
//! | WebP | a chunk `PROV`, the last one of the file (`VP8X` layout) | it takes the last 276 bytes |
//!
//! In front of and behind these bytes nothing depends on the request id. 312, 291 and, for WebP, the position of the
//! chunk are multiples of 3, so the base64 of both parts of a file can be joined.
//!
//! # Strip
//!
//! 96 blocks of 8 x 8 pixels, row by row from the top left corner, `floor(width / 8)` blocks a row; white is 1, black
//! is 0. An image needs `floor(width / 8) * floor(height / 8) >= 96`, for example 80 x 80 or 768 x 8; a smaller one has
//! no strip. Blocks match the blocks of JPEG, and luma keeps its full resolution with 4:2:0. A reader takes the mean
//! luma of the middle 4 x 4 pixels of a block: 128 and more is 1. Each field has its highest bit first:
//!
//! | Bits | Field |
//! | --- | --- |
//! | 0–11 | sync: `101100111000` |
//! | 12–15 | version: 1 |
//! | 16 | 1 with a token, 0 without |
//! | 17–66 | token: ten times five bits, `a` = 0 … `z` = 25, `2` = 26 … `7` = 31; zeros without a token |
//! | 67–74 | index of the image in its answer, from 0 |
//! | 75–77 | number of the partial image, 7 for a final one |
//! | 78–79 | zeros |
//! | 80–95 | checksum: the low 16 bits of the CRC-32 (IEEE) of the ten bytes before it |
//!
//! # Test vector
//!
//! Token `abcdefg234`, index 3, partial image 1 give
//!
//! ```text
//! b3 81 80 22 19 0a 6d 6f 80 64 34 14
//! ```
//!
//! that is, in the first row of blocks of an image 256 pixels wide (`#` is white): `#.##..###......##.........#...#.`.

mod metadata;
pub(super) mod strip;

pub(super) use metadata::{PAYLOAD_LEN, payload};
pub use metadata::{Provenance, read_metadata};
pub use strip::read_strip;

use super::Token;

/// What the strip of an image says.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Mark {
    /// The case token of the request, if it had one.
    pub token: Option<Token>,
    /// Which of the images of an answer it is, from 0.
    pub index: u8,
    /// The number of a partial image, 0 to 6 (higher ones are written as 6); none for a final image.
    pub partial: Option<u8>,
}

impl Mark {
    /// The number of bits, and so of blocks.
    pub const BITS: usize = 96;

    /// The bits in the order of the blocks, the highest bit of a byte first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 12] {
        let token = self
            .token
            .map_or(0, |token| 1 << Token::BITS | token.bits());
        let partial = self.partial.map_or(FINAL, |partial| partial.min(FINAL - 1));
        let mut fields = u128::from(SYNC_AND_VERSION);
        fields = fields << (1 + Token::BITS) | u128::from(token);
        fields = fields << 8 | u128::from(self.index);
        fields = fields << 3 | u128::from(partial);
        fields <<= 2;

        let mut bytes = [0; 12];
        bytes[..10].copy_from_slice(&fields.to_be_bytes()[6..]);
        let sum = checksum(&bytes);
        bytes[10..].copy_from_slice(&sum);
        bytes
    }

    /// The mark of these bits, if sync, version, spare bits and checksum are right.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 12]) -> Option<Self> {
        let mut wide = [0; 16];
        wide[6..].copy_from_slice(&bytes[..10]);
        let fields = u128::from_be_bytes(wide);
        let has_token = fields >> 63 & 1 == 1;
        let token = (fields >> 13) as u64 & ((1 << Token::BITS) - 1);
        let partial = (fields >> 2) as u8 & 7;
        let known = fields >> 64 == u128::from(SYNC_AND_VERSION)
            && fields & 3 == 0
            && (has_token || token == 0)
            && bytes[10..] == checksum(bytes);
        known.then(|| Self {
            token: has_token.then(|| Token::from_bits(token)),
            index: (fields >> 5) as u8,
            partial: (partial != FINAL).then_some(partial),
        })
    }
}

/// 12 bits of sync and 4 bits of version.
const SYNC_AND_VERSION: u16 = 0xb381;
/// The number that says "not a partial image".
const FINAL: u8 = 7;

fn checksum(bytes: &[u8; 12]) -> [u8; 2] {
    (crc32fast::hash(&bytes[..10]) as u16).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_vector() {
        let mark = Mark {
            token: Some("abcdefg234".parse().unwrap()),
            index: 3,
            partial: Some(1),
        };
        let bytes = [
            0xb3, 0x81, 0x80, 0x22, 0x19, 0x0a, 0x6d, 0x6f, 0x80, 0x64, 0x34, 0x14,
        ];
        assert_eq!(mark.to_bytes(), bytes);
        assert_eq!(Mark::from_bytes(&bytes), Some(mark));
    }

    #[test]
    fn any_wrong_bit_is_noticed() {
        let mark = Mark {
            token: None,
            index: 255,
            partial: None,
        };
        let bytes = mark.to_bytes();
        assert_eq!(Mark::from_bytes(&bytes), Some(mark));
        for bit in 0..Mark::BITS {
            let mut wrong = bytes;
            wrong[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(Mark::from_bytes(&wrong), None, "bit {bit}");
        }
    }
}

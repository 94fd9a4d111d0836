//! Thought signatures: base64 that means nothing, the same for the same request.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The bytes that differ from signature to signature; a multiple of three, so that no padding ends them.
const HEAD: usize = 24 * 32;
/// The bytes that all longer signatures share and repeat; likewise.
const FILLER: usize = 48 << 10;

/// The base64 of a signature of at least so many bytes, in pieces. Recorded ones have 0.6 to 2.4 million
/// characters, as many as their image or more, so `--image-bytes` makes them as long as images.
pub(super) fn signature(request: &str, part: &str, bytes: usize) -> Vec<Bytes> {
    let head = BASE64_STANDARD.encode(noise(&format!("{request}:{part}"), HEAD));
    let mut pieces = vec![Bytes::from(head)];
    // Three bytes are four characters.
    let mut missing = bytes.saturating_sub(HEAD).div_ceil(3) * 4;
    while missing > 0 {
        let piece = filler().slice(..missing.min(filler().len()));
        missing -= piece.len();
        pieces.push(piece);
    }
    pieces
}

fn filler() -> &'static Bytes {
    static FILLED: OnceLock<Bytes> = OnceLock::new();
    FILLED.get_or_init(|| BASE64_STANDARD.encode(noise("filler", FILLER)).into())
}

fn noise(seed: &str, len: usize) -> Vec<u8> {
    let block = |number| Sha256::digest(format!("{seed}:{number}"));
    (0..len / 32).flat_map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_is_base64() {
        for bytes in [0, HEAD, HEAD + 1, HEAD + FILLER, 1_000_000] {
            let text = signature("a", "b", bytes).concat();
            let decoded = BASE64_STANDARD.decode(&text).unwrap();
            assert!((bytes.max(HEAD)..bytes.max(HEAD) + 3).contains(&decoded.len()));
        }
    }
}

//! Content codings of upstream answers.
//!
//! None is asked for. But to a request that does not say what it accepts any coding is a legal answer (RFC 9110,
//! section 12.5.3), and refusing it would throw away an image that has been paid for: so gzip, the one that is met
//! in practice, is undone.

use std::io::Write;
use std::mem;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::write::MultiGzDecoder;

use super::Broken;

/// Input is decoded in steps of this size: one byte can become a thousand, and each step's output is checked.
const STEP: usize = 16 * 1024;

/// Undoes the coding of one body.
#[derive(Debug)]
pub(crate) enum Decoder {
    Identity,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Decoder {
    /// The decoder for an answer with these headers, if there is one.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(coding) = codings.next() else {
            return Some(Self::Identity);
        };
        let coding = coding.to_str().ok()?.trim().to_ascii_lowercase();
        match (coding.as_str(), codings.next()) {
            ("" | "identity", None) => Some(Self::Identity),
            ("gzip" | "x-gzip", None) => {
                Some(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))))
            }
            _ => None,
        }
    }

    /// The next piece, decoded as far as it can be.
    pub(crate) fn decode(&mut self, piece: Bytes, limit: usize) -> Result<Bytes, Broken> {
        let Self::Gzip(gzip) = self else {
            return Ok(piece);
        };
        for step in piece.chunks(STEP) {
            gzip.write_all(step).map_err(|_| Broken::Cut)?;
            if gzip.get_ref().len() > limit {
                return Err(Broken::TooLarge);
            }
        }
        gzip.flush().map_err(|_| Broken::Cut)?;
        Ok(mem::take(gzip.get_mut()).into())
    }

    /// Says whether the coded body was complete.
    pub(crate) fn finish(&mut self) -> Result<(), Broken> {
        match self {
            Self::Identity => Ok(()),
            Self::Gzip(gzip) => gzip.try_finish().map_err(|_| Broken::Cut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn decoder() -> Decoder {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        Decoder::of(&headers).unwrap()
    }

    #[test]
    fn pieces_of_any_size_add_up() {
        let data: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        for size in [1, 7, 4096] {
            let mut decoder = decoder();
            let mut decoded = Vec::new();
            for piece in gzip(&data).chunks(size) {
                let piece = Bytes::copy_from_slice(piece);
                decoded.extend_from_slice(&decoder.decode(piece, 1 << 20).unwrap());
            }
            assert_eq!(decoder.finish(), Ok(()));
            assert!(decoded == data, "piece size {size}");
        }
    }

    #[test]
    fn a_cut_body_is_not_complete() {
        let mut coded = gzip(b"0123456789");
        coded.truncate(coded.len() - 4);
        let mut decoder = decoder();
        decoder.decode(coded.into(), 100).unwrap();
        assert_eq!(decoder.finish(), Err(Broken::Cut));
    }

    #[test]
    fn a_bomb_is_stopped() {
        let bomb = gzip(&vec![0; 8 << 20]);
        assert_eq!(
            decoder().decode(bomb.into(), 1 << 20),
            Err(Broken::TooLarge)
        );
    }
}

//! The metadata of a file: writes the payload and finds it again in PNG, JPEG and WebP files.
//!
//! Files to read may come from anywhere, so nothing here trusts a length. Pixels are not looked at.

use serde::{Deserialize, Serialize};

use super::Token;

/// What the metadata of an image say.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of the format: 1.
    pub v: u8,
    /// Id of the request the image is an answer to, as far as it could be written.
    pub request: String,
    /// The case token of the request, if it had one.
    pub token: Option<Token>,
    /// Which of the images of an answer it is, from 0.
    pub index: u8,
    /// The number of a partial image; none for a final image.
    pub partial: Option<u8>,
    /// SHA-256 of the prompt as it was painted, in hex.
    pub prompt_sha256: String,
}

/// The metadata of a PNG, JPEG or WebP file, if it is from this module.
#[must_use]
pub fn read_metadata(bytes: &[u8]) -> Option<Provenance> {
    if let Some(chunks) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") {
        find_in_png(chunks)
    } else if let Some(segments) = bytes.strip_prefix(b"\xff\xd8") {
        find_in_jpeg(segments)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        find_in_webp(&bytes[12..])
    } else {
        None
    }
}

/// Length of a payload in bytes.
pub(in crate::image) const PAYLOAD_LEN: usize = KEYWORD.len() + JSON_LEN;

/// The payload of a provenance; a request id too long or with unusual characters is changed to fit.
pub(in crate::image) fn payload(mut provenance: Provenance) -> Vec<u8> {
    provenance.request = provenance
        .request
        .chars()
        .take(MAX_REQUEST)
        .map(|letter| match letter {
            '"' | '\\' => '?',
            ' '..='~' => letter,
            _ => '?',
        })
        .collect();
    let mut payload = KEYWORD.to_vec();
    // Text and numbers only, so serialising cannot fail; an empty object would be read as no provenance.
    payload.extend(serde_json::to_vec(&provenance).unwrap_or_default());
    payload.resize(PAYLOAD_LEN, b' ');
    payload
}

/// What tells our payload from other comments; in PNG it is the keyword of the chunk.
const KEYWORD: &[u8] = b"provenance\0";
/// Bytes of the padded JSON object: with this, all positions named in the docs are multiples of 3.
const JSON_LEN: usize = 256;
/// Characters of a request id: the rest of the object takes at most 151 of the 256 bytes.
const MAX_REQUEST: usize = 96;

fn parse(payload: &[u8]) -> Option<Provenance> {
    let json = payload.strip_prefix(KEYWORD)?;
    serde_json::from_slice(json)
        .ok()
        .filter(|provenance: &Provenance| provenance.v == 1)
}

fn find_in_png(mut rest: &[u8]) -> Option<Provenance> {
    while let Some((len, after)) = rest.split_first_chunk() {
        let len = u32::from_be_bytes(*len) as usize;
        let data = after.get(4..)?.get(..len)?;
        if let Some(found) = after.starts_with(b"tEXt").then(|| parse(data)).flatten() {
            return Some(found);
        }
        // Behind the type and the data come four bytes of CRC.
        rest = after.get(4 + len..)?.get(4..)?;
    }
    None
}

fn find_in_jpeg(mut rest: &[u8]) -> Option<Provenance> {
    const SOS: u8 = 0xda;
    const COM: u8 = 0xfe;
    while let [0xff, marker, after @ ..] = rest {
        let (len, data) = after.split_first_chunk()?;
        let data = data.get(..usize::from(u16::from_be_bytes(*len)).checked_sub(2)?)?;
        match *marker {
            // Entropy coded data follow, not segments.
            SOS => return None,
            COM => {
                if let Some(found) = parse(data) {
                    return Some(found);
                }
            }
            _ => {}
        }
        rest = &after[2 + data.len()..];
    }
    None
}

fn find_in_webp(mut rest: &[u8]) -> Option<Provenance> {
    while let Some((name, after)) = rest.split_first_chunk::<4>() {
        let (len, after) = after.split_first_chunk()?;
        let len = u32::from_le_bytes(*len) as usize;
        let data = after.get(..len)?;
        if let Some(found) = (name == b"PROV").then(|| parse(data)).flatten() {
            return Some(found);
        }
        rest = after.get(len.checked_add(len % 2)?..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_payload_fits() {
        let provenance = Provenance {
            v: 1,
            request: "\"ü".repeat(200),
            token: Some(Token::from_bits(7)),
            index: 255,
            partial: Some(255),
            prompt_sha256: "a".repeat(64),
        };
        let payload = payload(provenance);
        assert_eq!(payload.len(), 267);
        assert_eq!(parse(&payload).unwrap().request, "?".repeat(96));
    }

    #[test]
    fn damaged_files_are_no_surprise() {
        let starts: [&[u8]; 3] = [
            b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXtprovenance\0{}",
            b"\xff\xd8\xff\xfe\x00\x01\xff\xfe\xff\xffprovenance\0{}",
            b"RIFF\0\0\0\0WEBPPROV\xff\xff\xff\xffprovenance\0{}",
        ];
        for start in starts {
            for end in 0..=start.len() {
                assert_eq!(read_metadata(&start[..end]), None);
            }
        }
    }
}

//! The size of an image file, read from its head: enough to know the aspect ratio and that it is an image.

/// Width and height of a PNG, JPEG, WebP or GIF; none for anything else.
pub(super) fn size(file: &[u8]) -> Option<(u32, u32)> {
    if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((be32(file, 16)?, be32(file, 20)?));
    }
    if file.starts_with(b"GIF8") {
        return Some((le16(file, 6)?, le16(file, 8)?));
    }
    if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
        return webp(file);
    }
    file.starts_with(b"\xff\xd8").then(|| jpeg(file)).flatten()
}

fn webp(file: &[u8]) -> Option<(u32, u32)> {
    match file.get(12..16)? {
        b"VP8X" => Some((le24(file, 24)? + 1, le24(file, 27)? + 1)),
        b"VP8L" => {
            let bits = le16(file, 21)? | le16(file, 23)? << 16;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8 " => Some((le16(file, 26)? & 0x3fff, le16(file, 28)? & 0x3fff)),
        _ => None,
    }
}

/// Goes from segment to segment until the frame header.
fn jpeg(file: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = *file.get(at + 1)?;
        if *file.get(at)? != 0xff {
            return None;
        }
        let frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        if frame {
            return Some((be16(file, at + 7)?, be16(file, at + 5)?));
        }
        at += 2 + be16(file, at + 2)? as usize;
    }
}

fn be32(file: &[u8], at: usize) -> Option<u32> {
    Some(be16(file, at)? << 16 | be16(file, at + 2)?)
}

fn be16(file: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(*file.get(at)?) << 8 | u32::from(*file.get(at + 1)?))
}

fn le16(file: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(*file.get(at)?) | u32::from(*file.get(at + 1)?) << 8)
}

fn le24(file: &[u8], at: usize) -> Option<u32> {
    Some(le16(file, at)? | u32::from(*file.get(at + 2)?) << 16)
}

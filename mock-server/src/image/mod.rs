//! Paints and encodes the images the server answers with, and marks them so that a test can tell where each came from.
//!
//! The same [`Picture`] and request id give the same bytes. Painting takes a few milliseconds of processor time, for
//! the largest sizes and for JPEG and WebP a few tens of them, so async code should call [`Studio::image`] where it may
//! block.
//!
//! # Layout
//!
//! - `paint`: the pixels, with `canvas` (rows and rectangles) and `text` (letters)
//! - `encode`: PNG, JPEG and WebP out of pixels
//! - `container`: the files, with room for provenance and padding
//! - [`inspect`]: format and size of files that came with a request
//! - [`provenance`]: the format of the provenance and its readers
//! - `cache`: finished files
//! - `hash`: what the journal names them by
//! - `token`: the ten characters that name a test case

mod cache;
mod canvas;
mod container;
mod encode;
mod hash;
pub mod inspect;
mod paint;
pub mod provenance;
#[cfg(test)]
mod tests;
mod text;
mod token;

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};

pub use self::hash::ImageHash;
pub use self::token::{InvalidToken, Token};

use self::cache::Cache;
use self::container::File;
use self::paint::Random;
use self::provenance::Provenance;

/// The longest side of a picture in pixels, which is that of WebP; longer ones are cut to it.
pub const MAX_SIDE: u32 = 16_384;

/// Everything that decides the pixels and the encoding of an image.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Picture {
    /// The prompt, without directives and tokens. It is written on the picture and decides its colours.
    pub prompt: String,
    /// The model, which is written on the picture.
    pub model: String,
    /// Width in pixels, 1 to [`MAX_SIDE`].
    pub width: u32,
    /// Height in pixels, 1 to [`MAX_SIDE`].
    pub height: u32,
    /// The file format.
    pub format: Format,
    /// OpenAI's `output_compression` in percent, 0 (smallest) to 100 (best, also without one). JPEG: the quality; WebP:
    /// the number of colours; PNG: ignored.
    pub compression: Option<u8>,
    /// A transparent ground and an alpha channel; JPEG has neither and ignores it.
    pub transparent: bool,
    /// The case token of the request.
    pub token: Option<Token>,
    /// Which of the images of an answer it is, from 0.
    pub index: u8,
    /// The number of a partial image: 0 (coarse) to 2 (finer); none for the final image.
    pub partial: Option<u8>,
    /// Moves the shapes on the picture.
    pub seed: u64,
    /// The least size of the file in bytes; it is reached with padding that decoders skip.
    pub pad_to: Option<usize>,
}

/// A file format.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Format {
    /// JPEG with 4:2:0 chroma.
    Jpeg,
    /// PNG with 8 bits a channel.
    Png,
    /// Lossless WebP.
    Webp,
}

impl Format {
    /// The name, as in `output_format` and as a file name's ending.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    /// The media type.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "jpeg" => Ok(Self::Jpeg),
            "png" => Ok(Self::Png),
            "webp" => Ok(Self::Webp),
            _ => Err(UnknownFormat),
        }
    }
}

/// A text is not the name of a [`Format`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an image format is `jpeg`, `png` or `webp`")]
pub struct UnknownFormat;

/// Makes images and keeps the latest ones.
pub struct Studio {
    files: Mutex<Cache<Picture, File>>,
}

impl Studio {
    /// A studio that keeps at most `cache_bytes` bytes of finished files, base64 included.
    #[must_use]
    pub fn new(cache_bytes: usize) -> Self {
        Self {
            files: Mutex::new(Cache::new(cache_bytes)),
        }
    }

    /// The image of a picture as the answer to a request.
    #[must_use]
    pub fn image(&self, picture: &Picture, request_id: &str) -> Rendered {
        let prompt_sha256: [u8; 32] = Sha256::digest(&picture.prompt).into();
        let prompt_hex = hex(&prompt_sha256);
        let file = self.file(picture, &prompt_sha256, &prompt_hex);
        Rendered::of(file, picture, request_id, prompt_hex)
    }

    /// The same, if its file is kept: then it is quick.
    #[must_use]
    pub fn kept(&self, picture: &Picture, request_id: &str) -> Option<Rendered> {
        let prompt_hex = hex(&Sha256::digest(&picture.prompt));
        let file = self.with_files(|files| files.find(&key(picture, &prompt_hex)))?;
        Some(Rendered::of(file, picture, request_id, prompt_hex))
    }

    fn file(&self, picture: &Picture, prompt_sha256: &[u8; 32], prompt_hex: &str) -> Arc<File> {
        let key = key(picture, prompt_hex);
        if let Some(file) = self.with_files(|files| files.find(&key)) {
            return file;
        }
        // Not under the lock: two requests may then paint the same picture, but none waits for another's.
        let canvas = paint::paint(picture, prompt_sha256);
        let encoded = encode::encode(canvas, picture);
        let random = Random::new(prompt_sha256, picture.seed, picture.index);
        let pad_to = picture.pad_to.unwrap_or(0);
        let file = Arc::new(File::new(picture.format, encoded, pad_to, random));
        self.with_files(|files| files.insert(key, Arc::clone(&file), file.cost()));
        file
    }

    fn with_files<T>(&self, action: impl FnOnce(&mut Cache<Picture, File>) -> T) -> T {
        action(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a picture is kept by. Prompts may be long, and a key is kept twice.
fn key(picture: &Picture, prompt_hex: &str) -> Picture {
    Picture {
        prompt: prompt_hex.to_owned(),
        model: picture.model.clone(),
        ..*picture
    }
}

/// An image file for one request.
pub struct Rendered {
    file: Arc<File>,
    provenance_part: Vec<u8>,
}

impl Rendered {
    fn of(file: Arc<File>, picture: &Picture, request_id: &str, prompt_sha256: String) -> Self {
        let provenance_part = file.provenance_part(Provenance {
            v: 1,
            request: request_id.to_owned(),
            token: picture.token,
            index: picture.index,
            partial: picture.partial,
            prompt_sha256,
        });
        Self {
            file,
            provenance_part,
        }
    }

    /// No bytes at all, for an answer that nobody gets.
    pub(crate) fn nothing(format: Format) -> Self {
        Self {
            file: Arc::new(File::nothing(format)),
            provenance_part: Vec::new(),
        }
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.parts().concat().into()
    }

    /// The base64 of the file, with padding, in two pieces to be joined: the long one comes from the cache as it is.
    #[must_use]
    pub fn base64(&self) -> [Bytes; 2] {
        self.file.base64(&self.provenance_part)
    }

    /// The SHA-256 of the file, computed when somebody looks at it.
    #[must_use]
    pub fn sha256(&self) -> ImageHash {
        ImageHash::of(&self.file, &self.provenance_part)
    }

    /// The size of the file in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }

    /// Never: a file has at least a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn parts(&self) -> [&[u8]; 3] {
        self.file.parts(&self.provenance_part)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

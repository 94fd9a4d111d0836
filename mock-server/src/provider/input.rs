//! Images that came with a request: what they are, by their bytes and not by what was said of them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::image::inspect;
use crate::image::provenance::read_metadata;
use crate::image::{Format, Token};
use crate::provider::hex_sha256;

/// One image of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputImage {
    /// Where it stood: `image`, `image[]`, `images[0].image_url`, …
    pub place: String,
    /// An address or file id; the bytes are then not known.
    pub reference: Option<String>,
    /// The media type that was declared.
    pub declared: Option<String>,
    /// The file name.
    pub filename: Option<String>,
    /// The size in bytes.
    pub len: usize,
    /// The SHA-256 of the bytes in hex.
    pub sha256: String,
    /// The format by the magic bytes.
    pub format: Option<Format>,
    /// It is a GIF, which some conversations take.
    pub gif: bool,
    /// Width and height by the headers.
    pub size: Option<(u32, u32)>,
    /// The case token of an image that this server painted.
    pub token: Option<Token>,
}

/// A text that should hold an image is neither a data URL nor an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a data URL nor an address")]
pub struct NoImage;

impl InputImage {
    /// The image with these bytes.
    #[must_use]
    pub fn of_bytes(place: &str, bytes: &Bytes) -> Self {
        Self {
            place: place.to_owned(),
            len: bytes.len(),
            sha256: hex_sha256(bytes),
            format: inspect::format_of(bytes),
            gif: bytes.starts_with(b"GIF8"),
            size: inspect::size_of(bytes),
            token: read_metadata(bytes).and_then(|told| told.token),
            ..Self::default()
        }
    }

    /// An image that is somewhere else. It is never fetched.
    #[must_use]
    pub fn elsewhere(place: &str, reference: &str) -> Self {
        Self {
            place: place.to_owned(),
            reference: Some(reference.to_owned()),
            ..Self::default()
        }
    }

    /// The image of a data URL, or one that an http(s) address points at.
    ///
    /// # Errors
    /// The text is neither.
    pub fn of_url(place: &str, url: &str) -> Result<Self, NoImage> {
        if url.starts_with("http://") || url.starts_with("https://") {
            return Ok(Self::elsewhere(place, url));
        }
        let (kind, data) = url
            .strip_prefix("data:")
            .and_then(|rest| rest.split_once(','))
            .ok_or(NoImage)?;
        let kind = kind.strip_suffix(";base64").ok_or(NoImage)?;
        // Some clients leave the padding out.
        let bytes = STANDARD
            .decode(data)
            .or_else(|_| STANDARD_NO_PAD.decode(data));
        let bytes = Bytes::from(bytes.map_err(|_| NoImage)?);
        let declared = kind.split(';').next().filter(|kind| !kind.is_empty());
        Ok(Self {
            declared: declared.map(str::to_owned),
            ..Self::of_bytes(place, &bytes)
        })
    }

    /// The name of its format by the magic bytes.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        let gif = self.gif.then_some("gif");
        self.format.map(Format::as_str).or(gif)
    }

    /// What the journal's digest says of it.
    #[must_use]
    pub fn digest(&self) -> Value {
        match &self.reference {
            Some(reference) => json!({ "reference": reference }),
            None => json!({
                "len": self.len,
                "sha256": self.sha256,
                "format": self.kind(),
                "width": self.size.map(|(width, _)| width),
                "height": self.size.map(|(_, height)| height),
            }),
        }
    }
}

/// The token that a file name or a user's name is, or holds as `[[case:TOKEN]]`.
#[must_use]
pub fn token_in(text: &str) -> Option<Token> {
    let mut marks = crate::wire::Marks::default();
    marks.take(text);
    let stem = text.rsplit_once('.').map_or(text, |(stem, _)| stem);
    marks.token.or_else(|| stem.trim().parse().ok())
}

//! What the contents of a request say: the prompt, its marks, the images.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use crate::provider::google::sniff;
use crate::provider::hex_sha256;
use crate::wire::Marks;

/// What the contents say.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    /// The marks: directives of the last user message, the token of any.
    pub(super) marks: Marks,
    /// The text of the last user message, as sent.
    pub(super) raw: String,
    /// The same without marks.
    pub(super) prompt: String,
    /// Every text, for counting.
    pub(super) text: String,
    /// The images, in their order.
    pub(super) images: Vec<InputImage>,
}

/// An image of the request.
#[derive(Clone, Debug)]
pub(super) struct InputImage {
    /// SHA-256 of the file in hex; of the address where there is no file.
    pub(super) sha256: String,
    /// Width and height, none where it is no image that can be read.
    pub(super) size: Option<(u32, u32)>,
    /// There is a file, not an address.
    pub(super) inline: bool,
}

/// Reads the normalised body of `generateContent`.
pub(super) fn read(body: &Map<String, Value>) -> Read {
    let mut read = Read::default();
    let contents = list(body.get("contents"));
    let is_user = |content: &&Value| content["role"].as_str().is_none_or(|role| role == "user");
    let last = contents.iter().rposition(|content| is_user(&content));
    let mut others = Marks::default();
    for (index, content) in contents.iter().enumerate() {
        let texts = texts(content);
        if Some(index) == last {
            read.raw = texts.join("\n");
            read.prompt = read.marks.take(&read.raw);
        }
        for text in texts {
            read.text.push_str(&others.take(text));
            read.text.push('\n');
        }
        read.images
            .extend(list(content.get("parts")).iter().filter_map(image));
    }
    for text in body.get("systemInstruction").map(texts).unwrap_or_default() {
        read.text.push_str(&others.take(text));
    }
    read.marks.token = read.marks.token.take().or(others.token);
    read
}

/// The items of a list, none where there is no list.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn texts(content: &Value) -> Vec<&str> {
    let parts = list(content.get("parts")).iter();
    parts.filter_map(|part| part["text"].as_str()).collect()
}

fn image(part: &Value) -> Option<InputImage> {
    if let Some(data) = part["inlineData"]["data"].as_str() {
        let file = decode(data);
        return Some(InputImage {
            sha256: hex_sha256(&file),
            size: sniff::size(&file),
            inline: true,
        });
    }
    let address = part["fileData"]["fileUri"].as_str()?;
    Some(InputImage {
        sha256: hex_sha256(address.as_bytes()),
        size: None,
        inline: false,
    })
}

/// Standard or URL-safe base64, padded or not; nothing where it is neither.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let strict = BASE64_STANDARD.decode(text);
    let standard = || GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(text);
    let url_safe = |_| GeneralPurpose::new(&alphabet::URL_SAFE, lenient).decode(text);
    strict
        .or_else(|_| standard())
        .or_else(url_safe)
        .unwrap_or_default()
}

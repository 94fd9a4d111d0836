//! What a request says of the image that it wants, in whichever of Google's two ways.

use serde_json::{Map, Value};

use crate::provider::google::content::list;
use crate::provider::google::generate::number;

/// What is said of the image; nothing stands for what is not said.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// `16:9`, …
    pub(super) ratio: Option<String>,
    /// `512`, `1K`, …
    pub(super) size: Option<String>,
    /// `jpeg`, …
    pub(super) format: Option<String>,
    /// From 0 to 100.
    pub(super) quality: Option<u64>,
}

impl Asked {
    /// Reads the normalised body of `generateContent`: `imageConfig`, else the image of `responseFormat`.
    pub(super) fn of(body: &Map<String, Value>) -> Self {
        let config = body.get("generationConfig").unwrap_or(&Value::Null);
        let plain = &config["imageConfig"];
        if plain.is_null() {
            return Self::of_format(&config["responseFormat"]);
        }
        let output = &plain["imageOutputOptions"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mime = output["mimeType"].as_str();
        Self {
            ratio: text(&plain["aspectRatio"]),
            size: text(&plain["imageSize"]),
            format: mime.map(|mime| mime.trim_start_matches("image/").to_owned()),
            quality: number(&output["compressionQuality"]),
        }
    }

    /// A list on Vertex, one message on the Gemini API; its values are the names of enums.
    fn of_format(format: &Value) -> Self {
        let items = match format {
            Value::Array(_) => list(Some(format)),
            single => std::slice::from_ref(single),
        };
        let image = items
            .iter()
            .map(|item| &item["image"])
            .find(|image| !image.is_null());
        let Some(image) = image else {
            return Self::default();
        };
        let name = |member: &str| image[member].as_str();
        Self {
            ratio: name("aspectRatio").and_then(ratio),
            size: name("imageSize").and_then(|name| digits(name.strip_prefix("IMAGE_SIZE_")?)),
            format: name("mimeType")
                .and_then(|name| Some(name.strip_prefix("IMAGE_")?.to_lowercase())),
            quality: None,
        }
    }
}

/// `ASPECT_RATIO_SIXTEEN_BY_NINE` is `16:9`.
fn ratio(name: &str) -> Option<String> {
    let (width, height) = name.strip_prefix("ASPECT_RATIO_")?.split_once("_BY_")?;
    Some(format!("{}:{}", digits(width)?, digits(height)?))
}

/// The numbers in the names of these enums.
const NUMBERS: &[(&str, &str)] = &[
    ("ONE", "1"),
    ("TWO", "2"),
    ("THREE", "3"),
    ("FOUR", "4"),
    ("FIVE", "5"),
    ("EIGHT", "8"),
    ("NINE", "9"),
    ("SIXTEEN", "16"),
    ("TWENTY_ONE", "21"),
    ("FIVE_TWELVE", "512"),
    ("ONE_K", "1K"),
    ("TWO_K", "2K"),
    ("FOUR_K", "4K"),
];

fn digits(words: &str) -> Option<String> {
    let found = NUMBERS.iter().find(|(name, _)| *name == words);
    found.map(|(_, digits)| (*digits).to_owned())
}

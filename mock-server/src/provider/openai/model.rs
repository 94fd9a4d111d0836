//! The model tables, read from `fixtures/models/openai.json` and `fixtures/models/gateway.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::catalogue::CatalogueError;
use crate::settings::Settings;

/// The model table of OpenAI.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// The schema of the file; not used by the reader.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// The provider's id.
    pub provider: String,
    /// The day on which the facts were gathered.
    pub read: String,
    /// What absent or `auto` members become.
    pub defaults: Defaults,
    /// The members that a family of models takes, by operation.
    pub parameters: BTreeMap<String, BTreeMap<Family, Vec<String>>>,
    /// Values and ranges that do not depend on the model.
    pub values: FixedValues,
    /// Token counts.
    pub tokens: Tokens,
    /// The models.
    pub models: Vec<Model>,
    /// Limits of input images.
    pub inputs: InputLimits,
    /// Models that answer with text.
    pub text_models: Vec<TextModel>,
    /// Where those are known from.
    pub text_models_source: String,
}

/// Limits of input images.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputLimits {
    /// The greatest number of images.
    pub most: usize,
    /// The greatest size of one, in bytes.
    pub bytes_max: usize,
    /// The longest `image_url`, in characters.
    pub url_max: usize,
    /// The greatest size of an image for dall-e-2, in bytes.
    pub legacy_bytes_max: usize,
    /// The formats, in the provider's order.
    pub formats: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

/// A model that answers with text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextModel {
    /// The id.
    pub id: String,
    /// When it came, in seconds since 1970.
    pub created: i64,
}

/// Chat models of gateways that answer with images.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatImages {
    /// The schema of the file; not used by the reader.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// Whose habit it is.
    pub provider: String,
    /// The day on which the facts were gathered.
    pub read: String,
    /// Where this is known from.
    pub source: String,
    /// The models.
    pub models: Vec<ChatImageModel>,
}

/// A chat model that answers with images.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatImageModel {
    /// The id, as a gateway's client names it.
    pub id: String,
    /// The size of its images, `WxH`.
    pub size: String,
    /// Their format.
    pub format: String,
    /// When it came, in seconds since 1970.
    pub created: i64,
    /// Where this is known from.
    pub source: String,
}

impl ChatImages {
    /// Reads the embedded table.
    ///
    /// # Errors
    /// The file is missing or of another form.
    pub fn builtin() -> Result<Self, CatalogueError> {
        embedded("models/gateway.json")
    }

    /// The model with this id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&ChatImageModel> {
        self.models.iter().find(|model| model.id == id)
    }
}

/// What absent or `auto` members become.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// The model when none is named.
    pub model: String,
    /// The same for variations.
    pub variation_model: String,
    /// The same for the image generation tool.
    pub tool_model: String,
    /// The size, `WxH`.
    pub size: String,
    /// The quality.
    pub quality: String,
    /// The background.
    pub background: String,
    /// The output format.
    pub output_format: String,
    /// The moderation level.
    pub moderation: String,
    /// Where this is known from.
    pub source: String,
}

/// Values and ranges that do not depend on the model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedValues {
    /// Moderation levels.
    pub moderation: Vec<String>,
    /// Least and greatest compression.
    pub output_compression: [i64; 2],
    /// Least and greatest number of partial images.
    pub partial_images: [i64; 2],
    /// Forms of a result (dall-e).
    pub response_format: Vec<String>,
    /// Actions of the image generation tool.
    pub action: Vec<String>,
    /// How close an edit stays to its images.
    pub input_fidelity: Vec<String>,
    /// Styles (dall-e-3).
    pub style: Vec<String>,
}

/// Token counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Output tokens of an image by size and quality.
    pub fixed: Vec<FixedTokens>,
    /// The formula for free sizes.
    pub formula: TokenFormula,
    /// Output tokens of each partial image.
    pub partial_image: u64,
    /// Added to the text tokens of a prompt.
    pub text_overhead: u64,
    /// Where this is known from.
    pub source: String,
}

/// Output tokens of an image of one size.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedTokens {
    /// `WxH`.
    pub size: String,
    /// In low quality.
    pub low: u64,
    /// In medium quality.
    pub medium: u64,
    /// In high quality.
    pub high: u64,
}

/// `ceil(q * floor((2*q*short + long) / (2*long)) * (base + width*height) / divisor)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFormula {
    /// q by quality.
    pub factors: BTreeMap<String, u64>,
    /// Added to the number of pixels.
    pub base: u64,
    /// Divides the product.
    pub divisor: u64,
    /// Where this is known from.
    pub source: String,
}

/// One model and what it takes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The id.
    pub id: String,
    /// Snapshots that are the same model.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The operations that it serves.
    pub operations: Vec<String>,
    /// Which members and which form of answer.
    pub family: Family,
    /// The longest prompt, in characters.
    pub prompt_max: usize,
    /// The greatest number of images in one call.
    pub n_max: i64,
    /// The sizes that it makes.
    pub sizes: Sizes,
    /// The qualities, in the provider's order; none: the member is not taken.
    pub qualities: Vec<String>,
    /// The backgrounds, in the provider's order.
    pub backgrounds: Vec<String>,
    /// The output formats, in the provider's order.
    pub formats: Vec<String>,
    /// How output tokens are counted.
    pub tokens: TokenRule,
    /// When it came, in seconds since 1970.
    pub created: i64,
    /// It takes `input_fidelity`.
    pub input_fidelity: bool,
    /// Input tokens of each input image.
    pub input_image_tokens: u64,
    /// Text tokens in the output of each image.
    pub output_text_tokens: u64,
    /// The day on which it is switched off.
    #[serde(default, with = "day")]
    pub retired_on: Option<time::Date>,
    /// Refused even when no day is given to judge by.
    #[serde(default)]
    pub retired_by_default: bool,
    /// Where this is known from.
    pub source: String,
}

/// A family of models with the same members and form of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// dall-e-2 and dall-e-3.
    #[serde(rename = "dall-e")]
    DallE,
    /// gpt-image and chatgpt-image.
    GptImage,
}

/// How output tokens are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenRule {
    /// By the table.
    Fixed,
    /// By the formula.
    Formula,
    /// The answer has no usage.
    None,
}

/// The sizes that a model makes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// By name, in the provider's order.
    pub named: Vec<String>,
    /// Any size within these bounds.
    pub free: Option<FreeSizes>,
}

/// The bounds of free sizes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeSizes {
    /// Both edges are a multiple of it, in pixels.
    pub multiple_of: u32,
    /// The longer edge is at most so many times the shorter one.
    pub max_ratio: u32,
    /// The longest edge, in pixels.
    pub max_edge: u32,
    /// The least number of pixels.
    pub min_pixels: u64,
    /// The greatest number of pixels.
    pub max_pixels: u64,
}

impl Models {
    /// Reads the embedded table.
    ///
    /// # Errors
    /// The file is missing or of another form.
    pub fn builtin() -> Result<Self, CatalogueError> {
        embedded("models/openai.json")
    }

    /// The model of a call that names none.
    #[must_use]
    pub fn default_model(&self, operation: &str) -> &str {
        match operation {
            "images.variations" => &self.defaults.variation_model,
            "responses" => &self.defaults.tool_model,
            _ => &self.defaults.model,
        }
    }

    /// Whether this is a model that answers with text.
    #[must_use]
    pub fn is_text(&self, id: &str) -> bool {
        self.text_models.iter().any(|model| model.id == id)
    }

    /// The model with this id or alias, retired or not.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Model> {
        let named = |model: &&Model| model.id == id || model.aliases.iter().any(|a| a == id);
        self.models.iter().find(named)
    }

    /// The model with this id, if it answers that operation under these settings.
    #[must_use]
    pub fn serving(&self, id: &str, operation: &str, settings: &Settings) -> Option<&Model> {
        let model = self.by_id(id)?;
        let serves = model.operations.iter().any(|served| served == operation);
        (serves && !model.is_retired(settings)).then_some(model)
    }
}

impl Model {
    /// Whether the model is switched off under these settings.
    #[must_use]
    pub fn is_retired(&self, settings: &Settings) -> bool {
        if settings.legacy_models {
            return false;
        }
        match (settings.as_of, self.retired_on) {
            (Some(day), Some(retired_on)) => retired_on <= day,
            _ => self.retired_by_default,
        }
    }
}

fn embedded<T: for<'de> Deserialize<'de>>(path: &str) -> Result<T, CatalogueError> {
    let text = fixtures::text(path).ok_or_else(|| CatalogueError::Missing(path.to_owned()))?;
    serde_json::from_str(text).map_err(|source| CatalogueError::Form {
        path: path.to_owned(),
        source,
    })
}

/// `WxH` as two edges in pixels.
#[must_use]
pub(super) fn edges(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.split_once('x')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(width) || !digits(height) {
        return None;
    }
    Some((width.parse().ok()?, height.parse().ok()?))
}

mod day {
    use serde::{Deserialize as _, Deserializer, de::Error as _};
    use time::{Date, macros::format_description};

    /// Reads `2026-05-12`.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        reader: D,
    ) -> Result<Option<Date>, D::Error> {
        let text = String::deserialize(reader)?;
        let form = format_description!("[year]-[month]-[day]");
        Date::parse(&text, form).map(Some).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn retirement_follows_the_given_day_and_legacy_serves_all() {
        let models = Models::builtin().unwrap();
        let mut settings = Settings::default();
        let serves = |id: &str, settings: &Settings| {
            models.serving(id, "images.generations", settings).is_some()
        };
        assert!(serves("gpt-image-1", &settings));
        assert!(!serves("dall-e-3", &settings));
        settings.as_of = Some(date!(2026 - 10 - 23));
        assert!(!serves("gpt-image-1", &settings));
        assert!(serves("gpt-image-2-2026-04-21", &settings));
        settings.legacy_models = true;
        assert!(serves("gpt-image-1", &settings) && serves("dall-e-3", &settings));
    }

    #[test]
    fn sizes_are_two_plain_numbers() {
        assert_eq!(edges("1536x1024"), Some((1536, 1024)));
        for bad in ["1024", "x", "+1x1", "1x-1", "1024X1024", "99999999999x1"] {
            assert_eq!(edges(bad), None, "{bad}");
        }
    }
}

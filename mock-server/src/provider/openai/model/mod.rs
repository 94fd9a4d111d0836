//! The model tables, read from `fixtures/models/openai.json` and `fixtures/models/gateway.json`.

mod chat;
mod size;
mod tokens;

pub use chat::ChatImages;
pub(super) use chat::{ChatImageModel, Conversations, TextModel};
pub use size::Sizes;
pub(super) use size::{FreeSizes, edges};
pub(super) use tokens::{TokenFormula, TokenRule, Tokens};

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
    /// What they take.
    pub conversations: Conversations,
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
    /// How much an image is planned.
    pub complexity: Vec<String>,
    /// Members that are refused without an output format.
    pub needs_format: BTreeMap<String, String>,
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
    /// Its edits take a drawing that is laid over the first image.
    #[serde(default)]
    pub markup: bool,
    /// Before that day it made no transparent backgrounds.
    #[serde(default, with = "day")]
    pub transparent_since: Option<time::Date>,
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
        self.text(id).is_some()
    }

    /// The text model with this id or snapshot.
    #[must_use]
    pub fn text(&self, id: &str) -> Option<&TextModel> {
        let named = |model: &&TextModel| model.id == id || model.snapshots.iter().any(|s| s == id);
        self.text_models.iter().find(named)
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
    /// Whether the model makes no transparent background yet under these settings.
    #[must_use]
    pub fn is_opaque(&self, settings: &Settings) -> bool {
        let days = settings.as_of.zip(self.transparent_since);
        days.is_some_and(|(day, since)| day < since)
    }

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
}

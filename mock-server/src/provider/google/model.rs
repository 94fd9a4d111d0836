//! The model table of one face, read from `fixtures/models/<provider>.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::catalogue::CatalogueError;
use crate::settings::Settings;

/// The table.
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
    /// Token counts that do not depend on the model.
    pub tokens: Tokens,
    /// What the models say in words.
    pub texts: Texts,
    /// What images and prompts are rated by.
    pub safety: Safety,
    /// Tables of pixels: image size, aspect ratio, `WxH`.
    pub sizes: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    /// The models, in the order of the list.
    pub models: Vec<Model>,
}

/// Token counts that do not depend on the model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// An image in the prompt.
    pub input_image: u64,
    /// Added to the text tokens of a prompt.
    pub text_overhead: u64,
    /// What a thinking model thinks.
    pub thoughts: u64,
    /// Where this is known from.
    pub source: String,
}

/// What the models say in words.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// Before an image.
    pub before_image: String,
    /// Instead of an image.
    pub answer: String,
    /// A thought.
    pub thought: String,
}

/// Categories by which images and prompts are rated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Safety {
    /// Vertex: an image of `generateContent`.
    pub image: Vec<String>,
    /// An image of `predict`.
    pub imagen: Vec<String>,
    /// The prompt of `predict`.
    pub imagen_prompt: Vec<String>,
    /// A prompt that was blocked for its safety: category and probability.
    pub prompt: Vec<(String, String)>,
    /// Where this is known from.
    pub source: String,
}

/// One model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The id.
    pub id: String,
    /// Other names of the same model.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// How it is called.
    pub kind: Kind,
    /// Its name for people.
    pub display_name: String,
    /// Its table of pixels.
    pub sizes: String,
    /// The image sizes that it makes, the default first unless it is `1K`.
    pub image_sizes: Vec<String>,
    /// The aspect ratios, where it does not make all of its table.
    pub aspect_ratios: Option<Vec<String>>,
    /// Output tokens of an image by image size.
    pub tokens: BTreeMap<String, u64>,
    /// The file format of its images.
    pub format: String,
    /// It thinks, and signs its thoughts.
    pub thinking: bool,
    /// The most images of one call.
    pub n_max: u64,
    /// It makes an image only together with words, and only where both are asked for.
    #[serde(default)]
    pub both_modalities: bool,
    /// It takes no aspect ratio.
    #[serde(default)]
    pub fixed_ratio: bool,
    /// Vertex: where it answers; everywhere without it.
    pub locations: Option<Vec<String>>,
    /// The day on which it is switched off.
    pub retired_on: Option<String>,
    /// Where this is known from.
    pub source: String,
}

/// How a model is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// By `generateContent`, with images.
    Gemini,
    /// By `predict`.
    Imagen,
    /// By `generateContent`, in words only.
    Text,
}

impl Models {
    /// Reads the embedded table.
    ///
    /// # Errors
    /// The file is missing or of another form.
    pub fn builtin(provider: &str) -> Result<Self, CatalogueError> {
        let path = format!("models/{provider}.json");
        let text = fixtures::text(&path).ok_or_else(|| CatalogueError::Missing(path.clone()))?;
        serde_json::from_str(text).map_err(|source| CatalogueError::Form { path, source })
    }

    /// The model with this id or alias, retired or not.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Model> {
        let named = |model: &&Model| model.id == id || model.aliases.iter().any(|a| a == id);
        self.models.iter().find(named)
    }

    /// The pixels of an image by aspect ratio, for one image size of a model.
    #[must_use]
    pub fn pixels(&self, model: &Model, image_size: &str) -> Vec<(&str, (u32, u32))> {
        let table = self.sizes.get(&model.sizes);
        let row = table.and_then(|table| table.get(image_size));
        let all = row.into_iter().flatten();
        let made = all.filter(|(ratio, _)| match &model.aspect_ratios {
            Some(made) => made.contains(ratio),
            None => true,
        });
        made.filter_map(|(ratio, size)| Some((ratio.as_str(), edges(size, 'x')?)))
            .collect()
    }
}

impl Model {
    /// Whether the model is switched off under these settings.
    #[must_use]
    pub fn is_retired(&self, settings: &Settings) -> bool {
        match (settings.as_of, &self.retired_on) {
            // Days of this form sort as texts.
            (Some(day), Some(retired_on)) => {
                !settings.legacy_models && *retired_on <= day.to_string()
            }
            _ => false,
        }
    }

    /// Whether it answers in this location; express mode has none.
    #[must_use]
    pub fn answers_in(&self, location: Option<&str>) -> bool {
        match (&self.locations, location) {
            (Some(known), Some(location)) => known.iter().any(|known| known == location),
            _ => true,
        }
    }

    /// The image size when none is asked for.
    #[must_use]
    pub fn default_size(&self) -> &str {
        let common = self.image_sizes.iter().find(|size| *size == "1K");
        common
            .or(self.image_sizes.first())
            .map_or("1K", String::as_str)
    }
}

/// Two numbers with this sign between them: `WxH` as two edges in pixels.
pub(super) fn edges(size: &str, sign: char) -> Option<(u32, u32)> {
    let (width, height) = size.split_once(sign)?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_pixels_and_tokens_for_what_it_makes() {
        for provider in ["vertex", "gemini"] {
            let models = Models::builtin(provider).unwrap();
            for model in &models.models {
                for size in &model.image_sizes {
                    assert!(
                        !models.pixels(model, size).is_empty(),
                        "{} {size}",
                        model.id
                    );
                    let counted = model.kind != Kind::Gemini || model.tokens.contains_key(size);
                    assert!(counted, "{} {size}", model.id);
                }
            }
        }
    }
}

//! Models of conversations: those that answer with text, and those of gateways that answer with images.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::embedded;
use crate::catalogue::CatalogueError;

/// A model that answers with text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextModel {
    /// The id.
    pub id: String,
    /// When it came, in seconds since 1970.
    pub created: i64,
    /// Dated ids of the same model; the first is what the id stands for.
    pub snapshots: Vec<String>,
    /// Input tokens of an image.
    pub vision: Option<Vision>,
    /// It reasons before it answers.
    pub reasoning: Option<Reasoning>,
    /// Where this is known from.
    pub source: String,
}

impl TextModel {
    /// What an answer names when it was asked for by this name.
    #[must_use]
    pub fn answers_as<'a>(&'a self, asked: &'a str) -> &'a str {
        if asked == self.id {
            self.snapshots.first().map_or(asked, String::as_str)
        } else {
            asked
        }
    }
}

/// Input tokens of an image: so many, and so many more for each tile of 512 pixels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vision {
    /// Of any image.
    pub base: u64,
    /// Of each tile.
    pub tile: u64,
}

impl Vision {
    /// The tokens of an image with this width and height, which is first made to fit 2048x2048 and to be no more
    /// than 768 along its shorter edge.
    #[must_use]
    pub fn tokens(&self, (width, height): (u32, u32)) -> u64 {
        let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
        let (long, short) = (width.max(height), width.min(height));
        // Both limits as one: the longer edge to 2048, the shorter one to 768, whichever takes more away.
        let (to, of) = if long * 768 > short * 2048 {
            (2048, long)
        } else {
            (768, short)
        };
        let tiles = |edge: u64| (edge * to.min(of)).div_ceil(of * 512).max(1);
        self.base + self.tile * tiles(width) * tiles(height)
    }
}

/// How a model reasons.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reasoning {
    /// Its effort, unless the request says.
    pub effort: String,
    /// The tokens that it spends on one answer.
    pub tokens: u64,
    /// Members of chat completions that it does not take.
    #[serde(default)]
    pub refused: Vec<String>,
}

impl Reasoning {
    /// The tokens spent with the effort that a request asks for.
    #[must_use]
    pub fn spent(&self, effort: Option<&str>) -> u64 {
        match effort.unwrap_or(&self.effort) {
            "none" => 0,
            _ => self.tokens,
        }
    }
}

/// What chat completions and responses of text models take.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversations {
    /// Members of the body, by operation.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// The roles of a message, by operation, in the provider's order.
    pub roles: BTreeMap<String, Vec<String>>,
    /// The least and the greatest value of a member.
    pub decimals: BTreeMap<String, [f64; 2]>,
    /// Formats of images, in the provider's order.
    pub image_formats: Vec<String>,
    /// Where this is known from.
    pub source: String,
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
    /// How usage counts images.
    pub tokens: ChatImageTokens,
    /// The models.
    pub models: Vec<ChatImageModel>,
}

/// How usage counts the images of chat models.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatImageTokens {
    /// Each image of the conversation.
    pub input_image: u64,
    /// Each image of the answer.
    pub output_image: u64,
    /// Where this is known from.
    pub source: String,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_those_of_the_recorded_image_and_of_the_documented_ones() {
        let vision = Vision {
            base: 2833,
            tile: 5667,
        };
        // Recorded: 36849 with 14 tokens of text.
        assert_eq!(vision.tokens((1024, 1536)), 36849 - 14);
        let vision = Vision {
            base: 85,
            tile: 170,
        };
        for (size, tiles) in [
            ((1024, 1024), 4),
            ((2048, 4096), 6),
            ((100, 100), 1),
            ((513, 10), 2),
            ((0, 0), 1),
        ] {
            assert_eq!(vision.tokens(size), 85 + 170 * tiles, "{size:?}");
        }
    }
}

//! Models of conversations: those that answer with text, and those of gateways that answer with images.

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

//! The messages of one face: what its front knows, read from `fixtures/messages/<provider>.json`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::catalogue::CatalogueError;
use crate::settings::Settings;

/// The messages of one face, read from `fixtures/messages/<provider>.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// The schema of the file; not used by the reader.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// The provider's id.
    pub provider: String,
    /// The day on which the facts were gathered.
    pub read: String,
    /// The package of the messages, as errors name it.
    pub package: String,
    /// Where the messages are known from.
    pub source: String,
    /// Kind by name of each message's members.
    pub messages: BTreeMap<String, BTreeMap<String, String>>,
    /// The members of which one may stand, by message and oneof.
    pub oneofs: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Names of each enum's values, by their number.
    pub enums: BTreeMap<String, Vec<String>>,
    /// Full names of messages and enums, where they differ from those in this file.
    pub names: BTreeMap<String, String>,
    /// Where the names are known from.
    pub names_source: String,
    /// What a version of the API did not know until a day.
    pub versions: BTreeMap<String, Gap>,
    /// The names of each member's values in an answer, by their number.
    pub numbers: BTreeMap<String, Vec<String>>,
    /// Where the numbers are known from.
    pub numbers_source: String,
}

/// What a version of the API did not know until a day.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The first day on which it did.
    pub until: String,
    /// The members, by message.
    pub lacks: BTreeMap<String, Vec<String>>,
    /// The models that it did not serve.
    pub models: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

impl Messages {
    /// Reads the embedded file.
    ///
    /// # Errors
    /// The file is missing or of another form.
    pub fn builtin(provider: &str) -> Result<Self, CatalogueError> {
        let path = format!("messages/{provider}.json");
        let text = fixtures::text(&path).ok_or_else(|| CatalogueError::Missing(path.clone()))?;
        serde_json::from_str(text).map_err(|source| CatalogueError::Form { path, source })
    }

    /// What this version does not know under these settings; without a day it knows everything.
    pub(super) fn gap(&self, version: &str, settings: &Settings) -> Option<&Gap> {
        let day = settings.as_of?.to_string();
        // Days of this form sort as texts.
        self.versions.get(version).filter(|gap| day < gap.until)
    }

    /// An answer with numbers where enums have names.
    pub(super) fn with_numbers(&self, value: Value) -> Value {
        match value {
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.with_numbers(item))
                .collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| {
                    let value = self.number(&name, &value).unwrap_or(value);
                    (name, self.with_numbers(value))
                })
                .collect(),
            other => other,
        }
    }

    fn number(&self, name: &str, value: &Value) -> Option<Value> {
        let value = value.as_str()?;
        let names = self.numbers.get(name)?;
        names
            .iter()
            .position(|known| known == value)
            .map(Value::from)
    }
}

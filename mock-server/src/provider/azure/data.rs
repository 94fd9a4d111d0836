//! Azure's data: OpenAI's, and what `fixtures/models/azure.json` and `fixtures/errors/azure.json` say otherwise.

use std::collections::BTreeMap;

use serde::Deserialize;
use time::Date;
use time::macros::format_description;

use super::ID;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::provider::openai;

/// How Azure differs from OpenAI.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    /// The schema of the file; not used by the reader.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// The provider's id.
    pub provider: String,
    /// The day on which the facts were gathered.
    pub read: String,
    /// What `api-version` may be.
    pub api_versions: ApiVersions,
    /// Output formats that are not taken.
    pub refused_formats: Known<Vec<String>>,
    /// Where `response_format` is refused.
    pub response_format: ResponseFormat,
    /// The days on which models are switched off, where they are others.
    pub retired_on: Known<BTreeMap<String, String>>,
    /// Headers of what a deployment itself answers.
    pub deployment_headers: Known<BTreeMap<String, String>>,
}

/// What `api-version` may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiVersions {
    /// Everywhere but below `/openai/v1`, from the oldest.
    pub dated: Vec<String>,
    /// The first of them that has the image operations.
    pub images_from: String,
    /// On paths below `/openai/v1`, where it may also be absent.
    pub v1: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

/// Where `response_format` is refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseFormat {
    /// What the names of those deployments begin with.
    pub refused_for: String,
    /// Where this is known from.
    pub source: String,
}

/// Something, and where it is known from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known<T> {
    /// What is known.
    pub values: T,
    /// Where from.
    pub source: String,
}

const PATH: &str = "models/azure.json";

impl Differences {
    /// Reads the embedded file.
    ///
    /// # Errors
    /// The file is missing or of another form.
    pub fn builtin() -> Result<Self, CatalogueError> {
        let text = fixtures::text(PATH).ok_or_else(|| CatalogueError::Missing(PATH.to_owned()))?;
        serde_json::from_str(text).map_err(|source| CatalogueError::Form {
            path: PATH.to_owned(),
            source,
        })
    }

    /// OpenAI's data, as Azure has them.
    ///
    /// # Errors
    /// An embedded file is missing or of another form.
    pub fn applied(&self) -> Result<openai::Data, CatalogueError> {
        let mut data = openai::Data::builtin()?;
        data.provider = ID;
        // Azure passes on what OpenAI's models say of parameters.
        let mut errors = Catalogue::builtin(ID)?;
        let passed_on = data.errors.errors.into_iter();
        let passed_on: Vec<_> = passed_on
            .filter(|row| errors.row(&row.id).is_none())
            .collect();
        errors.errors.extend(passed_on);
        data.errors = errors;
        data.chat_images.models.clear();
        for model in &mut data.models.models {
            let refused = &self.refused_formats.values;
            model.formats.retain(|format| !refused.contains(format));
            if let Some(day) = self.retired_on.values.get(&model.id) {
                let form = format_description!("[year]-[month]-[day]");
                model.retired_on = Date::parse(day, form).ok();
            }
        }
        // Whether the member is taken depends on the deployment's name, not on the model.
        let lists = data.models.parameters.iter_mut();
        let lists = lists.filter(|(operation, _)| operation.starts_with("images."));
        for list in lists.flat_map(|(_, families)| families.values_mut()) {
            if !list.iter().any(|name| name == MEMBER) {
                list.push(MEMBER.to_owned());
            }
        }
        Ok(data)
    }
}

/// The member that some deployments refuse.
pub(super) const MEMBER: &str = "response_format";

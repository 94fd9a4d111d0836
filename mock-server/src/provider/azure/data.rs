//! Azure's data: OpenAI's, and what `fixtures/models/azure.json` and `fixtures/errors/azure.json` say otherwise.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use time::Date;
use time::macros::format_description;

use super::ID;
use crate::catalogue::{Catalogue, CatalogueError, ErrorRow, Layer};
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
    /// How chat completions differ.
    pub chat: Chat,
    /// How responses differ.
    pub responses: Responses,
    /// How the results of dall-e-3 differ.
    pub dalle: Dalle,
    /// What operations are called in texts.
    pub operations: Vec<Named>,
    /// The limits of a deployment that headers name where `--rate-limit` sets none.
    pub limits: Limits,
    /// The audiences of tokens that are taken.
    pub audiences: Known<Vec<String>>,
    /// Headers of what comes from behind the gateway; the first entry that fits applies.
    pub answer_headers: Vec<AnswerHeaders>,
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

/// How chat completions differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// Members that are not sent.
    pub left_out: Vec<String>,
    /// What the filters say of the prompts.
    pub prompt_filter_results: Value,
    /// What they say of a choice.
    pub choice_filter_results: Value,
    /// The chunk that a stream begins with, without the results.
    pub first_chunk: Map<String, Value>,
    /// What they say of a chunk with text.
    pub chunk_filter_results: Value,
    /// Where this is known from.
    pub source: String,
}

/// How responses differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Responses {
    /// Members that are added.
    pub members: Map<String, Value>,
    /// Members that are not sent.
    pub left_out: Vec<String>,
    /// The models that the image generation tool may name.
    pub tool_models: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

/// How the results of dall-e-3 differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dalle {
    /// Members that each item has besides.
    pub item: Map<String, Value>,
    /// The query of an address: a template with `{expires}` and `{signature}`.
    pub url_query: String,
    /// The seconds for which an address is said to last.
    pub url_lasts_s: i64,
    /// Where this is known from.
    pub source: String,
}

/// What an operation is called in texts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// `images.generations`, …
    pub id: String,
    /// In the text of a rate limit.
    pub throttled_as: String,
    /// Where a model does something else.
    pub verb: String,
    /// The data action that a principal needs, and the end of the path.
    pub action: String,
    /// Where this is known from.
    pub source: String,
}

/// What a deployment takes in a minute.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// So many requests.
    pub requests: u64,
    /// So many tokens.
    pub tokens: u64,
    /// Where this is known from.
    pub source: String,
}

/// Headers of some answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerHeaders {
    /// The operations.
    pub operations: Vec<String>,
    /// The models; empty: all.
    #[serde(default)]
    pub models: Vec<String>,
    /// Successes, errors or both.
    pub on: Vec<Outcome>,
    /// Templates; a header whose placeholder has no value is left out.
    pub values: BTreeMap<String, String>,
    /// Where they are known from.
    pub source: String,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// With a status from 400.
    Error,
    /// With any other.
    Success,
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

    /// What an operation is called in texts.
    pub(super) fn named(&self, operation: Option<&str>) -> Option<&Named> {
        let mut all = self.operations.iter();
        all.find(|named| Some(named.id.as_str()) == operation)
    }

    /// OpenAI's data, as Azure has them.
    ///
    /// # Errors
    /// An embedded file is missing or of another form.
    pub fn applied(&self) -> Result<openai::Data, CatalogueError> {
        let mut data = openai::Data::builtin()?;
        data.provider = ID;
        data.errors = errors(data.errors)?;
        data.chat_images.models.clear();
        data.additions = openai::Additions {
            dalle_item: self.dalle.item.clone(),
            url: Some((self.dalle.url_query.clone(), self.dalle.url_lasts_s)),
            response: self.responses.members.clone(),
            response_without: self.responses.left_out.clone(),
            response_undated: true,
        };
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

/// Azure's catalogue, with what it passes on of OpenAI's: what the models say of parameters.
fn errors(openai: Catalogue) -> Result<Catalogue, CatalogueError> {
    let mut errors = Catalogue::builtin(ID)?;
    let own = |row: &ErrorRow| {
        let instead_of = row.instead_of.as_deref();
        errors.row(&row.id).is_some() || instead_of.is_some_and(|id| errors.row(id).is_some())
    };
    let passed_on = openai.errors.into_iter().filter(|row| !own(row));
    // The front of OpenAI's chat completions is not there.
    let passed_on = passed_on.map(|row| ErrorRow {
        layer: Layer::Model,
        ..row
    });
    let passed_on: Vec<_> = passed_on.collect();
    errors.errors.extend(passed_on);
    Ok(errors)
}

/// The member that some deployments refuse.
pub(super) const MEMBER: &str = "response_format";

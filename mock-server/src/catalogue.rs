//! The error catalogue of a provider, read from `fixtures/errors/<provider>.json`: what each condition and
//! each refusal looks like on the wire, where that is known from, and how sure it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::wait;

/// The catalogue of one provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// The schema of the file; not used by the reader.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// The provider's id, for example `openai`.
    pub provider: String,
    /// The day on which the facts were gathered.
    pub read: String,
    /// Headers that the provider's front puts on answers.
    pub headers: CommonHeaders,
    /// The rows, conditions first.
    pub errors: Vec<ErrorRow>,
}

/// Headers that the provider's front puts on answers; values are templates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonHeaders {
    /// Where they are known from.
    pub source: String,
    /// On every answer of the API.
    pub every: BTreeMap<String, String>,
    /// Only where the credential was accepted.
    pub authenticated: BTreeMap<String, String>,
    /// Also on what some operations answer.
    #[serde(default)]
    pub operations: Vec<OperationHeaders>,
    /// Instead of all others, on refusals that the front of some operations makes itself.
    pub front: Option<FrontHeaders>,
}

/// Headers that only some operations send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationHeaders {
    /// Which ones.
    pub operations: Vec<String>,
    /// Refusals carry them as well.
    #[serde(default)]
    pub refusals: bool,
    /// Only where the request holds images.
    #[serde(default)]
    pub with_images: bool,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// Where they are known from.
    pub source: String,
}

/// Headers of refusals that a front makes itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontHeaders {
    /// Whose front.
    pub operations: Vec<String>,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// Where they are known from.
    pub source: String,
}

/// One error of a provider. `{name}` inside a text is filled in when the row is rendered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRow {
    /// Kebab-case id, the same for the same condition with every provider.
    pub id: String,
    /// When it happens, in half a sentence.
    pub summary: String,
    /// A scenario may ask for it by its id.
    #[serde(default)]
    pub condition: bool,
    /// The row whose place this one takes in [`operations`](Self::operations).
    pub instead_of: Option<String>,
    /// The operations in which it takes that place; empty: all.
    #[serde(default)]
    pub operations: Vec<String>,
    /// The models for which it takes that place; empty: all.
    #[serde(default)]
    pub models: Vec<String>,
    /// Whose error it is, where that shows in its layout.
    #[serde(default)]
    pub layer: Layer,
    /// Before or after the request was checked.
    #[serde(default)]
    pub stage: Stage,
    /// What becomes of the images of a success, for conditions that are no error on the wire.
    pub effect: Option<Effect>,
    /// The status code.
    pub status: u16,
    /// Extra headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The answer says nothing of its content type.
    #[serde(default)]
    pub no_content_type: bool,
    /// The JSON body.
    pub body: Option<Map<String, Value>>,
    /// What a JSON body is announced as, where that is something else.
    pub media_type: Option<String>,
    /// The body when it is not JSON.
    pub text: Option<TextBody>,
    /// Values for the placeholders that the scenario may set with `;key=value`.
    #[serde(default)]
    pub defaults: BTreeMap<String, String>,
    /// How sure we are.
    pub evidence: Evidence,
    /// The document, recording or thread.
    pub source: String,
    /// Parts that nobody was seen to quote.
    #[serde(default)]
    pub inferred: Vec<String>,
}

/// When a condition shows itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Before the provider looks at the request's members.
    #[default]
    Before,
    /// Once the request is known to be good.
    Content,
}

/// Whose error a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The front of the API.
    #[default]
    Front,
    /// Azure: the gateway that is reached before the deployment.
    Gateway,
    /// The model's own server.
    Model,
}

/// What becomes of the images of a success.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// How many are left.
    pub images: ImagesLeft,
    /// Google: the `promptFeedback` that stands where the candidates would.
    pub prompt_feedback: Option<Map<String, Value>>,
    /// Google: members of a candidate without an image.
    pub candidate: Option<Map<String, Value>>,
    /// Imagen: why images were withheld.
    pub filtered: Option<String>,
}

/// How many images are left of those that were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImagesLeft {
    /// None at all.
    None,
    /// One fewer than asked for.
    OneLess,
}

/// A body that is not JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextBody {
    /// The media type it is announced as.
    pub content_type: String,
    /// The text itself.
    pub body: String,
}

/// How sure we are of a row, from strong to weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Written in the provider's specification or documentation.
    Specification,
    /// Taken from a recorded exchange.
    Recorded,
    /// Quoted by a user in a thread or log.
    User,
    /// Another project's list or test data.
    ThirdParty,
    /// Not seen; built from the pattern of its neighbours.
    Inferred,
}

/// Values for the placeholders of a row.
pub type Values<'a> = BTreeMap<&'a str, String>;

impl Catalogue {
    /// Reads the embedded catalogue of a provider.
    ///
    /// # Errors
    /// The file is missing or does not have the form of `schemas/errors.json`.
    pub fn builtin(provider: &str) -> Result<Self, CatalogueError> {
        let path = format!("errors/{provider}.json");
        let text = fixtures::text(&path).ok_or_else(|| CatalogueError::Missing(path.clone()))?;
        serde_json::from_str(text).map_err(|source| CatalogueError::Form { path, source })
    }

    /// The row with this id.
    #[must_use]
    pub fn row(&self, id: &str) -> Option<&ErrorRow> {
        self.errors.iter().find(|row| row.id == id)
    }

    /// The same as that operation puts it for that model.
    #[must_use]
    pub fn row_in(&self, id: &str, operation: &str, model: &str) -> Option<&ErrorRow> {
        let named =
            |names: &[String], name: &str| names.is_empty() || names.iter().any(|n| n == name);
        let own = self.errors.iter().find(|row| {
            row.instead_of.as_deref() == Some(id)
                && named(&row.operations, operation)
                && named(&row.models, model)
        });
        own.or_else(|| self.row(id))
    }

    /// The rows that a scenario may ask for.
    pub fn conditions(&self) -> impl Iterator<Item = &ErrorRow> {
        self.errors.iter().filter(|row| row.condition)
    }
}

impl ErrorRow {
    /// The headers with their placeholders filled.
    #[must_use]
    pub fn filled_headers(&self, values: &Values<'_>) -> Vec<(String, String)> {
        let fill = |(name, value): (&String, &String)| (name.clone(), self.fill(value, values));
        self.headers.iter().map(fill).collect()
    }

    /// The JSON body with its placeholders filled, or none where the body is not JSON.
    #[must_use]
    pub fn filled_body(&self, values: &Values<'_>) -> Option<Value> {
        let body = Value::Object(self.body.clone()?);
        Some(self.fill_value(body, values))
    }

    /// Any JSON of the row with its placeholders filled.
    #[must_use]
    pub fn fill_value(&self, value: Value, values: &Values<'_>) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(&text, values)),
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.fill_value(item, values))
                .collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, member)| (name, self.fill_value(member, values)))
                .collect(),
            other => other,
        }
    }

    fn fill(&self, template: &str, values: &Values<'_>) -> String {
        fill(template, |name| {
            let stated = |name: &str| values.get(name).or_else(|| self.defaults.get(name));
            let given = stated(name);
            given
                .and_then(|text| wait::rendered(name, text))
                .or_else(|| {
                    let wait = (name == wait::MILLISECONDS).then(|| stated(wait::SECONDS))??;
                    Some(wait::millis(wait)?.to_string())
                })
        })
    }

    /// The names that stand in braces anywhere in the row.
    #[must_use]
    pub fn placeholders(&self) -> BTreeSet<String> {
        let mut texts: Vec<&str> = self.headers.values().map(String::as_str).collect();
        let mut values: Vec<&Value> = self.body.iter().flat_map(Map::values).collect();
        if let Some(effect) = &self.effect {
            texts.extend(effect.filtered.as_deref());
            let objects = effect.prompt_feedback.iter().chain(&effect.candidate);
            values.extend(objects.flat_map(Map::values));
        }
        while let Some(value) = values.pop() {
            match value {
                Value::String(text) => texts.push(text),
                Value::Array(items) => values.extend(items),
                Value::Object(members) => values.extend(members.values()),
                _ => {}
            }
        }
        texts.into_iter().flat_map(placeholders).collect()
    }

    /// How long the answer tells the client to wait, in milliseconds; none where it does not.
    #[must_use]
    pub fn told_to_wait(&self, values: &Values<'_>) -> Option<u64> {
        let places = self.placeholders();
        let said = [wait::MILLISECONDS, wait::SECONDS].map(|name| {
            let text = places
                .contains(name)
                .then(|| self.fill(&format!("{{{name}}}"), values))?;
            let number = text.parse::<u64>().ok()?;
            Some(if name == wait::SECONDS {
                number * 1000
            } else {
                number
            })
        });
        // Who knows the finer one goes by it, as OpenAI's SDKs do.
        said.into_iter().flatten().next()
    }
}

/// The names in braces.
fn placeholders(template: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let name = |name: &str| {
        let letter = |c: char| c.is_ascii_lowercase() || c == '-';
        (!name.is_empty() && name.chars().all(letter)).then(|| name.to_owned())
    };
    for piece in template.split('{').skip(1) {
        found.extend(piece.split_once('}').and_then(|(inner, _)| name(inner)));
    }
    found
}

/// Replaces each `{name}` that `value` knows; everything else stays.
#[must_use]
pub fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let known = after
            .split_once('}')
            .and_then(|(name, tail)| Some((value(name)?, tail)));
        let Some((text, tail)) = known else {
            out.push('{');
            rest = after;
            continue;
        };
        out.push_str(&text);
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// An embedded data file is not usable; the build is broken.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// There is no such file.
    #[error("fixtures/{0} is not embedded")]
    Missing(String),
    /// The file has another form.
    #[error("fixtures/{path} does not have the expected form")]
    Form {
        /// Where, below `fixtures/`.
        path: String,
        /// What the reader found.
        source: serde_json::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogues_can_be_read_and_ids_are_unique() {
        for provider in ["azure", "openai", "vertex", "gemini"] {
            let catalogue = Catalogue::builtin(provider).unwrap();
            let mut ids: Vec<_> = catalogue.errors.iter().map(|row| &row.id).collect();
            let total = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), total, "{provider}");
        }
    }

    #[test]
    fn every_provider_knows_every_condition() {
        let conditions = |provider: &str| {
            let catalogue = Catalogue::builtin(provider).unwrap();
            let mut ids: Vec<_> = catalogue.conditions().map(|row| row.id.clone()).collect();
            ids.sort_unstable();
            ids
        };
        for provider in ["azure", "vertex", "gemini"] {
            assert_eq!(conditions(provider), conditions("openai"), "{provider}");
        }
    }

    #[test]
    fn only_known_placeholders_are_filled() {
        let known = |name: &str| (name == "a").then(|| "{b}".to_owned());
        assert_eq!(fill("{a} {c} {", known), "{b} {c} {");
    }
}

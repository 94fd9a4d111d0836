//! `generateContent` and its stream: what a request must be, and what it asks for.

use serde_json::{Map, Value};

use crate::provider::google::content::{self, InputImage, Read, list};
use crate::provider::google::error::Refusal;
use crate::provider::google::model::{Kind, Model, Models, edges};
use crate::provider::google::options::Asked;
use crate::provider::google::route::Verb;
use crate::provider::google::shape::{Shape, shape};
use crate::provider::google::usage::{Spent, text_tokens};
use crate::provider::google::{Desk, Face};
use crate::settings::Validation;

/// A request that the provider takes, with everything resolved.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'m> {
    pub(super) model: &'m Model,
    /// The picture, none where only words are asked for.
    pub(super) shape: Option<Shape>,
    /// The answer has words.
    pub(super) words: bool,
    /// The answer shows its thoughts.
    pub(super) thoughts: bool,
    /// Tokens of the prompt.
    pub(super) spent: Spent,
    /// The tier of capacity, as `usageMetadata` names it.
    pub(super) tier: String,
}

/// Judges the body of a call.
///
/// # Errors
/// The refusal of the provider.
pub(super) fn judge<'w>(body: &Map<String, Value>, desk: &Desk<'w>) -> Result<Wanted<'w>, Refusal> {
    let (body, problems) = desk.read("GenerateContentRequest", body);
    let judge = Judge {
        body: &body,
        config: body.get("generationConfig").unwrap_or(&Value::Null),
        strict: desk.world.settings.validation == Validation::Strict,
        desk,
    };
    if judge.strict && !problems.is_empty() {
        return Err(Refusal::problems(&problems));
    }
    let model = judge.model()?;
    let read = content::read(&body);
    judge.contents(&read.images)?;
    let (images, words) = judge.modalities(model)?;
    if judge.strict {
        judge.temperature()?;
        judge.config(model)?;
        judge.signatures(model)?;
    }
    let input = read.images.iter().find_map(|image| image.size);
    let shape = shape(model, &body, input, &desk.data.models);
    let thinking = &judge.config["thinkingConfig"];
    Ok(Wanted {
        model,
        shape: shape.filter(|_| images),
        words,
        thoughts: model.thinking && thinking["includeThoughts"] == true,
        spent: spent(model, &read, &desk.data.models),
        tier: tier(&body, desk),
    })
}

struct Judge<'a, 'w> {
    body: &'a Map<String, Value>,
    config: &'a Value,
    strict: bool,
    desk: &'a Desk<'w>,
}

impl<'w> Judge<'_, 'w> {
    fn model(&self) -> Result<&'w Model, Refusal> {
        let desk = self.desk;
        let models = &desk.data.models;
        let name = &desk.route.model;
        let odd = name.is_empty() || name.contains('/');
        if self.strict && desk.face == Face::Gemini && odd {
            return Err(Refusal::new("model-name", []));
        }
        let found = served(name, desk)?;
        let able = found.filter(|model| model.kind != Kind::Imagen);
        // Lenient: an unknown model is as good as the first.
        let fallback = || models.models.first().filter(|_| !self.strict);
        able.or_else(fallback)
            .ok_or_else(|| Refusal::new("model-not-found", []))
    }

    fn contents(&self, images: &[InputImage]) -> Result<(), Refusal> {
        let contents = list(self.body.get("contents"));
        if contents.is_empty() && self.strict {
            return Err(Refusal::new("contents-missing", []));
        }
        if !self.strict {
            return Ok(());
        }
        let face = self.desk.face;
        // Only Vertex wants a role to be said.
        let odd = |content: &Value| match content["role"].as_str() {
            Some(role) => !ROLES.contains(&role),
            None => face == Face::Vertex,
        };
        if contents.iter().any(odd) {
            return Err(Refusal::new("role-missing", []));
        }
        let missing = empty_parts(contents, face);
        if !missing.is_empty() {
            return Err(Refusal::new("part-empty", [("problems", missing)]));
        }
        if images
            .iter()
            .any(|image| image.inline && image.size.is_none())
        {
            return Err(Refusal::new("image-invalid", []));
        }
        Ok(())
    }

    /// Whether images and whether words are asked for. An image model gives both unless told otherwise.
    fn modalities(&self, model: &Model) -> Result<(bool, bool), Refusal> {
        let asked = list(self.config.get("responseModalities"));
        let names = |name: &str| asked.iter().any(|value| value == name);
        if model.kind == Kind::Text {
            let image = names("IMAGE") && self.strict;
            let refusal = || Refusal::new("modality", [("value", "image".to_owned())]);
            return if image {
                Err(refusal())
            } else {
                Ok((false, true))
            };
        }
        if self.strict && names("AUDIO") {
            return Err(Refusal::new("modality", [("value", "audio".to_owned())]));
        }
        let (images, words) = match asked.is_empty() {
            true => (true, true),
            false => (names("IMAGE"), names("TEXT")),
        };
        if self.strict && model.both_modalities && !(images && words && !asked.is_empty()) {
            let asked = asked.iter().filter_map(Value::as_str);
            let asked = match asked.collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => "TEXT".to_owned(),
                some => some,
            };
            return Err(Refusal::new("modality-combination", [("value", asked)]));
        }
        Ok((images, words))
    }

    fn config(&self, model: &Model) -> Result<(), Refusal> {
        if model.kind == Kind::Text {
            return Ok(());
        }
        let config = self.config;
        if number(&config["candidateCount"]).is_some_and(|n| n > model.n_max) {
            return Err(Refusal::new("candidates", []));
        }
        if config["responseMimeType"].as_str() == Some("application/json") {
            return Err(Refusal::new("json-mode", []));
        }
        let asked = Asked::of(self.body);
        let size = asked.size.as_deref().filter(|size| !size.is_empty());
        if size.is_some_and(|size| !model.image_sizes.iter().any(|known| known == size)) {
            return Err(listed("image-size", model.image_sizes.iter()));
        }
        let ratios = self
            .desk
            .data
            .models
            .pixels(model, size.unwrap_or(model.default_size()));
        let ratio = asked.ratio.as_deref().filter(|ratio| !ratio.is_empty());
        if ratio.is_some() && model.fixed_ratio {
            return Err(Refusal::new("aspect-ratio-unsupported", []));
        }
        if ratio.is_some_and(|ratio| ratios.iter().all(|(known, _)| *known != ratio)) {
            let mut names: Vec<_> = ratios.iter().map(|(ratio, _)| *ratio).collect();
            names.sort_by_key(|ratio| edges(ratio, ':'));
            return Err(listed("aspect-ratio", names.into_iter()));
        }
        Ok(())
    }

    /// Vertex bounds the temperature of every model (recorded).
    fn temperature(&self) -> Result<(), Refusal> {
        let stated = self.config["temperature"].as_f64();
        let odd = stated.filter(|t| !(0.0..2.0001).contains(t));
        let Some(value) = odd.filter(|_| self.desk.face == Face::Vertex) else {
            return Ok(());
        };
        Err(Refusal::new("temperature", [("value", value.to_string())]))
    }

    /// A thinking model wants the signature of each image that it made back with the image.
    fn signatures(&self, model: &Model) -> Result<(), Refusal> {
        if !model.thinking {
            return Ok(());
        }
        for (at, content) in list(self.body.get("contents")).iter().enumerate() {
            let unsigned = |part: &Value| {
                part.get("inlineData").is_some() && part["thoughtSignature"].is_null()
            };
            let parts = list(content.get("parts"));
            let missing = parts.iter().position(unsigned);
            if let Some(part) = missing.filter(|_| content["role"] == "model") {
                let places = [
                    ("content", (at + 1).to_string()),
                    ("part", (part + 1).to_string()),
                ];
                return Err(Refusal::new("signature-missing", places));
            }
        }
        Ok(())
    }
}

/// The roles of a turn; `function` is an old one.
const ROLES: &[&str] = &["user", "model", "function"];

/// What is said of parts without data, a line each; empty where all have some. The Gemini API takes an empty text
/// for none, unless the model signed it.
fn empty_parts(contents: &[Value], face: Face) -> String {
    let data = |part: &Value| {
        let members = part.as_object().into_iter().flatten();
        let mut set =
            members.filter(|(name, _)| !matches!(name.as_str(), "thought" | "partMetadata"));
        set.any(|(name, value)| face == Face::Vertex || name != "text" || value != "")
    };
    let mut out = String::new();
    for (at, content) in contents.iter().enumerate() {
        for (index, part) in list(content.get("parts")).iter().enumerate() {
            if !data(part) {
                let place = format!("contents[{at}].parts[{index}].data");
                let line = "required oneof field 'data' must have one initialized field";
                out.push_str(&format!("* GenerateContentRequest.{place}: {line}\n"));
            }
        }
    }
    out
}

/// The model of this id, if it is served here and now.
///
/// # Errors
/// The refusal of a retired model.
pub(super) fn served<'w>(id: &str, desk: &Desk<'w>) -> Result<Option<&'w Model>, Refusal> {
    let models = &desk.data.models;
    // What stands behind a tuned model or an endpoint is not known.
    let predicts = desk.route.verb == Verb::Predict;
    let able = |model: &&Model| predicts == (model.kind == Kind::Imagen);
    let found = match desk.route.tuned {
        true => models.models.iter().find(able),
        false => models.by_id(id),
    };
    if found.is_some_and(|model| model.is_retired(&desk.world.settings)) {
        return Err(Refusal::new("model-retired", []));
    }
    let gap = desk.edition().gap;
    let lacked = |model: &&Model| gap.is_none_or(|gap| !gap.models.contains(&model.id));
    let found = found.filter(lacked);
    Ok(found.filter(|model| model.answers_in(desk.route.location.as_deref())))
}

/// What the provider makes of what was not said.
pub(super) fn defaults(
    model: Option<&Model>,
    body: &Map<String, Value>,
    images: &[InputImage],
    models: &Models,
) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert(
        "n".into(),
        body.get("generationConfig")
            .and_then(|c| number(&c["candidateCount"]))
            .unwrap_or(1)
            .into(),
    );
    if let Some(shape) = model.and_then(|model| {
        shape(
            model,
            body,
            images.iter().find_map(|image| image.size),
            models,
        )
    }) {
        out.extend(shape.members());
    }
    out
}

/// On the Gemini API the body names the tier, on Vertex headers do and the member is ignored.
fn tier(body: &Map<String, Value>, desk: &Desk<'_>) -> String {
    let named = body.get("serviceTier").and_then(Value::as_str);
    match desk.face {
        Face::Gemini => named.unwrap_or("standard").to_lowercase(),
        Face::Vertex => desk.traffic.to_owned(),
    }
}

/// What a prompt costs, and the thoughts about it.
pub(super) fn spent(model: &Model, read: &Read, models: &Models) -> Spent {
    let tokens = &models.tokens;
    Spent {
        prompt_text: text_tokens(&read.text, tokens),
        prompt_images: tokens.input_image * read.images.len() as u64,
        thoughts: if model.thinking { tokens.thoughts } else { 0 },
        ..Spent::default()
    }
}

fn listed<T: std::fmt::Display>(row: &str, values: impl Iterator<Item = T>) -> Refusal {
    let mut names: Vec<String> = values.map(|value| format!("'{value}'")).collect();
    if let Some(last) = names.pop() {
        names.push(if names.is_empty() {
            last
        } else {
            format!("or {last}")
        });
    }
    Refusal::new(row, [("values", names.join(", "))])
}

/// A whole number, which proto JSON also takes as text.
pub(super) fn number(value: &Value) -> Option<u64> {
    let text = || value.as_str()?.parse().ok();
    value.as_u64().or_else(text)
}

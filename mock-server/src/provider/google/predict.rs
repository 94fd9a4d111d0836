//! Imagen's `:predict`: what a request must be, what it asks for, and the answer.

use serde_json::{Map, Value, json};

use crate::catalogue::ImagesLeft;
use crate::image::{Format, Rendered};
use crate::provider::Call;
use crate::provider::google::error::{self, Refusal};
use crate::provider::google::generate::{number, served};
use crate::provider::google::json::{files, harmless, place, splice};
use crate::provider::google::model::{Kind, Model, Models};
use crate::provider::google::render::{JSON, headers};
use crate::provider::google::shape::Shape;
use crate::provider::google::{Desk, Face};
use crate::scenario::Order;
use crate::settings::Validation;
use crate::wire::{Answer, Marks};

/// As many images as come when no number is said.
const DEFAULT_COUNT: u64 = 4;

/// A request that the provider takes, with everything resolved.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    shape: Shape,
    count: u64,
    /// The rewritten prompt stands beside each image.
    rewritten: bool,
    safety: bool,
    reasons: bool,
    /// Where the files go instead of into the answer.
    storage: Option<String>,
}

/// The prompt of the first instance, as sent.
pub(super) fn prompt(body: &Map<String, Value>) -> &str {
    body.get("instances")
        .and_then(|instances| instances[0]["prompt"].as_str())
        .unwrap_or_default()
}

/// What the request says, in the terms of every provider.
pub(super) fn sent(body: &Map<String, Value>) -> Vec<(&'static str, Value)> {
    let parameters = body.get("parameters").unwrap_or(&Value::Null);
    let output = &parameters["outputOptions"];
    let mime = output["mimeType"].as_str();
    let format = mime.map(|mime| json!(mime.trim_start_matches("image/")));
    let members = [
        ("n", parameters["sampleCount"].clone()),
        ("aspect_ratio", parameters["aspectRatio"].clone()),
        ("image_size", parameters["sampleImageSize"].clone()),
        ("output_format", format.unwrap_or_default()),
        ("output_compression", output["compressionQuality"].clone()),
        ("negative_prompt", parameters["negativePrompt"].clone()),
    ];
    let said = members.into_iter().filter(|(_, value)| !value.is_null());
    said.collect()
}

/// What the provider makes of what was not said.
pub(super) fn defaults(
    model: &Model,
    body: &Map<String, Value>,
    models: &Models,
) -> Map<String, Value> {
    let parameters = body.get("parameters").unwrap_or(&Value::Null);
    let mut out = Map::from_iter([("n".to_owned(), count(model, parameters).into())]);
    out.extend(
        shape(model, parameters, models)
            .map(Shape::members)
            .into_iter()
            .flatten(),
    );
    out
}

/// Judges the body of a call.
///
/// # Errors
/// The refusal of the provider.
pub(super) fn judge(body: &Map<String, Value>, desk: &Desk<'_>) -> Result<Wanted, Refusal> {
    let (body, problems) = desk.read("PredictRequest", body);
    let strict = desk.world.settings.validation == Validation::Strict;
    if strict && !problems.is_empty() {
        return Err(Refusal::problems(&problems));
    }
    let models = &desk.data.models;
    let imagen = |model: &&Model| model.kind == Kind::Imagen;
    let found = served(&desk.route.model, desk)?.filter(imagen);
    // Lenient: an unknown model is as good as the first.
    let fallback = || models.models.iter().find(imagen).filter(|_| !strict);
    let missing = || Refusal::new("model-not-found", []);
    let model = found.or_else(fallback).ok_or_else(missing)?;
    let parameters = body.get("parameters").unwrap_or(&Value::Null);
    if strict {
        argue(model, &body, parameters, desk)?;
    }
    let on = |name: &str| parameters[name] == true;
    let storage = parameters["storageUri"].as_str();
    Ok(Wanted {
        shape: shape(model, parameters, models).ok_or_else(missing)?,
        count: count(model, parameters),
        rewritten: desk.face == Face::Vertex && parameters["enhancePrompt"] != false,
        safety: on("includeSafetyAttributes"),
        reasons: on("includeRaiReason"),
        storage: storage
            .filter(|_| desk.face == Face::Vertex)
            .map(|address| address.trim_end_matches('/').to_owned()),
    })
}

/// Parameters that are one of few words, in any case (Vertex imagen-api pages; old ones of `safetySetting` too).
const CHOICES: &[(&str, &[&str])] = &[
    (
        "personGeneration",
        &["dont_allow", "allow_adult", "allow_all"],
    ),
    (
        "safetySetting",
        &[
            "block_low_and_above",
            "block_medium_and_above",
            "block_only_high",
            "block_none",
            "block_most",
            "block_some",
            "block_few",
            "block_fewest",
        ],
    ),
];

/// Refuses the first parameter that the model does not take.
fn argue(
    model: &Model,
    body: &Map<String, Value>,
    parameters: &Value,
    desk: &Desk<'_>,
) -> Result<(), Refusal> {
    let refuse = |reason: String| Err(Refusal::new("predict-argument", [("reason", reason)]));
    if Marks::default().take(prompt(body)).trim().is_empty() {
        return refuse("Text prompt cannot be empty.".to_owned());
    }
    let asked = &parameters["sampleCount"];
    let fits = number(asked).is_some_and(|n| (1..=model.n_max).contains(&n));
    if !asked.is_null() && !fits {
        let most = model.n_max;
        return refuse(format!(
            "sampleCount must be between 1 and {most}, but was {asked}."
        ));
    }
    let size = parameters["sampleImageSize"].as_str();
    let sizes = &model.image_sizes;
    if let Some(size) = size.filter(|size| !sizes.iter().any(|known| known == size)) {
        let known = sizes.join(", ");
        return refuse(format!("sampleImageSize '{size}' is not one of {known}."));
    }
    let size = size.unwrap_or(model.default_size());
    let pixels = desk.data.models.pixels(model, size);
    let unknown = |ratio: &&str| pixels.iter().all(|(known, _)| known != ratio);
    if let Some(ratio) = parameters["aspectRatio"].as_str().filter(unknown) {
        return refuse(format!("{ratio} is not a valid aspect ratio."));
    }
    let output = &parameters["outputOptions"];
    let made = |mime: &&str| !matches!(*mime, "image/png" | "image/jpeg");
    if let Some(mime) = output["mimeType"].as_str().filter(made) {
        return refuse(format!("{mime} is not a supported output format."));
    }
    if number(&output["compressionQuality"]).is_some_and(|quality| quality > 100) {
        return refuse("compressionQuality must be between 0 and 100.".to_owned());
    }
    for (name, known) in CHOICES {
        let stated = parameters[*name].as_str().map(str::to_lowercase);
        if let Some(value) = stated.filter(|value| !known.contains(&value.as_str())) {
            return refuse(format!("{value} is not a valid value for {name}."));
        }
    }
    if desk.face == Face::Gemini && parameters["addWatermark"] == false {
        return refuse("addWatermark cannot be switched off.".to_owned());
    }
    let seeded = !parameters["seed"].is_null() && parameters["addWatermark"] != false;
    if seeded {
        return refuse("Seed is not supported when watermark is enabled.".to_owned());
    }
    Ok(())
}

fn count(model: &Model, parameters: &Value) -> u64 {
    let asked = number(&parameters["sampleCount"]);
    asked.unwrap_or(DEFAULT_COUNT).clamp(1, model.n_max)
}

fn shape(model: &Model, parameters: &Value, models: &Models) -> Option<Shape> {
    let asked = parameters["sampleImageSize"].as_str();
    let known = asked.filter(|size| model.image_sizes.iter().any(|made| made == size));
    let image_size = known.unwrap_or(model.default_size());
    let pixels = models.pixels(model, image_size);
    let named = |ratio: &str| pixels.iter().find(|(known, _)| *known == ratio);
    let stated = parameters["aspectRatio"].as_str().and_then(named);
    let (ratio, (width, height)) = *stated.or_else(|| named("1:1"))?;
    let output = &parameters["outputOptions"];
    let mime = output["mimeType"].as_str().unwrap_or_default();
    let format = mime.trim_start_matches("image/").parse().ok();
    let quality = number(&output["compressionQuality"]);
    Some(Shape {
        ratio: ratio.to_owned(),
        image_size: image_size.to_owned(),
        width,
        height,
        format: format.or_else(|| model.format.parse().ok())?,
        compression: quality.and_then(|quality| u8::try_from(quality.min(100)).ok()),
    })
}

/// The answer to a call that was found good.
pub(super) fn answer(wanted: &Wanted, call: &Call, order: &Order, desk: &Desk<'_>) -> Answer {
    let mut left = wanted.count;
    let mut reason = None;
    if let Some((element, row)) = error::effect(order, desk)
        && let Some(effect) = &row.effect
    {
        if effect.prompt_feedback.is_some() {
            return error::render(&Refusal::new("imagen-prompt-blocked", []), call, desk);
        }
        left = match effect.images {
            ImagesLeft::None => 0,
            ImagesLeft::OneLess => left - 1,
        };
        let values = Refusal::condition(element);
        let values = values.values(call, desk);
        let filtered = effect.filtered.clone().filter(|_| wanted.reasons);
        reason = filtered.map(|text| row.fill_value(text.into(), &values));
    }
    let images: Vec<_> = (0..left)
        .map(|index| desk.paint(&wanted.shape.picture(&desk.route.model, call, desk, index)))
        .collect();
    let items = (0..left).map(|index| wanted.prediction(index, call, desk));
    let positive = (wanted.safety && left > 0).then(|| positive_prompt(desk));
    let filtered = reason.map(|reason| json!({ "raiFilteredReason": reason }));
    let items: Vec<_> = items.chain(positive).chain(filtered).collect();
    // An empty list is left out, as in all proto JSON.
    let body = match items.is_empty() {
        true => json!({}),
        false => json!({ "predictions": items }),
    };
    let head = headers(JSON, desk);
    let body = desk.style.shaped(body, &desk.data.messages);
    let pieces = splice(desk.style.text(&body), &files(&images));
    let mut answer = Answer::whole(200, head, pieces);
    answer.summary.images = images.iter().map(Rendered::sha256).collect();
    answer
}

impl Wanted {
    fn prediction(&self, index: u64, call: &Call, desk: &Desk<'_>) -> Value {
        let mut item = Map::new();
        item.insert("mimeType".into(), self.shape.format.mime().into());
        match &self.storage {
            Some(place) => {
                let ending = match self.shape.format {
                    Format::Jpeg => "jpg",
                    other => other.as_str(),
                };
                let address = format!("{place}/{}/sample_{index}.{ending}", desk.id);
                item.insert("gcsUri".into(), address.into());
            }
            None => {
                let number = usize::try_from(index).unwrap_or_default();
                item.insert("bytesBase64Encoded".into(), place(number));
            }
        }
        if self.rewritten {
            let prompt = harmless(&call.prompt);
            let told = format!("A detailed, high-quality image of {prompt}");
            item.insert("prompt".into(), told.into());
        }
        if self.safety {
            let ratings = safety(&desk.data.models.safety.imagen);
            item.insert("safetyAttributes".into(), ratings);
        }
        Value::Object(item)
    }
}

/// The item about the prompt, which is no image (recorded).
fn positive_prompt(desk: &Desk<'_>) -> Value {
    let ratings = safety(&desk.data.models.safety.imagen_prompt);
    json!({ "contentType": "Positive Prompt", "safetyAttributes": ratings })
}

fn safety(categories: &[String]) -> Value {
    json!({ "categories": categories, "scores": vec![0; categories.len()] })
}

//! `/v1beta/openai/images/generations`: OpenAI's form over Google's models. What it does not know it ignores.

use serde_json::{Map, Value, json};

use crate::catalogue::ImagesLeft;
use crate::image::Rendered;
use crate::provider::Call;
use crate::provider::google::Desk;
use crate::provider::google::error::{self, Refusal};
use crate::provider::google::generate::{Shape, number, served, shape};
use crate::provider::google::json::{files, place, splice};
use crate::provider::google::model::{Kind, Model, Models};
use crate::provider::google::render::{JSON, headers};
use crate::scenario::Order;
use crate::settings::Validation;
use crate::wire::{Answer, Marks};

/// The most images of one call (inferred from Imagen).
const MOST: u64 = 4;

/// A request that the provider takes, with everything resolved.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    model: String,
    shape: Shape,
    count: u64,
}

/// The model's id, which clients also write as `models/ID`.
pub(super) fn model_id(body: &Map<String, Value>) -> &str {
    let id = body.get("model").and_then(Value::as_str);
    let id = id.unwrap_or_default();
    id.strip_prefix("models/").unwrap_or(id)
}

/// What the request says, in the terms of every provider.
pub(super) fn sent(body: &Map<String, Value>) -> Map<String, Value> {
    let names = ["n", "prompt", "response_format", "size"];
    let said = names.into_iter().filter_map(|name| {
        let value = body.get(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    });
    let mut out: Map<_, _> = said.collect();
    let id = model_id(body);
    if !id.is_empty() {
        out.insert("model".into(), id.into());
    }
    let ratio = &options(body)["aspect_ratio"];
    if !ratio.is_null() {
        out.insert("aspect_ratio".into(), ratio.clone());
    }
    out
}

/// What the provider makes of what was not said.
pub(super) fn defaults(body: &Map<String, Value>, models: &Models) -> Map<String, Value> {
    let mut out = Map::from_iter([("n".to_owned(), count(body).into())]);
    let model = models.by_id(model_id(body));
    let shape = model.and_then(|model| wanted_shape(model, body, models));
    out.extend(shape.map(Shape::members).into_iter().flatten());
    out
}

/// Judges the body of a call.
///
/// # Errors
/// The refusal of the provider.
pub(super) fn judge(body: &Map<String, Value>, desk: &Desk<'_>) -> Result<Wanted, Refusal> {
    let strict = desk.world.settings.validation == Validation::Strict;
    let models = &desk.data.models;
    let able = |model: &&Model| model.kind != Kind::Text;
    let id = model_id(body);
    let found = served(id, desk)?.filter(able);
    // Lenient: an unknown model is as good as the first.
    let fallback = || models.models.first().filter(|_| !strict);
    let missing = || Refusal::new("model-not-found", []);
    let model = found.or_else(fallback).ok_or_else(missing)?;
    let prompt = body.get("prompt").and_then(Value::as_str);
    let empty = Marks::default().take(prompt.unwrap_or_default()).is_empty();
    let asked = body.get("n").filter(|n| !n.is_null());
    let odd = asked.is_some_and(|n| !number(n).is_some_and(|n| (1..=MOST).contains(&n)));
    if strict && (empty || odd) {
        return Err(Refusal::new("prompt-missing", []));
    }
    Ok(Wanted {
        model: id.to_owned(),
        shape: wanted_shape(model, body, models).ok_or_else(missing)?,
        count: count(body),
    })
}

fn count(body: &Map<String, Value>) -> u64 {
    body.get("n").and_then(number).unwrap_or(1).clamp(1, MOST)
}

/// The image options, with `google` around them or not.
fn options(body: &Map<String, Value>) -> &Value {
    let extra = body.get("extra_body").unwrap_or(&Value::Null);
    extra.get("google").unwrap_or(extra)
}

/// The picture: the ratio that is named, else that of the size.
fn wanted_shape(model: &Model, body: &Map<String, Value>, models: &Models) -> Option<Shape> {
    let ratio = options(body)["aspect_ratio"].as_str();
    let config = json!({ "imageConfig": { "aspectRatio": ratio } });
    let asked = Map::from_iter([("generationConfig".to_owned(), config)]);
    let size = body.get("size").and_then(Value::as_str);
    let size = size.and_then(|size| size.split_once('x'));
    let size = size.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    shape(model, &asked, size, models)
}

/// The answer to a call that was found good.
pub(super) fn answer(wanted: &Wanted, call: &Call, order: &Order, desk: &Desk<'_>) -> Answer {
    let effect = error::effect(order, desk).and_then(|(_, row)| row.effect.as_ref());
    if effect.is_some_and(|effect| effect.prompt_feedback.is_some()) {
        return error::render(&Refusal::new("imagen-prompt-blocked", []), call, desk);
    }
    let left = match effect.map(|effect| effect.images) {
        Some(ImagesLeft::None) => 0,
        Some(ImagesLeft::OneLess) => wanted.count - 1,
        None => wanted.count,
    };
    let images: Vec<_> = (0..left)
        .map(|index| desk.paint(&wanted.shape.picture(&wanted.model, call, desk, index)))
        .collect();
    let items: Vec<_> = (0..images.len())
        .map(|number| json!({ "b64_json": place(number) }))
        .collect();
    let body = json!({ "created": desk.now, "data": items });
    let head = headers(JSON, desk);
    let mut answer = Answer::whole(200, head, splice(desk.style.text(&body), &files(&images)));
    answer.summary.images = images.iter().map(Rendered::sha256).collect();
    answer
}

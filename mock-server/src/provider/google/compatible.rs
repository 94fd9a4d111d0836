//! `/v1beta/openai/images/generations`: OpenAI's form over Google's models. What it does not know it ignores, but
//! for what stands in `extra_body`.

use serde_json::{Map, Value, json};

use crate::catalogue::ImagesLeft;
use crate::image::Rendered;
use crate::provider::Call;
use crate::provider::google::Desk;
use crate::provider::google::error::{self, Refusal};
use crate::provider::google::generate::{number, served};
use crate::provider::google::json::{files, place, splice};
use crate::provider::google::model::{Kind, Model, Models};
use crate::provider::google::options::Asked;
use crate::provider::google::reader::{self, Edition};
use crate::provider::google::render::{JSON, headers};
use crate::provider::google::shape::{Shape, shape};
use crate::provider::google::{Data, Face, chat};
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

/// What the request says, in the terms of every provider.
pub(super) fn sent(body: &Map<String, Value>, data: &Data) -> Map<String, Value> {
    let names = ["n", "prompt", "response_format", "size"];
    let said = names.into_iter().filter_map(|name| {
        let value = body.get(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    });
    let mut out: Map<_, _> = said.collect();
    let id = chat::model_id(Face::Gemini, body);
    if !id.is_empty() {
        out.insert("model".into(), id.into());
    }
    let asked = Options::of(body, &data.messages, Edition::default()).asked;
    out.extend(
        asked
            .ratio
            .map(|ratio| ("aspect_ratio".to_owned(), ratio.into())),
    );
    out.extend(
        asked
            .size
            .map(|size| ("image_size".to_owned(), size.into())),
    );
    out
}

/// What the provider makes of what was not said.
pub(super) fn defaults(body: &Map<String, Value>, data: &Data) -> Map<String, Value> {
    let options = Options::of(body, &data.messages, Edition::default());
    let mut out = Map::from_iter([("n".to_owned(), options.count(body).into())]);
    let model = data.models.by_id(chat::model_id(Face::Gemini, body));
    let shape = model.and_then(|model| options.shape(model, body, &data.models));
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
    let id = chat::model_id(Face::Gemini, body);
    let odd = || Refusal::new("argument-invalid", []);
    if strict && id.is_empty() {
        return Err(odd());
    }
    let found = served(id, desk)?.filter(able);
    // Lenient: an unknown model is as good as the first.
    let fallback = || models.models.first().filter(|_| !strict);
    let missing = || Refusal::new("chat-model-not-found", []);
    let model = found.or_else(fallback).ok_or_else(missing)?;
    let options = Options::of(body, &desk.data.messages, desk.edition());
    if strict {
        argue(body, &options).ok_or_else(odd)?;
        if !options.problems.is_empty() {
            return Err(Refusal::problems(&options.problems));
        }
        let ratios = models.pixels(model, model.default_size());
        let ratio = options.asked.ratio.as_deref();
        if ratio.is_some_and(|ratio| ratios.iter().all(|(known, _)| *known != ratio)) {
            return Err(odd());
        }
    }
    Ok(Wanted {
        model: id.to_owned(),
        shape: options.shape(model, body, models).ok_or_else(missing)?,
        count: options.count(body),
    })
}

/// Whether prompt, number and form can be. That an address cannot be had instead of base64 is inferred: nobody was
/// seen to get one.
fn argue(body: &Map<String, Value>, options: &Options) -> Option<()> {
    let prompt = body.get("prompt").and_then(Value::as_str)?;
    let stated = |name: &str| body.get(name).filter(|value| !value.is_null());
    let count = stated("n").map_or(Some(options.count(body)), number)?;
    let form = stated("response_format").map_or(Some("b64_json"), Value::as_str)?;
    let empty = Marks::default().take(prompt).is_empty();
    (!empty && (1..=MOST).contains(&count) && form == "b64_json").then_some(())
}

/// What `extra_body` says, with `google` around it or not.
struct Options {
    asked: Asked,
    candidates: Option<u64>,
    problems: Vec<reader::Problem>,
}

impl Options {
    fn of(body: &Map<String, Value>, messages: &super::Messages, edition: Edition<'_>) -> Self {
        let extra = body.get("extra_body").unwrap_or(&Value::Null);
        let extra = extra.get("google").unwrap_or(extra);
        let config = extra
            .get("generation_config")
            .or_else(|| extra.get("generationConfig"));
        let wrapped = config.map(|config| ("generationConfig".to_owned(), config.clone()));
        let wrapped: Map<_, _> = wrapped.into_iter().collect();
        let (read, problems) = reader::read(messages, "GenerateContentRequest", &wrapped, edition);
        let mut asked = Asked::of(&read);
        let ratio = extra["aspect_ratio"].as_str().map(str::to_owned);
        asked.ratio = ratio.or(asked.ratio);
        let config = read.get("generationConfig").unwrap_or(&Value::Null);
        Self {
            asked,
            candidates: number(&config["candidateCount"]),
            problems,
        }
    }

    fn count(&self, body: &Map<String, Value>) -> u64 {
        let stated = body.get("n").and_then(number).or(self.candidates);
        stated.unwrap_or(1).clamp(1, MOST)
    }

    /// The picture: the ratio that is named, else that of the size.
    fn shape(&self, model: &Model, body: &Map<String, Value>, models: &Models) -> Option<Shape> {
        let image = json!({ "aspectRatio": self.asked.ratio, "imageSize": self.asked.size });
        let config = json!({ "imageConfig": image });
        let asked = Map::from_iter([("generationConfig".to_owned(), config)]);
        let size = body.get("size").and_then(Value::as_str);
        let size = size.and_then(|size| size.split_once('x'));
        let size =
            size.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
        shape(model, &asked, size, models)
    }
}

/// The answer to a call that was found good: on one line, as chat completions are (inferred).
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
    let mut answer = Answer::whole(200, head, splice(body.to_string(), &files(&images)));
    answer.summary.images = images.iter().map(Rendered::sha256).collect();
    answer
}

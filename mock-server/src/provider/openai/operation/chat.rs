//! `POST /v1/chat/completions`: text of text models, images of the models in `fixtures/models/gateway.json`; one
//! answer or a stream.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Case, Operation, Work, conversation, digest, find_token, images};
use crate::provider::openai::Data;
use crate::provider::openai::chat::{self, Wanted};
use crate::provider::openai::error::{Layout, Refusal};
use crate::provider::openai::model::{ChatImageModel, TextModel};
use crate::provider::openai::usage::text_tokens;
use crate::provider::openai::validate::text;
use crate::provider::{Call, InputImage};
use crate::settings::Validation;
use crate::wire::{Answer, Request, data};

/// See the module.
pub(super) struct Chat;

/// Members that are shown by what they hold: the prompt, and images by hash.
const MESSAGES: &[&str] = &["messages"];
/// The greatest number of choices, with text and with images.
const MOST_CHOICES: i64 = 128;
const MOST_IMAGES: i64 = 10;

impl Operation for Chat {
    fn id(&self) -> &'static str {
        "chat.completions"
    }

    fn read(&self, request: &Request, data: &Data) -> Call {
        let mut call = Call {
            body: serde_json::from_slice(&request.body).ok(),
            ..Call::default()
        };
        if let Some(body) = call.body.take() {
            let messages = conversation::list(&body, "messages");
            conversation::read(&mut call, "messages", messages);
            let mut sent = digest::head(self.id(), data);
            sent.extend(digest::stated(&body, MESSAGES));
            let prompt = conversation::prompt(messages);
            sent.extend(prompt.map(|text| ("prompt".to_owned(), text.into())));
            digest::add_images(&mut sent, &call);
            let model = body.get("model").and_then(Value::as_str);
            let model = model.and_then(|id| data.chat_images.by_id(id));
            call.quick = model.is_none();
            call.effective = digest::with_defaults(&sent, &defaults(model));
            call.sent = sent;
            call.body = Some(body);
        }
        find_token(&mut call);
        call
    }

    fn judge<'a>(&self, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        let wanted = judged(case.json()?, case)?;
        let case = *case;
        Ok(Box::new(move || answer(&wanted, case)))
    }

    fn layout(&self) -> Layout {
        Layout::Chat
    }

    /// The envelope alone, without an event line.
    fn stream_error(&self, body: &Map<String, Value>, _: usize) -> Vec<Bytes> {
        data(vec![Value::Object(body.clone()).to_string().into()])
    }
}

fn defaults(model: Option<&ChatImageModel>) -> Vec<(&'static str, Value)> {
    let mut all = vec![("n", json!(1)), ("stream", json!(false))];
    if let Some(model) = model {
        all.push(("size", json!(model.size)));
        all.push(("output_format", json!(model.format)));
    }
    all
}

fn answer(wanted: &Wanted<'_>, case: Case<'_>) -> Answer {
    let count = images::left(wanted.n, &case);
    if wanted.stream {
        chat::stream(wanted, count, case.call, case.desk)
    } else {
        chat::json(wanted, count, case.call, case.desk)
    }
}

fn judged<'a>(body: &'a Map<String, Value>, case: &Case<'a>) -> Result<Wanted<'a>, Refusal> {
    let data = case.desk.data;
    let strict = case.desk.world.settings.validation == Validation::Strict;
    let speaker = speaker(body, strict, data)?;
    let rules = &data.models.conversations;
    if strict {
        // Gateways take members of their own with their own models.
        if speaker.painter.is_none() {
            let unknown = text::unknown("chat.completions", body, rules);
            speaker.names(&unknown)?;
        }
        speaker.unsupported(body)?;
        messages(body, case)?;
        text::decimals(body, rules)?;
    }
    let most = speaker.painter.map_or(MOST_CHOICES, |_| MOST_IMAGES);
    let n = count(body, most, strict)?;
    let stream = flag(body, "stream", strict)?;
    let options = body.get("stream_options").and_then(Value::as_object);
    let include_usage = options.map_or(Ok(false), |options| flag(options, "include_usage", strict));
    let texts = conversation::text(conversation::list(body, "messages"));
    let images = case.call.images.iter();
    let images: u64 = images.map(|image| speaker.image_tokens(image, data)).sum();
    Ok(Wanted {
        model: speaker
            .text
            .map_or(speaker.name, |text| text.answers_as(speaker.name)),
        painter: speaker.painter,
        n,
        stream,
        include_usage: include_usage?,
        prompt_tokens: text_tokens(&texts, &data.models.tokens) + images,
        reasoning_tokens: speaker.reasoning_tokens(body),
    })
}

/// Who answers.
struct Speaker<'a> {
    /// As it was asked for.
    name: &'a str,
    /// A text model, …
    text: Option<&'a TextModel>,
    /// … or a model of a gateway that paints.
    painter: Option<&'a ChatImageModel>,
}

fn speaker<'a>(
    body: &'a Map<String, Value>,
    strict: bool,
    data: &'a Data,
) -> Result<Speaker<'a>, Refusal> {
    let models = &data.models;
    let stated = body.get("model").and_then(Value::as_str);
    let stated = stated.filter(|id| !id.is_empty());
    // Lenient: no model is as good as the first one.
    let first = models.text_models.first().map(|model| model.id.as_str());
    let name = stated.or(first.filter(|_| !strict));
    let name = name.ok_or_else(|| Refusal::new("model-not-named", []))?;
    let speaker = Speaker {
        name,
        text: models.text(name),
        painter: data.chat_images.by_id(name),
    };
    if speaker.text.is_some() || speaker.painter.is_some() {
        return Ok(speaker);
    }
    if models.by_id(name).is_some() || name.starts_with("gpt-image-") {
        return Err(Refusal::new("not-a-chat-model", []));
    }
    if strict {
        return Err(Refusal::new(
            "model-not-found",
            [("model", name.to_owned())],
        ));
    }
    Ok(speaker)
}

impl Speaker<'_> {
    /// Refuses members that the operation does not have; models that reason do it in other words.
    fn names(&self, unknown: &[&str]) -> Result<(), Refusal> {
        let Some(first) = unknown.first() else {
            return Ok(());
        };
        if self.text.is_some_and(|text| text.reasoning.is_some()) {
            let param = [("param", (*first).to_owned())];
            return Err(Refusal::new("unknown-parameter", param));
        }
        let several = unknown.len() > 1;
        let values = [
            (
                "arguments",
                if several { "arguments" } else { "argument" }.to_owned(),
            ),
            ("names", unknown.join(", ")),
        ];
        Err(Refusal::new("unrecognized-argument", values))
    }

    /// Refuses what models that reason do not take.
    fn unsupported(&self, body: &Map<String, Value>) -> Result<(), Refusal> {
        let reasoning = self.text.and_then(|text| text.reasoning.as_ref());
        let mut refused = reasoning
            .into_iter()
            .flat_map(|reasoning| &reasoning.refused);
        let stated = |name: &&String| body.get(*name).is_some_and(|value| !value.is_null());
        match refused.find(stated) {
            None => Ok(()),
            Some(name) => {
                let param = [("param", name.clone())];
                Err(Refusal::new("unsupported-parameter", param))
            }
        }
    }

    fn image_tokens(&self, image: &InputImage, data: &Data) -> u64 {
        let painted = self.painter.map(|_| data.chat_images.tokens.input_image);
        // What is not fetched counts as the smallest.
        let size = image.size.unwrap_or((1, 1));
        let vision = self.text.and_then(|text| text.vision.as_ref());
        let seen = || vision.map(|vision| vision.tokens(size));
        painted.or_else(seen).unwrap_or_default()
    }

    fn reasoning_tokens(&self, body: &Map<String, Value>) -> u64 {
        let reasoning = self.text.and_then(|text| text.reasoning.as_ref());
        let stated = body.get("reasoning_effort").and_then(Value::as_str);
        reasoning.map_or(0, |reasoning| reasoning.spent(stated))
    }
}

fn messages(body: &Map<String, Value>, case: &Case<'_>) -> Result<(), Refusal> {
    let param = || [("param", "messages".to_owned())];
    let items = match body.get("messages") {
        None | Some(Value::Null) => return Err(Refusal::new("missing-parameter", param())),
        Some(Value::Array(items)) if items.is_empty() => {
            return Err(Refusal::new("empty-array", param()));
        }
        Some(Value::Array(items)) => items,
        Some(other) => {
            return Err(Refusal::wrong_type(
                "messages",
                "an array of objects",
                other,
            ));
        }
    };
    for (index, item) in items.iter().enumerate() {
        message(&format!("messages[{index}]"), item, case)?;
    }
    Ok(())
}

fn message(place: &str, item: &Value, case: &Case<'_>) -> Result<(), Refusal> {
    if !item.is_object() {
        return Err(Refusal::wrong_type(place, "an object", item));
    }
    if !item["role"].is_string() {
        let param = [("param", format!("{place}.role"))];
        return Err(Refusal::new("missing-parameter", param));
    }
    match &item["content"] {
        Value::Null | Value::String(_) => Ok(()),
        Value::Array(parts) => {
            let rules = &case.desk.data.models.conversations;
            text::images(&format!("{place}.content"), parts, case.call, rules)
        }
        other => {
            let expected = "one of a string or array of objects";
            Err(Refusal::wrong_type(
                &format!("{place}.content"),
                expected,
                other,
            ))
        }
    }
}

/// `n`; lenient reading cuts it to what is possible.
fn count(body: &Map<String, Value>, most: i64, strict: bool) -> Result<u64, Refusal> {
    let stated = body.get("n").filter(|value| !value.is_null());
    let number = match stated.map(|value| (value, value.as_i64())) {
        None => 1,
        Some((_, Some(number))) => number,
        Some((value, None)) if strict => return Err(Refusal::wrong_type("n", "an integer", value)),
        Some(_) => 1,
    };
    let (row, limit) = match number {
        _ if number < 1 => ("integer-too-small", 1),
        _ if number > most => ("integer-too-large", most),
        _ => return Ok(number.unsigned_abs()),
    };
    if !strict {
        return Ok(limit.unsigned_abs());
    }
    let values = [
        ("param", "n".to_owned()),
        ("limit", limit.to_string()),
        ("got", number.to_string()),
    ];
    Err(Refusal::new(row, values))
}

/// A member that is true or false; absent is false.
pub(super) fn flag(body: &Map<String, Value>, name: &str, strict: bool) -> Result<bool, Refusal> {
    match body.get(name) {
        Some(Value::Bool(flag)) => Ok(*flag),
        None | Some(Value::Null) => Ok(false),
        Some(other) if strict => Err(Refusal::wrong_type(name, "a boolean", other)),
        Some(_) => Ok(false),
    }
}

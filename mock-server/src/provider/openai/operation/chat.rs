//! `POST /v1/chat/completions`: text of text models, images of the models in `fixtures/models/gateway.json`; one
//! answer or a stream.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Case, Operation, Work, conversation, digest, find_token, images};
use crate::provider::openai::chat::{self, Wanted};
use crate::provider::openai::error::{Layout, Refusal};
use crate::provider::openai::model::ChatImageModel;
use crate::provider::openai::usage::text_tokens;
use crate::provider::openai::{Data, Desk};
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
/// Counted for each image of the conversation: the least that the documentation names, an estimate.
const INPUT_IMAGE_TOKENS: u64 = 85;

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
    fn stream_error(&self, body: &Map<String, Value>) -> Vec<Bytes> {
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
    let strict = case.desk.world.settings.validation == Validation::Strict;
    let (model, painter) = model(body, strict, case.desk)?;
    if strict {
        messages(body)?;
    }
    let most = painter.map_or(MOST_CHOICES, |_| MOST_IMAGES);
    let n = count(body, most, strict)?;
    let stream = flag(body, "stream", strict)?;
    let options = body.get("stream_options").and_then(Value::as_object);
    let include_usage = options.map_or(Ok(false), |options| flag(options, "include_usage", strict));
    let texts = conversation::text(conversation::list(body, "messages"));
    let tokens = &case.desk.data.models.tokens;
    let images = case.call.images.len() as u64;
    Ok(Wanted {
        model,
        painter,
        n,
        stream,
        include_usage: include_usage?,
        prompt_tokens: text_tokens(&texts, tokens) + INPUT_IMAGE_TOKENS * images,
    })
}

/// The model's name, and what it paints with, if it paints.
fn model<'a>(
    body: &'a Map<String, Value>,
    strict: bool,
    desk: &Desk<'a>,
) -> Result<(&'a str, Option<&'a ChatImageModel>), Refusal> {
    let stated = body.get("model").and_then(Value::as_str);
    let Some(id) = stated.filter(|id| !id.is_empty()) else {
        return Err(Refusal::new("model-not-named", []));
    };
    let painter = desk.data.chat_images.by_id(id);
    let models = &desk.data.models;
    if painter.is_some() || models.is_text(id) {
        return Ok((id, painter));
    }
    if models.by_id(id).is_some() || id.starts_with("gpt-image-") {
        return Err(Refusal::new("not-a-chat-model", []));
    }
    if strict {
        return Err(Refusal::new("model-not-found", [("model", id.to_owned())]));
    }
    Ok((id, None))
}

fn messages(body: &Map<String, Value>) -> Result<(), Refusal> {
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
        message(&format!("messages[{index}]"), item)?;
    }
    Ok(())
}

fn message(place: &str, item: &Value) -> Result<(), Refusal> {
    if !item.is_object() {
        return Err(Refusal::wrong_type(place, "an object", item));
    }
    if !item["role"].is_string() {
        let param = [("param", format!("{place}.role"))];
        return Err(Refusal::new("missing-parameter", param));
    }
    match &item["content"] {
        Value::Null | Value::String(_) => Ok(()),
        Value::Array(parts) => addresses(&format!("{place}.content"), parts),
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

/// Every image part holds a data URL or an http(s) address.
pub(super) fn addresses(place: &str, parts: &[Value]) -> Result<(), Refusal> {
    for (index, part) in parts.iter().enumerate() {
        let place = format!("{place}[{index}]");
        let found = conversation::address(&place, part);
        let Some((place, url)) = found else {
            continue;
        };
        if InputImage::of_url(&place, url).is_err() {
            return Err(Refusal::new("invalid-image-url", [("param", place)]));
        }
    }
    Ok(())
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

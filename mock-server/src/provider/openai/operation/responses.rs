//! `POST /v1/responses`: text, and images by the tool `image_generation`; one answer or a stream.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Case, Operation, Work, chat, conversation, digest, find_token, images};
use crate::provider::Call;
use crate::provider::openai::Data;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::model::{Models, TextModel};
use crate::provider::openai::response::{self, Asked};
use crate::provider::openai::usage::text_tokens;
use crate::provider::openai::validate::{self, text};
use crate::settings::Validation;
use crate::wire::{Request, event};

/// See the module.
pub(super) struct Responses;

/// The tool that makes images.
const TOOL: &str = "image_generation";
/// Members that are shown by what they hold.
const SHOWN_OTHERWISE: &[&str] = &["input", "tools"];
const MASK: &str = "input_image_mask";

impl Operation for Responses {
    fn id(&self) -> &'static str {
        "responses"
    }

    fn read(&self, request: &Request, data: &Data) -> Call {
        let mut call = Call {
            body: serde_json::from_slice(&request.body).ok(),
            ..Call::default()
        };
        if let Some(body) = call.body.take() {
            let items = items(&body);
            conversation::read(&mut call, "input", &items);
            let tool = tool(&body).map(|(_, tool)| tool);
            let mask = tool.and_then(|tool| tool.get(MASK)?.as_object());
            call.mask = mask.and_then(|mask| images::referred(MASK, mask));
            let mut sent = digest::head(self.id(), data);
            sent.extend(digest::stated(&body, SHOWN_OTHERWISE));
            let prompt = conversation::prompt(&items);
            sent.extend(prompt.map(|text| ("prompt".to_owned(), text.into())));
            sent.extend(tool.into_iter().flat_map(members));
            digest::add_images(&mut sent, &call);
            let defaults = tool.map(|_| defaults(data)).unwrap_or_default();
            call.effective = digest::with_defaults(&sent, &defaults);
            call.sent = sent;
            drop(items);
            call.body = Some(body);
        }
        find_token(&mut call);
        call
    }

    fn judge<'a>(&self, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        let asked = judged(case.json()?, case)?;
        let case = *case;
        Ok(Box::new(move || {
            let withheld = images::left(1, &case) == 0;
            response::answer(&asked, withheld, case.call, case.desk)
        }))
    }

    /// Without an envelope, as the specification has it (`ResponseErrorEvent`).
    fn stream_error(&self, body: &Map<String, Value>, before: usize) -> Vec<Bytes> {
        let member = |name: &str| body.get("error").and_then(|error| error.get(name));
        let member = |name: &str| member(name).cloned().unwrap_or_default();
        let data = json!({
            "type": "error",
            "code": member("code"),
            "message": member("message"),
            "param": member("param"),
            "sequence_number": before,
        });
        event("error", vec![data.to_string().into()])
    }
}

/// The input as items; a text is a message of the user.
fn items(body: &Map<String, Value>) -> Cow<'_, [Value]> {
    match body.get("input") {
        Some(Value::String(text)) => Cow::Owned(vec![json!({ "role": "user", "content": text })]),
        _ => Cow::Borrowed(conversation::list(body, "input")),
    }
}

/// The first image generation tool, with its place.
fn tool(body: &Map<String, Value>) -> Option<(usize, &Map<String, Value>)> {
    let tools = conversation::list(body, "tools").iter().enumerate();
    let mut tools = tools.filter_map(|(index, tool)| Some((index, tool.as_object()?)));
    tools.find(|(_, tool)| tool.get("type").is_some_and(|kind| kind == TOOL))
}

/// The tool's members for the digest; its model has a name of its own.
fn members(tool: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> + '_ {
    digest::stated(tool, &["type", MASK]).map(|(name, value)| match name.as_str() {
        "model" => ("image_model".to_owned(), value),
        _ => (name, value),
    })
}

fn defaults(data: &Data) -> Vec<(&'static str, Value)> {
    let defaults = &data.models.defaults;
    vec![
        ("image_model", json!(defaults.tool_model)),
        ("n", json!(1)),
        ("size", json!(defaults.size)),
        ("quality", json!(defaults.quality)),
        ("background", json!(defaults.background)),
        ("output_format", json!(defaults.output_format)),
        ("output_compression", json!(100)),
        ("moderation", json!(defaults.moderation)),
        ("stream", json!(false)),
        ("partial_images", json!(0)),
    ]
}

fn judged<'a>(body: &'a Map<String, Value>, case: &Case<'a>) -> Result<Asked<'a>, Refusal> {
    let strict = case.desk.world.settings.validation == Validation::Strict;
    let models = &case.desk.data.models;
    if strict {
        let unknown = text::unknown("responses", body, &models.conversations);
        if let Some(name) = unknown.first() {
            let param = [("param", (*name).to_owned())];
            return Err(Refusal::new("unknown-parameter", param));
        }
    }
    let (name, model) = model(body, strict, models)?;
    if strict {
        input(body, case)?;
        text::decimals(body, &models.conversations)?;
    }
    let stream = chat::flag(body, "stream", strict)?;
    let off = body
        .get("tool_choice")
        .is_some_and(|choice| choice == "none");
    let image = match tool(body) {
        Some((index, tool)) => {
            let image = validate::tool(tool, case);
            Some(image.map_err(|refusal| refusal.within(format!("tools[{index}]")))?)
        }
        None => None,
    };
    let reasoning = model.and_then(|model| model.reasoning.as_ref());
    let effort = body
        .get("reasoning")
        .and_then(|stated| stated["effort"].as_str());
    let vision = model.and_then(|model| model.vision.as_ref());
    let seen = case.call.images.iter();
    let seen = seen.filter_map(|image| Some(vision?.tokens(image.size.unwrap_or((1, 1)))));
    let read = text_tokens(&conversation::text(&items(body)), &models.tokens);
    Ok(Asked {
        body,
        model: model
            .filter(|_| !case.desk.data.additions.response_undated)
            .map_or(name, |model| model.answers_as(name)),
        effort: reasoning.map(|reasoning| effort.unwrap_or(&reasoning.effort)),
        reasoning_tokens: reasoning.map_or(0, |reasoning| reasoning.spent(effort)),
        stream,
        image: image.filter(|_| !off),
        unfinished: case
            .order
            .success
            .get("call")
            .is_some_and(|status| status == "generating"),
        input_tokens: read + seen.sum::<u64>(),
    })
}

/// The model by its name, and what is known of it.
fn model<'a>(
    body: &'a Map<String, Value>,
    strict: bool,
    models: &'a Models,
) -> Result<(&'a str, Option<&'a TextModel>), Refusal> {
    let stated = body.get("model").and_then(Value::as_str);
    let stated = stated.filter(|id| !id.is_empty());
    // Lenient: no model is as good as the first one.
    let first = models.text_models.first().map(|model| model.id.as_str());
    let name = stated.or(first.filter(|_| !strict));
    let name =
        name.ok_or_else(|| Refusal::new("missing-parameter", [("param", "model".into())]))?;
    match models.text(name) {
        None if strict => Err(Refusal::new(
            "model-not-found",
            [("model", name.to_owned())],
        )),
        model => Ok((name, model)),
    }
}

fn input(body: &Map<String, Value>, case: &Case<'_>) -> Result<(), Refusal> {
    let items = match body.get("input") {
        None | Some(Value::Null) => {
            let param = [("param", "input".to_owned())];
            return Err(Refusal::new("missing-parameter", param));
        }
        Some(Value::String(_)) => return Ok(()),
        Some(Value::Array(items)) => items,
        Some(other) => {
            let expected = "one of a string or array of objects";
            return Err(Refusal::wrong_type("input", expected, other));
        }
    };
    let rules = &case.desk.data.models.conversations;
    for (index, item) in items.iter().enumerate() {
        let place = format!("input[{index}]");
        if !item.is_object() {
            return Err(Refusal::wrong_type(&place, "an object", item));
        }
        if let Some(role) = item["role"].as_str() {
            text::role("responses", &place, role, rules)?;
        }
        let parts = item["content"].as_array().map_or(&[][..], Vec::as_slice);
        text::images(&format!("{place}.content"), parts, case.call, rules)?;
    }
    Ok(())
}

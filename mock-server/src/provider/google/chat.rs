//! Chat completions of Google's two OpenAI-compatible endpoints: words in OpenAI's shape as Google writes it,
//! which has neither `system_fingerprint` nor `logprobs`, on one line, with the names in alphabetical order.
//!
//! The shape is that of answers of `/v1beta/openai` that users quoted in 2025 and 2026 (for example
//! <https://github.com/MacPaw/OpenAI/issues/283>); that Vertex writes the same is inferred. Images are refused.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::catalogue::ImagesLeft;
use crate::provider::google::error::{self, Refusal};
use crate::provider::google::generate::{number, served};
use crate::provider::google::json::harmless;
use crate::provider::google::model::Kind;
use crate::provider::google::render::{JSON, headers, response_id};
use crate::provider::google::usage::text_tokens;
use crate::provider::google::{Desk, Face};
use crate::provider::openai::operation::conversation;
use crate::provider::{Call, InputImage};
use crate::scenario::Order;
use crate::settings::Validation;
use crate::wire::{Answer, data};

/// The most choices of one call (the limit of `candidateCount` in Google's documents).
const MOST: u64 = 8;

/// A call that the provider takes.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    model: String,
    choices: u64,
    stream: bool,
    include_usage: bool,
    prompt_tokens: u64,
}

/// The model's id, without what clients and Vertex write in front of it.
pub(super) fn model_id(face: Face, body: &Map<String, Value>) -> &str {
    let stated = body.get("model").and_then(Value::as_str);
    let stated = stated.unwrap_or_default();
    let front = match face {
        Face::Gemini => "models/",
        Face::Vertex => "google/",
    };
    stated.strip_prefix(front).unwrap_or(stated)
}

/// Reads what was asked into a call.
pub(super) fn read(face: Face, body: &Map<String, Value>, call: &mut Call) -> Map<String, Value> {
    let messages = conversation::list(body, "messages");
    conversation::read(call, "messages", messages);
    let names = ["max_tokens", "modalities", "n", "stream", "temperature"];
    let said = names.into_iter().filter_map(|name| {
        let value = body.get(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    });
    let mut sent: Map<_, _> = said.collect();
    sent.insert("model".into(), model_id(face, body).into());
    sent.extend(conversation::prompt(messages).map(|text| ("prompt".to_owned(), text.into())));
    if !call.images.is_empty() {
        let images = call.images.iter().map(InputImage::digest);
        sent.insert("images".into(), images.collect());
    }
    sent
}

/// Judges the body of a call.
///
/// # Errors
/// The refusal of the provider.
pub(super) fn judge(body: &Map<String, Value>, desk: &Desk<'_>) -> Result<Wanted, Refusal> {
    let (read, problems) = desk.read("ChatCompletionRequest", body);
    let strict = desk.world.settings.validation == Validation::Strict;
    if strict && !problems.is_empty() {
        return Err(Refusal::problems(&problems));
    }
    model(body, strict, desk)?;
    let modalities = read.get("modalities").and_then(Value::as_array);
    if modalities.is_some_and(|list| list.iter().any(|modality| modality == "image")) {
        return Err(Refusal::new("not-yet-supported", []));
    }
    let messages = conversation::list(body, "messages");
    // What the system says is no content of its own.
    let said = |message: &Value| !matches!(message["role"].as_str(), Some("system" | "developer"));
    if strict && !messages.iter().any(said) {
        return Err(Refusal::new("contents-missing", []));
    }
    let choices = read.get("n").and_then(number).unwrap_or(1);
    if strict && !(1..=MOST).contains(&choices) {
        return Err(Refusal::new("argument-invalid", []));
    }
    let options = read.get("streamOptions").unwrap_or(&Value::Null);
    let stated = body.get("model").and_then(Value::as_str);
    let stated = stated.unwrap_or_default();
    Ok(Wanted {
        model: harmless(stated.strip_prefix("models/").unwrap_or(stated)),
        choices: choices.clamp(1, MOST),
        stream: read.get("stream") == Some(&Value::Bool(true)),
        include_usage: options["include_usage"] == true,
        prompt_tokens: text_tokens(&conversation::text(messages), &desk.data.models.tokens),
    })
}

/// Only models that answer in words are served.
fn model(body: &Map<String, Value>, strict: bool, desk: &Desk<'_>) -> Result<(), Refusal> {
    let id = model_id(desk.face, body);
    let stated = body.get("model").and_then(Value::as_str);
    if strict && stated.is_none_or(str::is_empty) {
        return Err(Refusal::new("argument-invalid", []));
    }
    let bare = stated.is_some_and(|stated| !stated.contains('/'));
    if strict && desk.face == Face::Vertex && bare {
        return Err(Refusal::new("chat-model-malformed", []));
    }
    match served(id, desk)?.map(|model| model.kind) {
        Some(Kind::Gemini) => Err(Refusal::new("not-yet-supported", [])),
        Some(Kind::Text) => Ok(()),
        _ if !strict => Ok(()),
        _ => {
            let place = desk.route.resource.trim_end_matches("/endpoints/openapi");
            let (publisher, id) = id.split_once('/').unwrap_or(("google", id));
            let name = format!("{place}/publishers/{publisher}/models/{id}");
            Err(Refusal::new(
                "chat-model-not-found",
                [("publisher-model", name)],
            ))
        }
    }
}

/// The answer to a call that was found good.
pub(super) fn answer(wanted: &Wanted, order: &Order, desk: &Desk<'_>) -> Answer {
    let withheld = error::effect(order, desk).and_then(|(_, row)| row.effect.as_ref());
    let withheld = withheld.is_some_and(|effect| {
        // A lack of images is no lack here.
        let all = effect.images == ImagesLeft::None && effect.filtered.is_some();
        effect.prompt_feedback.is_some() || all
    });
    let usage = wanted.usage(withheld, desk);
    let mut answer = match wanted.stream {
        true => wanted.stream(withheld, &usage, desk),
        false => {
            let choices = (0..wanted.choices).map(|index| match withheld {
                true => json!({ "finish_reason": FILTERED, "index": index }),
                false => json!({
                    "finish_reason": "stop",
                    "index": index,
                    "message": { "content": desk.data.models.texts.answer, "role": "assistant" },
                }),
            });
            let body = wanted.body(choices.collect(), "chat.completion", Some(&usage), desk);
            Answer::whole(200, headers(JSON, desk), vec![body.to_string().into()])
        }
    };
    answer.summary.usage = Some(usage);
    let condition = order.condition.as_ref();
    let condition = condition.map_or("ok", |element| &element.name);
    condition.clone_into(&mut answer.summary.condition);
    answer
}

/// Why a choice has no message. That the message is missing was seen (agentgateway/agentgateway#1464), the reason
/// is inferred.
const FILTERED: &str = "content_filter";

impl Wanted {
    fn stream(&self, withheld: bool, usage: &Value, desk: &Desk<'_>) -> Answer {
        let mut events = Vec::new();
        let words: Vec<_> = desk.data.models.texts.answer.split_inclusive(' ').collect();
        let (first, rest) = words.split_at(words.len() / 2);
        for index in 0..self.choices {
            let delta = |words: &[&str]| json!({ "content": words.concat(), "role": "assistant" });
            let mut choices = vec![
                json!({ "delta": delta(first), "index": index }),
                json!({ "delta": delta(rest), "finish_reason": "stop", "index": index }),
            ];
            if withheld {
                let delta = json!({ "role": "assistant" });
                choices =
                    vec![json!({ "delta": delta, "finish_reason": FILTERED, "index": index })];
            }
            events.extend(choices);
        }
        let last = events.len() - 1;
        let chunks = events.into_iter().enumerate().map(|(at, choice)| {
            // The counts stand in the last chunk, not in one of their own (quoted).
            let usage = (self.include_usage && at == last).then_some(usage);
            let body = self.body(vec![choice], "chat.completion.chunk", usage, desk);
            data(vec![body.to_string().into()])
        });
        let end = data(vec![Bytes::from_static(b"[DONE]")]);
        let mut answer =
            Answer::stream(200, headers("text/event-stream", desk), chunks.chain([end]));
        answer.result_event = Some(last);
        answer
    }

    fn body(
        &self,
        choices: Vec<Value>,
        object: &str,
        usage: Option<&Value>,
        desk: &Desk<'_>,
    ) -> Value {
        let mut body = Map::new();
        body.insert("choices".into(), choices.into());
        body.insert("created".into(), desk.now.into());
        body.insert("id".into(), response_id(&desk.id).into());
        body.insert("model".into(), self.model.clone().into());
        body.insert("object".into(), object.into());
        body.extend(usage.map(|usage| ("usage".to_owned(), usage.clone())));
        Value::Object(body)
    }

    /// Counts of zero are left out (agentgateway/agentgateway#1464).
    fn usage(&self, withheld: bool, desk: &Desk<'_>) -> Value {
        let models = &desk.data.models;
        let said = match withheld {
            true => 0,
            false => text_tokens(&models.texts.answer, &models.tokens) * self.choices,
        };
        let mut usage = Map::new();
        if said > 0 {
            usage.insert("completion_tokens".into(), said.into());
        }
        usage.insert("prompt_tokens".into(), self.prompt_tokens.into());
        usage.insert("total_tokens".into(), (self.prompt_tokens + said).into());
        Value::Object(usage)
    }
}

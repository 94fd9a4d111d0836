//! Reads a request: its credential, prompt and marks, and the provider-neutral digest.

use serde_json::{Map, Value, json};

use crate::provider::google::chat;
use crate::provider::google::compatible;
use crate::provider::google::content::{self, Read};
use crate::provider::google::error::{ARRAY, COMPATIBLE, SSE};
use crate::provider::google::generate;
use crate::provider::google::options::Asked;
use crate::provider::google::predict;
use crate::provider::google::reader::{self, Edition};
use crate::provider::google::route::{Route, Verb};
use crate::provider::google::{Data, Face};
use crate::provider::{Call, grant};
use crate::wire::Request;

/// What was asked.
pub(super) fn call(face: Face, data: &Data, route: &Route, request: &Request) -> Call {
    let operation = route.verb.operation();
    let body: Option<Map<String, Value>> =
        operation.and_then(|_| serde_json::from_slice(&request.body).ok());
    let mut sent = Map::new();
    sent.insert("provider".into(), face.id().into());
    sent.extend(operation.map(|operation| ("operation".to_owned(), operation.into())));
    if !route.model.is_empty() {
        sent.insert("model".into(), route.model.clone().into());
    }
    let mut call = Call {
        provider: face.id(),
        operation,
        framing: framing(route, request),
        credential: credential(request),
        effective: sent.clone(),
        ..Call::default()
    };
    if route.verb == Verb::Token {
        call.shown = Some(grant::shown(request));
    }
    if let Some(body) = body {
        match route.verb {
            Verb::Generate | Verb::Stream => generated(data, route, &body, &mut sent, &mut call),
            Verb::Images => {
                let prompt = body.get("prompt").and_then(Value::as_str);
                call.prompt = call.marks.take(prompt.unwrap_or_default());
                sent.extend(compatible::sent(&body, data));
                call.effective = sent.clone();
                call.effective.extend(compatible::defaults(&body, data));
            }
            Verb::Count => {
                let message = "CountTokensRequest";
                let (body, _) = reader::read(&data.messages, message, &body, Edition::default());
                let read = content::read(&body);
                sent.insert("prompt".into(), read.raw.into());
                call.effective = sent.clone();
                (call.marks, call.prompt) = (read.marks, read.prompt);
            }
            Verb::ChatCompletions => {
                sent.extend(chat::read(face, &body, &mut call));
                call.effective = sent.clone();
                if body.get("stream") == Some(&Value::Bool(true)) {
                    call.framing = COMPATIBLE;
                }
            }
            Verb::Predict => predicted(data, route, &body, &mut sent, &mut call),
            _ => {}
        }
        call.body = Some(body);
    }
    call.sent = sent;
    call
}

fn framing(route: &Route, request: &Request) -> &'static str {
    let sse = |name| request.query_value(name).is_some_and(|alt| alt == "sse");
    match route.verb {
        Verb::Stream if sse("alt") || sse("$alt") => SSE,
        Verb::Stream => ARRAY,
        _ => "",
    }
}

/// The credential as sent: a token, else a key.
fn credential(request: &Request) -> Option<String> {
    let key = request.header("x-goog-api-key").map(str::to_owned);
    let found = bearer(request).or(key);
    let found = found.or_else(|| request.query_value("key"));
    found.filter(|credential| !credential.trim().is_empty())
}

/// The token of `Authorization: Bearer`.
pub(super) fn bearer(request: &Request) -> Option<String> {
    let value = request.header("authorization")?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

fn generated(
    data: &Data,
    route: &Route,
    body: &Map<String, Value>,
    sent: &mut Map<String, Value>,
    call: &mut Call,
) {
    let (body, _) = reader::read(
        &data.messages,
        "GenerateContentRequest",
        body,
        Edition::default(),
    );
    let Read {
        marks,
        raw,
        prompt,
        images,
        ..
    } = content::read(&body);
    let config = body.get("generationConfig").unwrap_or(&Value::Null);
    let asked = Asked::of(&body);
    sent.insert("prompt".into(), raw.into());
    let members = [
        ("n", config["candidateCount"].clone()),
        ("aspect_ratio", json!(asked.ratio)),
        ("image_size", json!(asked.size)),
        ("output_format", json!(asked.format)),
        ("output_compression", json!(asked.quality)),
    ];
    let said = members.into_iter().filter(|(_, value)| !value.is_null());
    sent.extend(said.map(|(name, value)| (name.to_owned(), value)));
    if !images.is_empty() {
        let hashes: Vec<_> = images.iter().map(|image| image.sha256.clone()).collect();
        sent.insert("images".into(), hashes.into());
    }
    call.effective = sent.clone();
    let model = data.models.by_id(&route.model);
    call.effective
        .extend(generate::defaults(model, &body, &images, &data.models));
    (call.marks, call.prompt) = (marks, prompt);
}

fn predicted(
    data: &Data,
    route: &Route,
    body: &Map<String, Value>,
    sent: &mut Map<String, Value>,
    call: &mut Call,
) {
    let (body, _) = reader::read(&data.messages, "PredictRequest", body, Edition::default());
    let raw = predict::prompt(&body);
    call.prompt = call.marks.take(raw);
    sent.insert("prompt".into(), raw.into());
    let said = predict::sent(&body).into_iter();
    sent.extend(said.map(|(name, value)| (name.to_owned(), value)));
    call.effective = sent.clone();
    if let Some(model) = data.models.by_id(&route.model) {
        let defaults = predict::defaults(model, &body, &data.models);
        call.effective.extend(defaults);
    }
}

//! Renders the answers of `generateContent` and its stream: members and their order as recorded on each face.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::image::ImageHash;
use crate::provider::Call;
use crate::provider::google::error::{self, Refusal, SSE, common_headers};
use crate::provider::google::generate::Wanted;
use crate::provider::google::json::{line, place, splice};
use crate::provider::google::model::Model;
use crate::provider::google::route::Verb;
use crate::provider::google::signature::signature;
use crate::provider::google::usage::{Spent, text_tokens};
use crate::provider::google::{Desk, Face};
use crate::scenario::Order;
use crate::wire::Answer;

/// Everything that an answer says, before it is framed.
struct Told {
    /// The parts of the candidate, in their order.
    parts: Vec<Value>,
    /// The candidate's other members: the reason why it ended.
    end: Map<String, Value>,
    /// Stands instead of any candidate.
    prompt_feedback: Option<Value>,
    /// What is put at the numbered places of the parts.
    files: Vec<Vec<Bytes>>,
    /// The SHA-256 of the image, in hex.
    image: Option<ImageHash>,
    spent: Spent,
    /// The tier of capacity, as `usageMetadata` names it.
    tier: String,
}

/// The answer to a call that was found good.
pub(super) fn content(wanted: &Wanted<'_>, call: &Call, order: &Order, desk: &Desk<'_>) -> Answer {
    let told = told(wanted, call, order, desk);
    let sent = told.image.iter().filter(|_| desk.style.keeps_images());
    let images: Vec<_> = sent.cloned().collect();
    let usage = told.spent.metadata(&told.tier, desk.face);
    let mut answer = match desk.route.verb {
        Verb::Stream => stream(told, call, desk),
        _ => unary(told, desk),
    };
    answer.summary.images = images;
    answer.summary.usage = Some(usage);
    answer
}

fn told(wanted: &Wanted<'_>, call: &Call, order: &Order, desk: &Desk<'_>) -> Told {
    let mut told = Told {
        parts: Vec::new(),
        end: Map::from_iter([("finishReason".to_owned(), json!("STOP"))]),
        prompt_feedback: None,
        files: Vec::new(),
        image: None,
        spent: wanted.spent,
        tier: wanted.tier.clone(),
    };
    if let Some((element, row)) = error::effect(order, desk) {
        let refusal = Refusal::condition(element);
        let values = refusal.values(call, desk);
        let fill =
            |value: &Map<String, Value>| row.fill_value(Value::Object(value.clone()), &values);
        let effect = row.effect.as_ref();
        // Nothing was thought of what was never made (recorded).
        told.spent.thoughts = 0;
        if let Some(feedback) = effect.and_then(|effect| effect.prompt_feedback.as_ref()) {
            told.prompt_feedback = Some(rated(fill(feedback), desk));
            return told;
        }
        if let Some(Value::Object(end)) = effect.and_then(|e| e.candidate.as_ref()).map(fill) {
            told.end = end;
        }
        return told;
    }
    speak(&mut told, wanted, call, desk);
    told
}

/// Thoughts, words, image.
fn speak(told: &mut Told, wanted: &Wanted<'_>, call: &Call, desk: &Desk<'_>) {
    let models = &desk.data.models;
    let texts = &models.texts;
    if wanted.thoughts {
        told.parts
            .push(json!({ "text": texts.thought, "thought": true }));
    }
    if wanted.words {
        let text = match wanted.shape {
            Some(_) => &texts.before_image,
            None => &texts.answer,
        };
        told.spent.text = text_tokens(text, &models.tokens);
        told.parts.push(json!({ "text": text }));
        told.sign("text", wanted.model, desk);
    }
    if let Some(shape) = &wanted.shape {
        let image = desk.paint(&shape.picture(&desk.route.model, call, desk, 0));
        let data = told.file(image.base64().into());
        let inline = json!({ "mimeType": shape.format.mime(), "data": data });
        told.parts.push(json!({ "inlineData": inline }));
        told.sign("image", wanted.model, desk);
        told.image = Some(image.sha256());
        let counts = &wanted.model.tokens;
        told.spent.images = counts.get(&shape.image_size).copied().unwrap_or_default();
    }
}

impl Told {
    /// Keeps a file and returns what stands for it.
    fn file(&mut self, base64: Vec<Bytes>) -> Value {
        self.files.push(base64);
        place(self.files.len() - 1)
    }

    /// Puts a signature into the last part, where the model signs what it thinks.
    fn sign(&mut self, part: &str, model: &Model, desk: &Desk<'_>) {
        if !model.thinking {
            return;
        }
        let bytes = desk.world.settings.image_bytes.unwrap_or_default();
        let mark = self.file(signature(&desk.id, part, bytes));
        if let Some(last) = self.parts.last_mut() {
            last["thoughtSignature"] = mark;
        }
    }

    /// The content of a candidate without parts: only Gemini 3 says that it is empty (recorded).
    fn nothing(&self, desk: &Desk<'_>) -> Option<Value> {
        let model = desk.data.models.by_id(&desk.route.model);
        model.filter(|model| model.thinking).map(|_| json!({}))
    }

    /// `usageMetadata` of the whole. Vertex does not count what it blocked (recorded).
    fn usage(&self, face: Face) -> Value {
        match (&self.prompt_feedback, face) {
            (Some(_), Face::Vertex) => {
                Value::Object(Spent::tier(&self.tier, face).into_iter().collect())
            }
            _ => self.spent.metadata(&self.tier, face),
        }
    }
}

fn unary(mut told: Told, desk: &Desk<'_>) -> Answer {
    let usage = told.usage(desk.face);
    let body = match told.prompt_feedback.take() {
        Some(feedback) => envelope(None, Some(feedback), usage, desk),
        None => {
            let content = match told.parts.is_empty() {
                true => told.nothing(desk),
                false => Some(members(&told.parts, desk.face)),
            };
            let ratings = told.image.as_ref().and_then(|_| ratings(desk));
            told.end.extend(ratings);
            let candidate = candidate(content, told.end, desk.face);
            envelope(Some(candidate), None, usage, desk)
        }
    };
    let body = desk.style.shaped(body, &desk.data.messages);
    let pieces = splice(desk.style.text(&body), &told.files);
    let mut headers = headers(JSON, desk);
    if desk.face == Face::Gemini {
        headers.push(("x-gemini-service-tier".to_owned(), told.tier));
    }
    Answer::whole(200, headers, pieces)
}

/// Words come a few at a time, an image whole, and the reason of the end in a chunk of its own (recorded).
fn stream(mut told: Told, call: &Call, desk: &Desk<'_>) -> Answer {
    let face = desk.face;
    let mut chunks = Vec::new();
    let mut running = Spent {
        text: 0,
        images: 0,
        ..told.spent
    };
    let empty = told.parts.is_empty();
    let mut result = None;
    for part in std::mem::take(&mut told.parts).into_iter().flat_map(spoken) {
        let mut end = Map::new();
        if part.get("inlineData").is_some() {
            result = result.or(Some(chunks.len()));
            running.images = told.spent.images;
            end.extend(ratings(desk));
        } else if part.get("thought").is_none() {
            let text = part["text"].as_str().unwrap_or_default();
            let tokens = text_tokens(text, &desk.data.models.tokens);
            running.text = told.spent.text.min(running.text + tokens);
        }
        let usage = match face {
            Face::Gemini => running.metadata(&told.tier, face),
            // Vertex counts in its last chunk only.
            Face::Vertex => Value::Object(Spent::tier(&told.tier, face).into_iter().collect()),
        };
        let candidate = candidate(Some(members(&[part], face)), end, face);
        chunks.push(envelope(Some(candidate), None, usage, desk));
    }
    let usage = told.usage(face);
    chunks.push(match told.prompt_feedback.take() {
        Some(feedback) => envelope(None, Some(feedback), usage, desk),
        None => {
            let content = match (empty, face) {
                (true, _) => told.nothing(desk),
                (false, Face::Gemini) => Some(json!({ "role": "model" })),
                (false, Face::Vertex) => Some(members(&[json!({ "text": "" })], face)),
            };
            envelope(Some(candidate(content, told.end, face)), None, usage, desk)
        }
    });
    let chunks = chunks.into_iter();
    let chunks: Vec<_> = chunks
        .map(|chunk| desk.style.shaped(chunk, &desk.data.messages))
        .collect();
    let mut answer = framed(&chunks, &told.files, call, desk);
    answer.result_event = result;
    answer
}

/// A part in the pieces in which it is streamed: the first word, half of the others, the rest. What is signed or
/// thought comes whole.
fn spoken(part: Value) -> Vec<Value> {
    let whole = part.as_object().is_some_and(|part| part.len() > 1);
    let Some(text) = part["text"].as_str().filter(|_| !whole) else {
        return vec![part];
    };
    let words: Vec<_> = text.split_inclusive(' ').collect();
    let (first, others) = words.split_at(1.min(words.len()));
    let (middle, last) = others.split_at(others.len() / 2);
    let pieces = [first, middle, last]
        .into_iter()
        .filter(|words| !words.is_empty());
    pieces
        .map(|words| json!({ "text": words.concat() }))
        .collect()
}

/// Ratings stand beside the reason SAFETY, and beside no other (recorded).
fn rated(feedback: Value, desk: &Desk<'_>) -> Value {
    if feedback["blockReason"] != "SAFETY" {
        return feedback;
    }
    let rating = |(category, probability): &(String, String)| json!({ "category": category, "probability": probability });
    let all: Value = desk.data.models.safety.prompt.iter().map(rating).collect();
    let mut out = Map::new();
    for (name, value) in feedback.as_object().cloned().unwrap_or_default() {
        let reason = name == "blockReason";
        out.insert(name, value);
        if reason {
            out.insert("safetyRatings".into(), all.clone());
        }
    }
    Value::Object(out)
}

/// Vertex rates images, by category only (recorded).
fn ratings(desk: &Desk<'_>) -> Option<(String, Value)> {
    let rated = |category: &String| json!({ "category": category });
    let all = desk.data.models.safety.image.iter().map(rated);
    (desk.face == Face::Vertex).then(|| ("safetyRatings".to_owned(), all.collect()))
}

fn framed(chunks: &[Value], files: &[Vec<Bytes>], call: &Call, desk: &Desk<'_>) -> Answer {
    let sse = call.framing == SSE;
    let last = chunks.len().saturating_sub(1);
    let events = chunks.iter().enumerate().map(|(index, chunk)| {
        let text = match (sse, index) {
            (true, _) => format!("data: {}\r\n\r\n", line(chunk)),
            (false, 0) => format!("[{}", desk.style.text(chunk)),
            (false, _) => format!(",\r\n{}", desk.style.text(chunk)),
        };
        let end = if !sse && index == last { "]" } else { "" };
        splice(text + end, files)
    });
    let mut headers = headers(if sse { "text/event-stream" } else { JSON }, desk);
    if sse {
        headers.push(("content-disposition".into(), "attachment".into()));
    }
    Answer::stream(200, headers, events)
}

fn members(parts: &[Value], face: Face) -> Value {
    match face {
        Face::Gemini => json!({ "parts": parts, "role": "model" }),
        Face::Vertex => json!({ "role": "model", "parts": parts }),
    }
}

fn candidate(content: Option<Value>, end: Map<String, Value>, face: Face) -> Value {
    let mut out = Map::new();
    out.extend(content.map(|content| ("content".to_owned(), content)));
    let mut end = end.into_iter();
    // The index stands behind the reason and before its message (quoted answers).
    let reason = end.next();
    out.extend(reason);
    if face == Face::Gemini {
        out.insert("index".into(), 0.into());
    }
    out.extend(end);
    Value::Object(out)
}

fn envelope(
    candidate: Option<Value>,
    feedback: Option<Value>,
    usage: Value,
    desk: &Desk<'_>,
) -> Value {
    let mut out = Map::new();
    out.extend(candidate.map(|candidate| ("candidates".to_owned(), json!([candidate]))));
    out.extend(feedback.map(|feedback| ("promptFeedback".to_owned(), feedback)));
    out.insert("usageMetadata".into(), usage);
    out.insert("modelVersion".into(), version(desk).into());
    if desk.face == Face::Vertex {
        out.insert("createTime".into(), desk.create_time().into());
    }
    out.insert("responseId".into(), response_id(&desk.id).into());
    Value::Object(out)
}

/// The name as it was called; only what is always the latest is named by what it is (recorded).
fn version<'d>(desk: &'d Desk<'_>) -> &'d str {
    let called = &desk.route.model;
    let latest = desk
        .data
        .models
        .by_id(called)
        .filter(|_| called.ends_with("-latest"));
    latest.map_or(called, |model| &model.id)
}

/// The id of an answer: 23 characters, as in most recordings.
pub(super) fn response_id(id: &str) -> String {
    let mut text = BASE64_STANDARD
        .encode(Sha256::digest(id))
        .replace(['+', '/'], "_");
    text.truncate(23);
    text
}

/// The media type of what is no stream of events.
pub(super) const JSON: &str = "application/json; charset=UTF-8";

/// The head of a success.
pub(super) fn headers(content_type: &str, desk: &Desk<'_>) -> Vec<(String, String)> {
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers.extend(common_headers(desk));
    headers
}

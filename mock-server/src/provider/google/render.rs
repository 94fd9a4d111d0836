//! Renders the answers of `generateContent` and its stream: members and their order as recorded on each face.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::catalogue::ImagesLeft;
use crate::image::Rendered;
use crate::provider::Call;
use crate::provider::google::error::{self, Refusal, SSE, common_headers};
use crate::provider::google::generate::{Wanted, inline};
use crate::provider::google::json::{line, pretty, splice};
use crate::provider::google::route::Verb;
use crate::provider::google::usage::{Spent, text_tokens};
use crate::provider::google::{Desk, Face};
use crate::scenario::Order;
use crate::wire::{Answer, Request};

/// Everything that an answer says, before it is framed.
struct Told {
    /// The parts of the candidate, in their order.
    parts: Vec<Value>,
    /// The candidate's other members: the reason why it ended.
    end: Map<String, Value>,
    /// Stands instead of any candidate.
    prompt_feedback: Option<Value>,
    image: Option<Rendered>,
    spent: Spent,
}

/// The answer to a call that was found good.
pub(super) fn content(wanted: &Wanted<'_>, call: &Call, order: &Order, desk: &Desk<'_>) -> Answer {
    let told = told(wanted, call, order, desk);
    let images: Vec<_> = told.image.iter().map(Rendered::sha256).collect();
    let usage = told.spent.metadata(desk.face);
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
        image: None,
        spent: wanted.spent,
    };
    if let Some((element, row)) = error::effect(order, desk) {
        let refusal = Refusal::condition(element);
        let values = refusal.values(call, desk);
        let fill =
            |value: &Map<String, Value>| row.fill_value(Value::Object(value.clone()), &values);
        let effect = row.effect.as_ref();
        if let Some(feedback) = effect.and_then(|effect| effect.prompt_feedback.as_ref()) {
            told.prompt_feedback = Some(fill(feedback));
            told.spent.thoughts = 0;
            return told;
        }
        let withheld = matches!(
            effect.map(|effect| effect.images),
            Some(ImagesLeft::None | ImagesLeft::OneLess)
        );
        if let Some(Value::Object(end)) = effect.and_then(|e| e.candidate.as_ref()).map(fill) {
            told.end = end;
        }
        if withheld {
            return told;
        }
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
    let signed = |mut part: Value, place: &str| {
        if wanted.model.thinking {
            part["thoughtSignature"] = signature(&desk.id, place).into();
        }
        part
    };
    if wanted.words {
        let text = match wanted.shape {
            Some(_) => &texts.before_image,
            None => &texts.answer,
        };
        told.spent.text = text_tokens(text, &models.tokens);
        told.parts.push(signed(json!({ "text": text }), "text"));
    }
    if let Some(shape) = &wanted.shape {
        let image = desk.paint(&shape.picture(&desk.route.model, call, desk, 0));
        let part = json!({ "inlineData": inline(shape.format.mime()) });
        told.parts.push(signed(part, "image"));
        told.image = Some(image);
        let counts = &wanted.model.tokens;
        told.spent.images = counts.get(&shape.image_size).copied().unwrap_or_default();
    }
}

/// A thought signature: text of no meaning, the same for the same request. The real ones are as long as images.
fn signature(id: &str, place: &str) -> String {
    let block = |number: u8| Sha256::digest(format!("{id}:{place}:{number}"));
    let bytes: Vec<u8> = (0..24).flat_map(block).collect();
    BASE64_STANDARD.encode(bytes)
}

fn unary(told: Told, desk: &Desk<'_>) -> Answer {
    let usage = told.spent.metadata(desk.face);
    let body = match told.prompt_feedback {
        Some(feedback) => envelope(None, Some(feedback), usage, desk),
        None => {
            let content = (!told.parts.is_empty()).then(|| members(&told.parts, desk.face));
            envelope(
                Some(candidate(content, told.end, desk.face)),
                None,
                usage,
                desk,
            )
        }
    };
    let pieces = splice(pretty(&numbers(body, desk)), told.image.as_slice());
    Answer::whole(200, headers(JSON, desk), pieces)
}

/// One chunk a part, then one that says why it ended. Images are never split (recorded).
fn stream(told: Told, call: &Call, desk: &Desk<'_>) -> Answer {
    let face = desk.face;
    let mut chunks = Vec::new();
    let mut running = Spent {
        text: 0,
        images: 0,
        ..told.spent
    };
    let empty = told.parts.is_empty();
    for part in told.parts {
        if part.get("inlineData").is_some() {
            running.images = told.spent.images;
        } else if part.get("thought").is_none() {
            running.text = told.spent.text;
        }
        let usage = match face {
            Face::Gemini => running.metadata(face),
            // Vertex counts in its last chunk only.
            Face::Vertex => Value::Object(Spent::tier(face).into_iter().collect()),
        };
        let content = members(&[part], face);
        let candidate = candidate(Some(content), Map::new(), face);
        chunks.push(envelope(Some(candidate), None, usage, desk));
    }
    let usage = told.spent.metadata(face);
    chunks.push(match told.prompt_feedback {
        Some(feedback) => envelope(None, Some(feedback), usage, desk),
        None => {
            let last = match face {
                Face::Gemini => json!({ "role": "model" }),
                Face::Vertex => json!({ "role": "model", "parts": [{ "text": "" }] }),
            };
            let content = (!empty).then_some(last);
            envelope(Some(candidate(content, told.end, face)), None, usage, desk)
        }
    });
    let chunks: Vec<_> = chunks
        .into_iter()
        .map(|chunk| numbers(chunk, desk))
        .collect();
    framed(&chunks, told.image.as_slice(), call, desk)
}

fn framed(chunks: &[Value], images: &[Rendered], call: &Call, desk: &Desk<'_>) -> Answer {
    let sse = call.framing == SSE;
    let last = chunks.len().saturating_sub(1);
    let events = chunks.iter().enumerate().map(|(index, chunk)| {
        let text = match (sse, index) {
            (true, _) => format!("data: {}\r\n\r\n", line(chunk)),
            (false, 0) => format!("[{}", pretty(chunk)),
            (false, _) => format!(",\r\n{}", pretty(chunk)),
        };
        let end = if !sse && index == last { "]" } else { "" };
        splice(text + end, images)
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
    out.extend(end);
    if face == Face::Gemini {
        out.insert("index".into(), 0.into());
    }
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
    out.insert("modelVersion".into(), desk.route.model.clone().into());
    if desk.face == Face::Vertex {
        out.insert("createTime".into(), desk.create_time().into());
    }
    out.insert("responseId".into(), response_id(&desk.id).into());
    Value::Object(out)
}

fn response_id(id: &str) -> String {
    let mut text = BASE64_STANDARD
        .encode(Sha256::digest(id))
        .replace(['+', '/'], "_");
    text.truncate(23);
    text
}

fn numbers(body: Value, desk: &Desk<'_>) -> Value {
    if desk.numbers {
        return desk.data.messages.with_numbers(body);
    }
    body
}

/// Whether enums are wanted as numbers: `$alt=json;enum-encoding=int`.
pub(super) fn wants_numbers(request: &Request) -> bool {
    let alt = request
        .query_value("$alt")
        .or_else(|| request.query_value("alt"));
    alt.is_some_and(|alt| alt.split(';').any(|part| part == "enum-encoding=int"))
}

/// The media type of what is no stream of events.
pub(super) const JSON: &str = "application/json; charset=UTF-8";

/// The head of a success.
pub(super) fn headers(content_type: &str, desk: &Desk<'_>) -> Vec<(String, String)> {
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers.extend(common_headers(desk));
    headers
}

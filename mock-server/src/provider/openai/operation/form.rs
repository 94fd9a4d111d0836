//! Reads the forms of edits and variations: text fields become the body, files become images.

use serde_json::{Map, Value, json};

use crate::journal::length_and_hash;
use crate::provider::{Call, InputImage};
use crate::wire::multipart::{self, Part};
use crate::wire::{Marks, Request};

/// Fields whose text is a number.
const NUMBERS: &[&str] = &["n", "output_compression", "partial_images"];
/// Fields whose text is `true` or `false`.
const FLAGS: &[&str] = &["stream"];

/// Whether a request announces a form.
pub(super) fn is_announced(request: &Request) -> bool {
    request.media_type() == "multipart/form-data"
}

/// The call of a form; its body is none where it cannot be read.
pub(super) fn call(request: &Request) -> Call {
    let content_type = request.header("content-type").unwrap_or_default();
    let Ok(parts) = multipart::parts(content_type, &request.body) else {
        return Call::default();
    };
    let mut call = Call {
        shown: Some(parts.iter().map(shown).collect()),
        ..Call::default()
    };
    let mut body = Map::new();
    for part in parts {
        if is_image(&part.name) {
            call.images.push(image(&part));
        } else if part.name == "mask" {
            call.mask = Some(image(&part));
        } else if part.name == "markup" {
            call.markup = Some(image(&part));
        } else {
            // A field that comes twice counts once: async-openai sends `output_compression` so.
            let value = value(&part);
            body.insert(part.name, value);
        }
    }
    let mut marks = Marks::default();
    if let Some(prompt) = body.get("prompt").and_then(Value::as_str) {
        call.prompt = marks.take(prompt);
    }
    call.marks = marks;
    call.body = Some(body);
    call
}

/// `image`, `image[]`, `image[0]`.
fn is_image(name: &str) -> bool {
    let index = name
        .strip_prefix("image[")
        .and_then(|rest| rest.strip_suffix(']'));
    name == "image" || index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}

fn image(part: &Part) -> InputImage {
    InputImage {
        declared: part.content_type.clone(),
        filename: part.filename.clone(),
        ..InputImage::of_bytes(&part.name, &part.content)
    }
}

/// What a field means; a number or flag that is none stays a text, and a file stands for itself.
fn value(part: &Part) -> Value {
    if part.filename.is_some() {
        return length_and_hash(&part.content);
    }
    let text = String::from_utf8_lossy(&part.content).into_owned();
    let name = part.name.as_str();
    let typed = match text.as_str() {
        "true" | "false" if FLAGS.contains(&name) => Some(json!(text == "true")),
        _ if NUMBERS.contains(&name) => text.trim().parse::<i64>().ok().map(Value::from),
        _ => None,
    };
    typed.unwrap_or(Value::String(text))
}

/// What the journal shows of a part.
fn shown(part: &Part) -> Value {
    let mut shown = json!({
        "name": part.name,
        "filename": part.filename,
        "type": part.content_type,
    });
    if let Value::Object(members) = &mut shown {
        if let Value::Object(content) = length_and_hash(&part.content) {
            members.extend(content);
        }
        let drawing = part.name == "mask" || part.name == "markup";
        if part.filename.is_none() && !is_image(&part.name) && !drawing {
            let text = String::from_utf8_lossy(&part.content).into_owned();
            members.insert("value".into(), text.into());
        }
    }
    shown
}

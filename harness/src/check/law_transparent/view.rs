//! What of an answer can be compared with another answer to the same request.

use serde_json::{Value, json};

use crate::exchange::images::SeenImage;
use crate::exchange::{Exchange, Received, message};
use crate::operation::Protocol;
use crate::report::normalise::Normaliser;

/// What stands where an image was.
const IMAGE: &str = "<image>";

/// What of an answer can be compared.
#[derive(Debug)]
pub(super) struct View {
    /// Its members, in a normal form, with a mark where an image stood.
    pub(super) body: Value,
    /// The kinds of the events of a stream of images or of a response, in order.
    pub(super) kinds: Vec<String>,
    /// SHA-256 of the pixels of each final picture.
    pub(super) pictures: Vec<String>,
}

/// What of the answer of an exchange can be compared; none if it is no JSON.
pub(super) fn view(protocol: Protocol, exchange: &Exchange) -> Option<View> {
    let answer = exchange.answer()?;
    let pictures = exchange.final_images().map(|image| match &image.picture {
        Ok(picture) => picture.pixels_sha256.clone(),
        Err(reason) => format!("no picture: {reason}"),
    });
    let pictures = pictures.collect();
    let mut documents = documents(answer);
    for image in &exchange.images {
        mark(image, &mut documents);
    }
    let is_stream = answer.is_stream() || documents.len() > 1;
    let body = match (is_stream, protocol) {
        (true, Protocol::Chat | Protocol::Content) => joined(answer, &documents),
        (true, _) => documents.last()?.value.clone(),
        (false, _) => documents.first()?.value.clone(),
    };
    let ordered = is_stream && matches!(protocol, Protocol::Images | Protocol::Responses);
    let kinds = documents.iter().filter(|_| ordered);
    // What keeps a connection open is nobody's to pass on.
    let kinds = kinds.filter(|one| one.kind.starts_with("image_") || is_response(&one.kind));
    Some(View {
        kinds: kinds.map(|one| one.kind.clone()).collect(),
        body: Normaliser::default().normalise(&body),
        pictures,
    })
}

fn is_response(kind: &str) -> bool {
    kind.starts_with("response.") || kind == "error"
}

struct Document {
    place: String,
    kind: String,
    value: Value,
}

fn documents(answer: &Received) -> Vec<Document> {
    let documents = answer.documents().into_iter();
    documents
        .map(|document| Document {
            place: document.place,
            kind: document.kind,
            value: document.value,
        })
        .collect()
}

/// Puts the mark where an image was found, so that it does not matter in which member and which way it came.
fn mark(image: &SeenImage, documents: &mut [Document]) {
    for document in documents {
        let Some(pointer) = image.place.strip_prefix(document.place.as_str()) else {
            continue;
        };
        let Some((parent, member)) = pointer.rsplit_once('/') else {
            continue;
        };
        if let Some(Value::Object(members)) = document.value.pointer_mut(parent)
            && members.remove(member).is_some()
        {
            members.insert("image".to_owned(), IMAGE.into());
            return;
        }
    }
}

/// What the pieces of a conversation say together; where it was cut is nobody's business.
fn joined(answer: &Received, documents: &[Document]) -> Value {
    let last = |pointers: &[&str]| -> Value {
        let values = documents.iter().rev();
        let mut found = values.flat_map(|one| pointers.iter().map(|at| one.value.pointer(at)));
        let stated = found.find_map(|value| value.filter(|value| !value.is_null()));
        stated.cloned().unwrap_or_default()
    };
    json!({
        "text": text(&message::message(answer).unwrap_or_default()),
        "finish": last(&["/choices/0/finish_reason", "/candidates/0/finishReason", "/promptFeedback/blockReason"]),
        "usage": last(&["/usage", "/usageMetadata"]),
    })
}

/// The text of a message; its images are compared as pictures.
fn text(message: &Value) -> Value {
    let parts = message.get("parts").and_then(Value::as_array);
    let Some(parts) = parts else {
        return message.get("content").cloned().unwrap_or_default();
    };
    let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
    texts.collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::images::{Locator, locate, look};
    use crate::exchange::sse::Reader;
    use crate::exchange::{End, Fetched, Outcome, Sent};

    fn exchange(content_type: &str, body: &str) -> Exchange {
        let events = match content_type {
            "text/event-stream" => Reader::default().push(body.as_bytes()).unwrap(),
            _ => Vec::new(),
        };
        let answer = Received {
            status: 200,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.to_owned().into(),
            end: End::Whole,
            events,
        };
        let images = look(locate(&answer, Locator::Images), &Fetched::default());
        Exchange {
            token: String::new(),
            sent: Sent::default(),
            outcome: Outcome::Answer(answer),
            images,
            upstream: None,
            holds: Vec::new(),
            paused: false,
            polls: None,
        }
    }

    #[test]
    fn an_image_is_marked_whatever_member_holds_it() {
        let of = |item: Value| {
            let body = json!({ "created": 1_795_000_000, "data": [item] }).to_string();
            view(Protocol::Images, &exchange("application/json", &body)).unwrap()
        };
        let (base64, url) = (
            of(json!({ "b64_json": "AAAA" })),
            of(json!({ "url": "data:image/png;base64,AAAA" })),
        );
        assert_eq!(
            base64.body,
            json!({ "created": "<time>", "data": [{ "image": IMAGE }] })
        );
        assert_eq!(base64.body, url.body);
        assert_eq!(base64.pictures, url.pictures);
    }

    #[test]
    fn where_a_chat_is_cut_does_not_matter() {
        let of = |pieces: &[&str]| {
            let chunk = |text: &&str| {
                let chunk = json!({ "choices": [{ "delta": { "content": text } }] });
                format!("data: {chunk}\n\n")
            };
            let end = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }], "usage": { "total_tokens": 3 } });
            let body: String = pieces.iter().map(chunk).collect();
            let body = format!("{body}data: {end}\n\ndata: [DONE]\n\n");
            view(Protocol::Chat, &exchange("text/event-stream", &body))
                .unwrap()
                .body
        };
        assert_eq!(of(&["a fox"]), of(&["a", " fo", "x"]));
        assert_eq!(of(&["a fox"])["finish"], "stop");
        assert_ne!(of(&["a fox"]), of(&["a fix"]));
    }
}

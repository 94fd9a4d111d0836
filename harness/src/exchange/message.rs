//! The assistant's message of an answer, as it came: what a client sends back in the next turn.

use serde_json::{Map, Value, json};

use crate::exchange::Received;

/// The first message of a chat, the content of Google's first candidate, or the output of a response. The pieces of
/// a stream are put together as clients do.
#[must_use]
pub fn message(answer: &Received) -> Option<Value> {
    let documents: Vec<Value> = answer
        .documents()
        .into_iter()
        .map(|document| document.value)
        .collect();
    let whole = ["/choices/0/message", "/candidates/0/content", "/output"];
    if let ([document], false) = (documents.as_slice(), answer.is_stream()) {
        let found = whole.iter().find_map(|pointer| document.pointer(pointer));
        return found.cloned();
    }
    let output = documents.last()?.pointer("/response/output");
    output.cloned().or_else(|| joined(&documents))
}

fn joined(documents: &[Value]) -> Option<Value> {
    let pieces =
        |pointer: &'static str| documents.iter().filter_map(move |one| one.pointer(pointer));
    let parts: Vec<Value> = pieces("/candidates/0/content/parts")
        .filter_map(Value::as_array)
        .flatten()
        .cloned()
        .collect();
    if !parts.is_empty() {
        return Some(json!({ "role": "model", "parts": parts }));
    }
    let mut message = Map::new();
    for delta in pieces("/choices/0/delta").filter_map(Value::as_object) {
        for (name, value) in delta {
            match (message.get_mut(name), value) {
                (_, Value::Null) => {}
                (Some(Value::String(before)), Value::String(more)) if name != "role" => {
                    before.push_str(more);
                }
                (Some(Value::Array(before)), Value::Array(more)) => before.extend(more.clone()),
                _ => drop(message.insert(name.clone(), value.clone())),
            }
        }
    }
    (!message.is_empty()).then_some(Value::Object(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::End;
    use crate::exchange::sse::Reader;

    fn of(content_type: &str, body: &str) -> Option<Value> {
        let events = Reader::default().push(body.as_bytes()).unwrap();
        message(&Received {
            status: 200,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.to_owned().into(),
            end: End::Whole,
            events,
        })
    }

    #[test]
    fn whole_and_in_pieces() {
        let whole =
            json!({ "choices": [{ "message": { "role": "assistant", "content": "a", "x": 1 } }] });
        assert_eq!(
            of("application/json", &whole.to_string()),
            Some(json!({ "role": "assistant", "content": "a", "x": 1 }))
        );
        let deltas = [
            json!({ "role": "assistant", "content": "", "refusal": null }),
            json!({ "content": "a " }),
            json!({ "content": "b", "images": [1] }),
            json!({}),
        ];
        let chunk =
            |delta: &Value| format!("data: {}\n\n", json!({ "choices": [{ "delta": delta }] }));
        let stream: String = deltas.iter().map(chunk).collect();
        assert_eq!(
            of("text/event-stream", &format!("{stream}data: [DONE]\n\n")),
            Some(json!({ "role": "assistant", "content": "a b", "images": [1] }))
        );
        let parts =
            |text: &str| json!({ "candidates": [{ "content": { "parts": [{ "text": text }] } }] });
        assert_eq!(
            of(
                "application/json",
                &json!([parts("a"), parts("b")]).to_string()
            ),
            Some(json!({ "role": "model", "parts": [{ "text": "a" }, { "text": "b" }] }))
        );
    }
}

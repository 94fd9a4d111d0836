//! What an answer without an image says instead: a stated refusal, or text where a text is legal.

use serde_json::Value;

use crate::exchange::Received;
use crate::operation::Protocol;

/// Ends of Google's candidates that are no refusal, as names and as numbers.
const PLAIN_ENDS: &[&str] = &[
    "STOP",
    "MAX_TOKENS",
    "FINISH_REASON_UNSPECIFIED",
    "0",
    "1",
    "2",
];

/// Whether an answer without an image says why it has none, or is a text of a conversation.
pub(super) fn explains_itself(protocol: Protocol, answer: &Received) -> bool {
    if answer.error().is_some() {
        return true;
    }
    let documents = answer.documents();
    let mut values = documents.iter().map(|document| &document.value);
    values.any(|value| match protocol {
        Protocol::Chat => items(value, "choices").any(chat_choice),
        Protocol::Content => {
            is_stated(value.pointer("/promptFeedback/blockReason"))
                || items(value, "candidates").any(candidate)
        }
        Protocol::Predict => {
            items(value, "predictions").any(|item| is_stated(item.get("raiFilteredReason")))
        }
        Protocol::Responses => response(value.get("response").unwrap_or(value)),
        Protocol::Images | Protocol::Models => false,
    })
}

fn chat_choice(choice: &Value) -> bool {
    let is_filtered = choice.get("finish_reason").and_then(Value::as_str) == Some("content_filter");
    let messages = ["message", "delta"].map(|name| choice.get(name));
    let speaks = messages.into_iter().flatten().any(|message| {
        ["content", "refusal", "tool_calls"]
            .iter()
            .any(|name| is_filled(message.get(*name)))
    });
    is_filtered || speaks
}

fn candidate(candidate: &Value) -> bool {
    let reason = candidate
        .get("finishReason")
        .filter(|reason| !reason.is_null());
    let is_refusal = reason.is_some_and(|reason| {
        let reason = reason
            .as_str()
            .map_or_else(|| reason.to_string(), str::to_owned);
        !PLAIN_ENDS.contains(&reason.as_str())
    });
    let content = candidate.get("content").unwrap_or(&Value::Null);
    is_refusal || items(content, "parts").any(|part| is_filled(part.get("text")))
}

fn response(response: &Value) -> bool {
    let speaks = |item: &Value| items(item, "content").next().is_some();
    is_stated(response.pointer("/incomplete_details/reason"))
        || items(response, "output").any(speaks)
}

fn items<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    let items = value.get(name).and_then(Value::as_array);
    items.into_iter().flatten()
}

fn is_stated(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !value.is_null())
}

/// A text with something in it, or a list.
fn is_filled(value: Option<&Value>) -> bool {
    match value {
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::End;
    use serde_json::json;

    fn says(protocol: Protocol, body: &Value) -> bool {
        let answer = Received {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into(),
            end: End::Whole,
            events: Vec::new(),
        };
        explains_itself(protocol, &answer)
    }

    #[test]
    fn refusals_and_texts_explain_an_answer_and_emptiness_does_not() {
        let chat = |choice: Value| json!({ "choices": [choice] });
        let content = |candidate: Value| json!({ "candidates": [candidate] });
        for (protocol, body) in [
            (
                Protocol::Chat,
                chat(json!({ "message": { "content": "no" } })),
            ),
            (
                Protocol::Chat,
                chat(json!({ "message": { "content": null }, "finish_reason": "content_filter" })),
            ),
            (
                Protocol::Content,
                json!({ "promptFeedback": { "blockReason": "SAFETY" } }),
            ),
            (
                Protocol::Content,
                content(json!({ "finishReason": "NO_IMAGE" })),
            ),
            (
                Protocol::Content,
                content(
                    json!({ "finishReason": "STOP", "content": { "parts": [{ "text": "a" }] } }),
                ),
            ),
            (
                Protocol::Predict,
                json!({ "predictions": [{ "raiFilteredReason": "no" }] }),
            ),
            (
                Protocol::Responses,
                json!({ "output": [{ "type": "message", "content": [{}] }] }),
            ),
            (Protocol::Images, json!({ "error": { "message": "no" } })),
        ] {
            assert!(says(protocol, &body), "{body}");
        }
        for (protocol, body) in [
            (Protocol::Chat, json!({ "choices": [] })),
            (
                Protocol::Chat,
                chat(json!({ "message": { "content": " " }, "finish_reason": "stop" })),
            ),
            (
                Protocol::Content,
                content(json!({ "finishReason": "STOP", "content": { "parts": [] } })),
            ),
            (Protocol::Content, json!({ "candidates": [] })),
            (Protocol::Predict, json!({ "predictions": [] })),
            (Protocol::Responses, json!({ "error": null, "output": [] })),
            (Protocol::Images, json!({ "data": [] })),
        ] {
            assert!(!says(protocol, &body), "{body}");
        }
    }
}

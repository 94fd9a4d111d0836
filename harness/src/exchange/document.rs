//! The JSON documents of an answer, whatever frames them: one body, a list, or the events of a stream.

use serde_json::Value;

use crate::exchange::{Received, parse, sse};

/// One JSON document of an answer.
#[derive(Clone, Debug)]
pub struct Document {
    /// Where a pointer into it begins: empty for a body, `/1` in a list, `event 2 ` in a stream.
    pub place: String,
    /// What kind of event it is; empty for a body.
    pub kind: String,
    /// The document.
    pub value: Value,
}

impl Received {
    /// The documents: the data of each event, each object of a list, or else the body. What is no JSON is left out.
    #[must_use]
    pub fn documents(&self) -> Vec<Document> {
        if self.is_stream() {
            let events = self.events.iter().enumerate();
            let documents = events.filter_map(|(index, event)| {
                let value = event.json()?;
                Some(Document {
                    place: format!("event {} ", index + 1),
                    kind: sse::kind(event.name.as_deref(), &value),
                    value,
                })
            });
            return documents.collect();
        }
        match self.json() {
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => {
                let items = items.into_iter().enumerate();
                let document = |(index, item)| Document {
                    place: format!("/{index}"),
                    kind: sse::kind(None, &item),
                    value: item,
                };
                items.map(document).collect()
            }
            Some(value) => vec![Document {
                place: String::new(),
                kind: String::new(),
                value,
            }],
            None => Vec::new(),
        }
    }

    /// The part of the answer that a JSON pointer is looked up in: the body, or the last event that is JSON.
    #[must_use]
    pub fn document(&self) -> Option<Value> {
        if self.is_stream() {
            return self.events.iter().rev().find_map(sse::StreamEvent::json);
        }
        self.json()
    }

    /// The error that the answer ends with: of the body, of the only or last object of a list, of the last event of
    /// a stream. Google breaks a stream off with a bare JSON object, which is no event at all.
    #[must_use]
    pub fn error(&self) -> Option<Value> {
        if self.is_stream() {
            let last = self.document();
            return last
                .as_ref()
                .and_then(error_of)
                .or_else(|| error_of(&self.bare_json()?));
        }
        match self.json()? {
            Value::Array(items) => items.last().and_then(error_of),
            body => error_of(&body),
        }
    }

    /// What of a stream's body is no field of an event, if that is JSON.
    fn bare_json(&self) -> Option<Value> {
        let lines = self.body.split(|byte| matches!(byte, b'\n' | b'\r'));
        let is_field = |line: &&[u8]| {
            let fields: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
            fields.iter().any(|field| line.starts_with(field))
        };
        let bare: Vec<&[u8]> = lines
            .filter(|line| !line.is_empty() && !is_field(line))
            .collect();
        parse(&bare.join(&b"\n"[..]))
    }
}

/// What says that something went wrong: `error`, the error of a failed response, or an event that is one itself.
fn error_of(document: &Value) -> Option<Value> {
    let stated = |error: &&Value| !error.is_null();
    let own = document.get("error").filter(stated);
    let of_response = || document.pointer("/response/error").filter(stated);
    if let Some(error) = own.or_else(of_response) {
        return Some(error.clone());
    }
    let is_error = document.get("type").and_then(Value::as_str) == Some("error");
    is_error.then(|| document.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::End;
    use serde_json::json;

    fn received(content_type: &str, body: &str) -> Received {
        let mut reader = sse::Reader::default();
        let events = if content_type == "text/event-stream" {
            reader.push(body.as_bytes()).unwrap()
        } else {
            Vec::new()
        };
        Received {
            status: 200,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.to_owned().into(),
            end: End::Whole,
            events,
        }
    }

    #[test]
    fn errors_in_every_frame() {
        for (content_type, body) in [
            ("application/json", r#"{"error":{"code":4}}"#),
            (
                "application/json",
                r#"[{"candidates":[]},{"error":{"code":4}}]"#,
            ),
            (
                "text/event-stream",
                "data: {}\n\nevent: error\ndata: {\"error\":{\"code\":4}}\n\n",
            ),
            (
                "text/event-stream",
                "data: {}\r\n\r\n{\n  \"error\": {\n    \"code\": 4\n  }\n}\n",
            ),
            (
                "text/event-stream",
                r#"data: {"response":{"error":{"code":4}}}"#,
            ),
        ] {
            let body = if body.starts_with("data: {\"r") {
                format!("{body}\n\n")
            } else {
                body.to_owned()
            };
            let error = received(content_type, &body).error();
            assert_eq!(error, Some(json!({ "code": 4 })), "{body}");
        }
        for body in [r#"{"error":null}"#, "[]", "no JSON"] {
            assert_eq!(received("application/json", body).error(), None, "{body}");
        }
    }
}

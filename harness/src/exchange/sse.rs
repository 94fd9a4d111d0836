//! Reads server-sent events as the WHATWG says, and keeps what a client's library would hide.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>

use serde_json::Value;

use crate::exchange::parse;

/// An event of more bytes than this is not kept: the stream is then cut.
const LONGEST_EVENT: usize = 64 << 20;

/// The kind of Google's chunks: the message that each is, after which the API names it.
pub const GENERATE_CONTENT: &str = "GenerateContentResponse";
/// The kind of the chunks of a chat.
pub const CHAT_CHUNK: &str = "chat.completion.chunk";

/// One dispatched event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamEvent {
    /// The last `event:` field, none if there was no such line.
    pub name: Option<String>,
    /// The `data:` fields, joined with line feeds.
    pub data: String,
}

impl StreamEvent {
    /// The data as JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        parse(self.data.as_bytes())
    }

    /// What kind of event it is.
    #[must_use]
    pub fn kind(&self) -> String {
        kind(self.name.as_deref(), &self.json().unwrap_or_default())
    }

    /// Whether it is the `[DONE]` that chat streams end with.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.data.trim() == "[DONE]"
    }
}

/// What kind of event it is: the `type` of its data, else its name. Data without either say it, too: an error
/// object, the `object` of a chat chunk, the members of Google's message.
pub(super) fn kind(name: Option<&str>, data: &Value) -> String {
    let text = |member: &str| data.get(member).and_then(Value::as_str);
    let has = |member: &str| data.get(member).is_some();
    let has_error = data.get("error").is_some_and(Value::is_object);
    let is_content = || has("candidates") || has("promptFeedback") || has("usageMetadata");
    let stated = text("type").or(name);
    let shown = || has_error.then_some("error").or_else(|| text("object"));
    let kind = stated.or_else(shown);
    let kind = kind.or_else(|| is_content().then_some(GENERATE_CONTENT));
    kind.unwrap_or_default().to_owned()
}

/// Takes the bytes of a stream in any pieces and gives its events.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    after_cr: bool,
    begun: bool,
    name: Option<String>,
    data: Option<String>,
}

impl Reader {
    /// Takes some bytes; gives the events that they complete.
    ///
    /// # Errors
    /// An event is longer than any image can be.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<StreamEvent>, String> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(rest);
                break;
            };
            self.line.extend_from_slice(&rest[..at]);
            self.after_cr = rest[at] == b'\r';
            rest = &rest[at + 1..];
            let line = std::mem::take(&mut self.line);
            events.extend(self.end_line(&line));
        }
        let held = self.line.len() + self.data.as_ref().map_or(0, String::len);
        if held > LONGEST_EVENT {
            return Err(format!("an event of more than {LONGEST_EVENT} bytes"));
        }
        Ok(events)
    }

    /// Whether the bytes so far end inside an event, which a client then never sees.
    #[must_use]
    pub fn has_rest(&self) -> bool {
        !self.line.is_empty() || self.data.is_some()
    }

    fn end_line(&mut self, line: &[u8]) -> Option<StreamEvent> {
        let line = if std::mem::replace(&mut self.begun, true) {
            line
        } else {
            line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
        };
        if line.is_empty() {
            return self.dispatch();
        }
        let text = String::from_utf8_lossy(line);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.name = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // Comments, `id`, `retry` and unknown fields are legal and mean nothing here.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<StreamEvent> {
        let name = self.name.take();
        let data = self.data.take()?;
        Some(StreamEvent { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<(Option<String>, String)>, bool) {
        let mut reader = Reader::default();
        let events = pieces.iter().flat_map(|piece| reader.push(piece).unwrap());
        let events = events.map(|event| (event.name, event.data)).collect();
        (events, reader.has_rest())
    }

    #[test]
    fn line_ends_comments_and_pieces_do_not_matter() {
        let text =
            "\u{feff}: hello\r\nevent: a\r\ndata: {\"x\":\ndata:1}\r\rdata: last\n\n".as_bytes();
        let wanted = (
            vec![
                (Some("a".to_owned()), "{\"x\":\n1}".to_owned()),
                (None, "last".to_owned()),
            ],
            false,
        );
        assert_eq!(read(&[text]), wanted);
        for at in 0..text.len() {
            assert_eq!(read(&[&text[..at], &text[at..]]), wanted, "split at {at}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(read(&bytes), wanted);
    }

    #[test]
    fn events_without_a_type_have_a_kind() {
        let kind = |data: &str| {
            let data = data.to_owned();
            StreamEvent { name: None, data }.kind()
        };
        assert_eq!(kind(r#"{"object":"chat.completion.chunk"}"#), CHAT_CHUNK);
        assert_eq!(kind(r#"{"candidates":[]}"#), GENERATE_CONTENT);
        assert_eq!(kind(r#"{"object":"x","error":{}}"#), "error");
        assert_eq!(kind("[DONE]"), "");
    }

    #[test]
    fn an_event_without_its_blank_line_is_a_rest() {
        assert_eq!(read(&[b"data: x\n"]), (vec![], true));
        assert_eq!(read(&[b"event: x\n\n"]), (vec![], false));
    }
}

//! Streams, read by the framing of the provider.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// One event of a stream: the name on its `event:` line and its data.
pub(crate) type Event = (String, Value);

/// Reads a whole stream by the framing of the provider, byte by byte the same.
pub(crate) fn events(mut text: &str) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some((frame, rest)) = text.split_once("\n\n") {
        events.push(event(frame));
        text = rest;
    }
    assert_eq!(text, "", "behind the last event");
    events
}

fn event(frame: &str) -> Event {
    let (name, data) = frame.split_once('\n').unwrap();
    let name = name.strip_prefix("event: ").unwrap();
    let data = data.strip_prefix("data: ").unwrap();
    (name.to_owned(), serde_json::from_str(data).unwrap())
}

/// Reads a stream event by event, as they come.
pub(crate) struct EventReader {
    response: Response,
    text: String,
}

impl EventReader {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        Self {
            response,
            text: String::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (event(frame), rest.to_owned());
                self.text = rest;
                return Some(frame);
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Whether nothing more has come.
    pub(crate) fn is_drained(&self) -> bool {
        self.text.is_empty()
    }
}

//! Writes server-sent events as OpenAI frames them.

use bytes::Bytes;

/// One frame: `event:` line, one `data:` line, blank line. The data must not hold a line break; it is taken in
/// pieces so that cached base64 is not copied.
#[must_use]
pub fn event(name: &str, data: Vec<Bytes>) -> Vec<Bytes> {
    let mut frame = vec![Bytes::from(format!("event: {name}\ndata: "))];
    frame.extend(data);
    frame.push(Bytes::from_static(b"\n\n"));
    frame
}

/// One frame without an event line, as chat completions send it.
#[must_use]
pub fn data(data: Vec<Bytes>) -> Vec<Bytes> {
    let mut frame = vec![Bytes::from_static(b"data: ")];
    frame.extend(data);
    frame.push(Bytes::from_static(b"\n\n"));
    frame
}

//! Server-sent events, as the WHATWG HTML standard defines them: cutting a stream into events, whatever its line ends
//! and however it is split into pieces, and reading one. The bytes of an event are kept, so that it can be passed on
//! as it came.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

/// Cuts a stream into events.
#[derive(Debug)]
pub(crate) struct Splitter {
    buffer: BytesMut,
    limit: usize,
    /// So much of the buffer has been looked at.
    scanned: usize,
    /// Nothing has come on the current line yet.
    at_line_start: bool,
    /// The last line ended with a carriage return, so a line feed that follows belongs to it.
    after_return: bool,
}

/// An event is larger than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Splitter {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
            scanned: 0,
            at_line_start: true,
            after_return: false,
        }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next complete event with the blank line that ends it.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, TooLarge> {
        while let Some(offset) = self.buffer[self.scanned..]
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'))
        {
            if offset > 0 {
                self.at_line_start = false;
                self.after_return = false;
            }
            let is_return = self.buffer[self.scanned + offset] == b'\r';
            self.scanned += offset + 1;
            let second_half = self.after_return && !is_return;
            self.after_return = is_return;
            if second_half {
                continue;
            }
            if !self.at_line_start {
                self.at_line_start = true;
                continue;
            }
            if is_return && self.buffer.get(self.scanned) == Some(&b'\n') {
                self.scanned += 1;
                self.after_return = false;
            }
            let event = self.buffer.split_to(self.scanned).freeze();
            self.scanned = 0;
            return if event.len() > self.limit {
                Err(TooLarge)
            } else {
                Ok(Some(event))
            };
        }
        if self.scanned < self.buffer.len() {
            self.scanned = self.buffer.len();
            self.at_line_start = false;
            self.after_return = false;
        }
        if self.buffer.len() > self.limit {
            return Err(TooLarge);
        }
        Ok(None)
    }

    /// What came after the last complete event.
    pub(crate) fn rest(&mut self) -> Bytes {
        self.scanned = 0;
        self.buffer.split().freeze()
    }
}

/// The fields of one event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    pub(crate) name: Option<&'a str>,
    /// The lines of data; borrowed from the event's bytes if there is only one.
    pub(crate) data: Option<Cow<'a, str>>,
}

impl<'a> Event<'a> {
    /// Reads the bytes of one event; `None` if they are not UTF-8.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut event = Self::default();
        for line in text.split(['\n', '\r']) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => event.name = Some(value),
                "data" => {
                    event.data = Some(match event.data.take() {
                        None => Cow::Borrowed(value),
                        Some(before) => Cow::Owned(format!("{before}\n{value}")),
                    });
                }
                _ => {}
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(stream: &[u8], piece: usize) -> (Vec<String>, String) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut splitter = Splitter::new(1024);
        let mut events = Vec::new();
        for piece in stream.chunks(piece) {
            splitter.push(piece);
            while let Some(event) = splitter.next().unwrap() {
                events.push(text(&event));
            }
        }
        let rest = text(&splitter.rest());
        (events, rest)
    }

    #[test]
    fn events_end_at_blank_lines_of_any_kind() {
        for end in ["\n", "\r\n", "\r"] {
            let first = format!("event: a{end}data: 1{end}{end}");
            let second = format!(": comment{end}data: 2{end}{end}");
            let stream = format!("{first}{second}data: cut{end}");
            for size in [1, 2, 3, 5, 1000] {
                let (events, rest) = split(stream.as_bytes(), size);
                assert_eq!(events.len(), 2, "{end:?} in pieces of {size}");
                assert_eq!(
                    events.concat() + &rest,
                    stream,
                    "{end:?} in pieces of {size}"
                );
                let parsed: Vec<_> = events
                    .iter()
                    .map(|event| Event::parse(event.as_bytes()).unwrap().data)
                    .collect();
                assert_eq!(parsed, [Some("1".into()), Some("2".into())]);
            }
        }
    }

    #[test]
    fn an_event_is_complete_before_the_second_half_of_its_line_end() {
        let mut splitter = Splitter::new(1024);
        splitter.push(b"data: 1\r\n\r");
        assert_eq!(splitter.next().unwrap().unwrap(), "data: 1\r\n\r");
        splitter.push(b"\ndata: 2\r\n\r\n");
        assert_eq!(splitter.next().unwrap().unwrap(), "\ndata: 2\r\n\r\n");
        assert_eq!(splitter.next(), Ok(None));
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut splitter = Splitter::new(16);
        splitter.push(b"data: 0123456789");
        assert_eq!(splitter.next(), Ok(None));
        splitter.push(b"0");
        assert_eq!(splitter.next(), Err(TooLarge));
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        let event =
            Event::parse(b"\xef\xbb\xbfevent:a\ndata:  x\ndata\nid: 7\ndata: y\n\n").unwrap();
        assert_eq!(event.name, Some("a"));
        assert_eq!(event.data.as_deref(), Some(" x\n\ny"));
        assert_eq!(Event::parse(b": ping\n\n"), Some(Event::default()));
        assert_eq!(Event::parse(b"data: \xff\n\n"), None);
    }
}

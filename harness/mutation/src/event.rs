//! The events of a stream, and what becomes of them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use crate::message::Around;
use crate::mutation::Armed;
use crate::op::hook::Hook;
use crate::op::{EventChange, EventHow, Op};

/// One event: server-sent, or an element of the list that Google streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    frame: Frame,
    data: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Frame {
    /// Between what stands before and after the element.
    Element(String, String),
    /// With its name, if it has one.
    Sent(Option<String>),
}

impl Event {
    /// Reads the bytes of one event.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let is_sent = |line: &str| line.starts_with("data") || line.starts_with("event");
        if !text.lines().any(is_sent) {
            let begin = text.find('{').unwrap_or_default();
            let end = text.rfind('}').map_or(begin, |at| at + 1);
            let frame = Frame::Element(text[..begin].to_owned(), text[end..].to_owned());
            let data = text[begin..end].to_owned();
            return Self { frame, data };
        }
        let field = |wanted: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            let named = lines.filter(|(name, _)| *name == wanted);
            named
                .map(|(_, value)| value.strip_prefix(' ').unwrap_or(value).to_owned())
                .collect()
        };
        Self {
            frame: Frame::Sent(field("event").pop()),
            data: field("data").join("\n"),
        }
    }

    /// What it is called: by its line, else by its data; `[DONE]` is called so.
    #[must_use]
    pub fn kind(&self) -> String {
        if let Frame::Sent(Some(name)) = &self.frame {
            return name.clone();
        }
        if self.data == "[DONE]" {
            return self.data.clone();
        }
        let json = self.json().unwrap_or_default();
        let named = json.get("type").or_else(|| json.get("object"));
        named.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// As it is sent.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match &self.frame {
            Frame::Element(before, after) => format!("{before}{}{after}", self.data).into(),
            Frame::Sent(name) => {
                let name = name.iter().map(|name| format!("event: {name}\n"));
                let data = self.data.split('\n').map(|line| format!("data: {line}\n"));
                let lines: String = name.chain(data).collect();
                format!("{lines}\n").into()
            }
        }
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.data).ok()
    }

    fn change(&mut self, change: impl FnOnce(&mut Value)) {
        if let Some(mut json) = self.json() {
            change(&mut json);
            self.data = json.to_string();
        }
    }

    fn rename(&mut self, name: &str) {
        self.change(|json| {
            if let Some(kind) = json.get_mut("type") {
                *kind = name.into();
            }
        });
        if let Frame::Sent(Some(line)) = &mut self.frame {
            name.clone_into(line);
        }
    }

    fn append(&mut self, next: &Self) {
        self.data.push('\n');
        self.data.push_str(&next.data);
    }
}

/// Changes a stream while it passes. Nothing is held back that can be decided at once.
#[derive(Debug)]
pub struct Rewriter {
    mutants: Vec<Arc<Armed>>,
    asked: Option<Value>,
    head: (String, Option<u16>),
    unread: BytesMut,
    number: usize,
    /// An event whose fate depends on the next one.
    kept: Option<Event>,
    /// An event that is sent after the next one, or is one with it.
    waiting: Option<(Event, bool)>,
    ended: bool,
}

impl Rewriter {
    pub(crate) fn new(
        mutants: Vec<Arc<Armed>>,
        path: &str,
        status: Option<u16>,
        around: &Around<'_>,
    ) -> Self {
        Self {
            mutants,
            asked: around.asked.cloned(),
            head: (path.to_owned(), status),
            unread: BytesMut::new(),
            number: 0,
            kept: None,
            waiting: None,
            ended: false,
        }
    }

    /// Takes what came; gives what is sent.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Bytes> {
        self.unread.extend_from_slice(piece);
        let mut out = Vec::new();
        while let Some(end) = end_of_event(&self.unread) {
            let event = self.unread.split_to(end);
            self.event(Event::read(&event), &mut out);
        }
        out
    }

    /// Takes one event, whole; gives what is sent.
    pub fn frame(&mut self, frame: &[u8]) -> Vec<Bytes> {
        let mut out = Vec::new();
        self.event(Event::read(frame), &mut out);
        out
    }

    /// Nothing more comes; gives what is sent at the end.
    pub fn end(&mut self) -> Vec<Bytes> {
        let mut out = Vec::new();
        if let Some(last) = self.kept.take() {
            self.decided(last, true, &mut out);
        }
        out.extend(self.waiting.take().map(|(event, _)| event.bytes()));
        let rest = self.unread.split().freeze();
        out.extend((!rest.is_empty() && !self.ended).then_some(rest));
        out
    }

    /// Whether nothing more is sent, whatever comes.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended
    }

    fn event(&mut self, event: Event, out: &mut Vec<Bytes>) {
        let looks_ahead = self.mutants.iter().any(|armed| match &armed.mutant.op {
            Op::Event(change) => change.looks_ahead(),
            Op::Hook(hook) => *hook == Hook::DropTail,
            _ => false,
        });
        let due = if looks_ahead {
            self.kept.replace(event)
        } else {
            Some(event)
        };
        if let Some(due) = due {
            self.decided(due, false, out);
        }
    }

    fn decided(&mut self, mut event: Event, is_last: bool, out: &mut Vec<Bytes>) {
        if self.ended {
            return;
        }
        let number = self.number;
        self.number += 1;
        let mut sent = Sent::default();
        for armed in self.mutants.clone() {
            if self.acts(&armed, &event) {
                change(&armed.mutant.op, &mut event, number, is_last, &mut sent);
            }
        }
        self.ended |= sent.cut;
        if sent.cut || sent.dropped {
            return;
        }
        if let Some(merged) = sent.waits {
            self.waiting = Some((event, merged));
            return;
        }
        match self.waiting.take() {
            Some((mut before, true)) => {
                before.append(&event);
                out.push(before.bytes());
            }
            Some((before, false)) => out.extend([event.bytes(), before.bytes()]),
            None => out.extend(std::iter::repeat_n(
                event.bytes(),
                1 + usize::from(sent.again),
            )),
        }
        out.extend(sent.after);
    }

    fn acts(&self, armed: &Armed, event: &Event) -> bool {
        let around = Around {
            asked: self.asked.as_ref(),
            other: None,
        };
        let when = &armed.mutant.when;
        when.head(&self.head.0, self.head.1, &around)
            && when.body(|| event.json())
            && armed.is_due()
    }
}

/// What becomes of one event.
#[derive(Debug, Default)]
struct Sent {
    after: Option<Bytes>,
    again: bool,
    cut: bool,
    dropped: bool,
    /// Some: it waits for the next one; true: to be one with it.
    waits: Option<bool>,
}

fn change(op: &Op, event: &mut Event, number: usize, is_last: bool, sent: &mut Sent) {
    match op {
        Op::Json(change) => event.change(|json| change.apply(json)),
        Op::Text(change) => event.change(|json| change.apply(json)),
        Op::Hook(Hook::DropTail) => sent.dropped |= is_last,
        Op::Event(EventChange { at, how }) if at.is(event, number, is_last) => match how {
            EventHow::After(text) => sent.after = Some(text.clone()),
            EventHow::Cut => sent.cut = true,
            EventHow::Drop => sent.dropped = true,
            EventHow::Merge => sent.waits = Some(true),
            EventHow::Rename(name) => event.rename(name),
            EventHow::Repeat => sent.again = true,
            EventHow::Swap => sent.waits = Some(false),
        },
        _ => {}
    }
}

/// Where the first event ends, behind its blank line.
fn end_of_event(bytes: &[u8]) -> Option<usize> {
    let find = |wanted: &[u8]| {
        let found = bytes
            .windows(wanted.len())
            .position(|window| window == wanted);
        found.map(|at| at + wanted.len())
    };
    let ends = [find(b"\n\n"), find(b"\r\n\r\n")];
    ends.into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use crate::{Around, Message, Mutant, Mutation};

    const STREAM: &str = "event: a.partial\ndata: {\"type\":\"a.partial\",\"i\":0}\n\n\
                          event: a.partial\ndata: {\"type\":\"a.partial\",\"i\":1}\n\n\
                          event: a.completed\ndata: {\"type\":\"a.completed\"}\n\n";

    /// The stream as the mutant sends it, one event a line: its name and index.
    fn sent(row: &str) -> String {
        let row =
            format!(r#"{{ "id": "x", "summary": "x", "seam": "event", "kills": ["x"], {row} }}"#);
        let mutation = Mutation::of([serde_json::from_str::<Mutant>(&row).unwrap()]);
        let mut rewriter = mutation
            .rewriter(&Message::default(), &Around::default())
            .unwrap();
        let mut out: Vec<_> = STREAM
            .as_bytes()
            .chunks(7)
            .flat_map(|piece| rewriter.push(piece))
            .collect();
        out.extend(rewriter.end());
        let text = String::from_utf8(out.concat()).unwrap();
        let events = text.split_terminator("\n\n").map(|event| {
            let lines = event.lines().map(|line| line.split_once(": ").unwrap().1);
            lines
                .map(|line| line.replace("\"type\":\"a.partial\",", ""))
                .collect::<Vec<_>>()
                .join(" ")
        });
        events.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_change_does_what_it_says() {
        let (first, second) = (r#"a.partial {"i":0}"#, r#"a.partial {"i":1}"#);
        let last = r#"a.completed {"type":"a.completed"}"#;
        for (row, wanted) in [
            (r#""op": "event.drop", "at": "first""#, vec![second, last]),
            (r#""op": "event.drop", "at": "last""#, vec![first, second]),
            (
                r#""op": "event.repeat", "at": "*.completed""#,
                vec![first, second, last, last],
            ),
            (
                r#""op": "event.swap", "at": "1""#,
                vec![first, last, second],
            ),
            (r#""op": "event.cut", "at": "1""#, vec![first]),
            (r#""op": "hook.drop-tail""#, vec![first, second]),
            (
                r#""op": "json.set", "at": "/i", "value": 7, "when": { "is": { "/i": 1 } }"#,
                vec![first, r#"a.partial {"i":7}"#, last],
            ),
            (
                r#""op": "event.rename", "at": "a.c*", "to": "b""#,
                vec![first, second, r#"b {"type":"b"}"#],
            ),
            (
                r#""op": "event.after", "at": "last", "value": "data: x\n\n""#,
                vec![first, second, last, "x"],
            ),
            (
                r#""op": "event.merge", "at": "first""#,
                vec![r#"a.partial {"i":0} {"i":1}"#, last],
            ),
        ] {
            assert_eq!(sent(row), wanted.join("\n"), "{row}");
        }
    }
}

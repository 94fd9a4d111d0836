//! Changes of the parts of a form.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value};

use crate::message::Message;
use crate::row::{Arguments, RowError};

/// A change of the parts with a name.
#[derive(Clone, Debug)]
pub(crate) struct FormChange {
    at: String,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Drop(Option<usize>),
    Filename(Option<String>),
    Json,
    Rename(String),
    Repeat,
    Reverse,
    Set(String),
    Type(Option<String>),
}

/// A part: the values of its two headers, and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    content: Bytes,
}

impl FormChange {
    pub(crate) fn parse(name: &str, arguments: &mut Arguments) -> Result<Option<Self>, RowError> {
        if name == "json" {
            let (at, how) = (String::new(), How::Json);
            return Ok(Some(Self { at, how }));
        }
        let at = arguments.at()?;
        let how = match name {
            "drop" if arguments.value.is_some() => {
                How::Drop(usize::try_from(arguments.number()?).ok())
            }
            "drop" => How::Drop(None),
            "filename" => How::Filename(arguments.text_or_none()?),
            "rename" => How::Rename(arguments.to()?),
            "repeat" => How::Repeat,
            "reverse" => How::Reverse,
            "set" => How::Set(arguments.text()?),
            "type" => How::Type(arguments.text_or_none()?),
            _ => return Ok(None),
        };
        Ok(Some(Self { at, how }))
    }

    pub(crate) fn apply(&self, message: &mut Message) {
        let Some((boundary, mut parts)) = read(message) else {
            return;
        };
        if matches!(self.how, How::Json) {
            let members = parts.into_iter().map(|part| {
                let text = String::from_utf8_lossy(&part.content).into_owned();
                (part.name, Value::String(text))
            });
            message.body = Value::Object(Map::from_iter(members)).to_string().into();
            let json = HeaderValue::from_static("application/json");
            message.headers.insert(CONTENT_TYPE, json);
            return;
        }
        self.change(&mut parts);
        message.body = written(&boundary, &parts).into();
    }

    fn change(&self, parts: &mut Vec<Part>) {
        let places: Vec<usize> = (0..parts.len())
            .filter(|at| parts[*at].name == self.at)
            .collect();
        match &self.how {
            How::Drop(Some(number)) => {
                if let Some(at) = places.get(*number) {
                    parts.remove(*at);
                }
            }
            How::Drop(None) => parts.retain(|part| part.name != self.at),
            How::Repeat => {
                let again: Vec<Part> = places.iter().map(|at| parts[*at].clone()).collect();
                parts.extend(again);
            }
            How::Reverse => {
                let pairs = places.iter().zip(places.iter().rev());
                for (left, right) in pairs.take(places.len() / 2) {
                    parts.swap(*left, *right);
                }
            }
            how => places.iter().for_each(|at| how.change(&mut parts[*at])),
        }
    }
}

impl How {
    fn change(&self, part: &mut Part) {
        match self {
            Self::Filename(name) => part.filename.clone_from(name),
            Self::Rename(name) => part.name.clone_from(name),
            Self::Set(text) => part.content = text.clone().into(),
            Self::Type(name) => part.content_type.clone_from(name),
            _ => {}
        }
    }
}

/// The boundary and the parts of a form; none of what is no form.
fn read(message: &Message) -> Option<(String, Vec<Part>)> {
    let content_type = message.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let form = content_type.strip_prefix("multipart/form-data")?;
    let (_, boundary) = form.split_once("boundary=")?;
    let boundary = boundary
        .split(';')
        .next()?
        .trim()
        .trim_matches('"')
        .to_owned();
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut at = find(&message.body, delimiter.as_bytes(), 0)? + delimiter.len();
    while message.body[at..].starts_with(b"\r\n") {
        let next = find(&message.body, format!("\r\n{delimiter}").as_bytes(), at)?;
        let head_end = find(&message.body, b"\r\n\r\n", at)?;
        let head = String::from_utf8_lossy(&message.body[at..head_end]).into_owned();
        parts.push(part(
            &head,
            message.body.slice((head_end + 4).min(next)..next),
        ));
        at = next + 2 + delimiter.len();
    }
    Some((boundary, parts))
}

fn part(head: &str, content: Bytes) -> Part {
    let parameter = |name: &str| {
        let (_, rest) = head.split_once(&format!("; {name}=\""))?;
        Some(rest.split('"').next().unwrap_or_default().to_owned())
    };
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut types = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    Part {
        name: parameter("name").unwrap_or_default(),
        filename: parameter("filename"),
        content_type: types.next().map(|(_, value)| value.trim().to_owned()),
        content,
    }
}

fn written(boundary: &str, parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        let mut head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
            part.name
        );
        if let Some(name) = &part.filename {
            head.push_str(&format!("; filename=\"{name}\""));
        }
        if let Some(name) = &part.content_type {
            head.push_str(&format!("\r\nContent-Type: {name}"));
        }
        head.push_str("\r\n\r\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&part.content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

fn find(body: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = body.get(from..)?;
    let found = rest
        .windows(wanted.len())
        .position(|window| window == wanted);
    Some(found? + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        let part = |name: &str, filename: Option<&str>, content: &'static str| Part {
            name: name.to_owned(),
            filename: filename.map(str::to_owned),
            content_type: filename.map(|_| "image/png".to_owned()),
            content: content.into(),
        };
        let parts = vec![
            part("image[]", Some("a.png"), "\r\n--"),
            part("prompt", None, "a fox"),
            part("image[]", Some("b.png"), ""),
        ];
        let mut message = Message {
            body: written("xyz", &parts).into(),
            ..Message::default()
        };
        let content_type = HeaderValue::from_static("multipart/form-data; boundary=xyz");
        message.headers.insert(CONTENT_TYPE, content_type);
        assert_eq!(read(&message).unwrap(), ("xyz".to_owned(), parts));
        let change = FormChange {
            at: "image[]".to_owned(),
            how: How::Reverse,
        };
        change.apply(&mut message);
        let names: Vec<_> = read(&message)
            .unwrap()
            .1
            .into_iter()
            .map(|part| part.filename)
            .collect();
        assert_eq!(
            names,
            [Some("b.png".to_owned()), None, Some("a.png".to_owned())]
        );
    }
}

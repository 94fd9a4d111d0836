//! Forms (`multipart/form-data`, RFC 7578): read part by part, written again with every part as it came. What a part
//! says of itself (file name, type) is passed on byte by byte, so only its name is understood here.

use std::borrow::Cow;
use std::ops::Range;

/// More parts than any edit has: sixteen images, a mask, a dozen parameters.
const MOST_PARTS: usize = 64;
/// More than the headers of a part need.
const LONGEST_HEAD: usize = 16 * 1024;

/// The parts of a form in their order.
#[derive(Debug)]
pub(crate) struct Form<'a> {
    parts: Vec<Part<'a>>,
}

#[derive(Debug)]
struct Part<'a> {
    name: String,
    /// The header lines with the blank line after them; the line end of the delimiter is not part of it.
    head: Cow<'a, [u8]>,
    body: Cow<'a, [u8]>,
}

/// What is wrong with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    #[error("multipart boundary is required")]
    NoBoundary,
    #[error("read multipart body: it does not end with its closing boundary")]
    Cut,
    #[error("read multipart body: a part has no name")]
    Nameless,
    #[error("read multipart body: it has too many parts, or a part with too long a head")]
    TooMuch,
}

impl<'a> Form<'a> {
    /// Reads a whole body.
    pub(crate) fn parse(content_type: &str, body: &'a [u8]) -> Result<Self, FormError> {
        let boundary = parameter(content_type, "boundary").filter(|text| !text.is_empty());
        let delimiter = format!("--{}", boundary.ok_or(FormError::NoBoundary)?);
        let mut parts = Vec::new();
        // The first delimiter stands at the very beginning or on a line of its own; what is before it is not looked at.
        let mut at = first(body, delimiter.as_bytes()).ok_or(FormError::Cut)?;
        let between = format!("\r\n{delimiter}");
        loop {
            let rest = &body[at..];
            if rest.starts_with(b"--") {
                return Ok(Self { parts });
            }
            // White space may stand behind a delimiter (RFC 2046, section 5.1.1).
            let line = find(rest, b"\r\n").ok_or(FormError::Cut)?;
            // The blank line may follow at once: a part without a head.
            let head_from = at + line + 2;
            let head_to = match find(&body[at + line..], b"\r\n\r\n") {
                Some(length) => at + line + length + 4,
                None => return Err(FormError::Cut),
            };
            let length = find(&body[head_to - 2..], between.as_bytes()).ok_or(FormError::Cut)?;
            let body_range = head_to..(head_to - 2 + length).max(head_to);
            let part = part(body, head_from..head_to, body_range)?;
            parts.push(part);
            if parts.len() > MOST_PARTS || head_to - head_from > LONGEST_HEAD {
                return Err(FormError::TooMuch);
            }
            at = head_to - 2 + length + between.len();
        }
    }

    /// The text of the last part of a name: as in JSON, the last one counts.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let part = self.parts.iter().rfind(|part| part.name == name)?;
        Some(String::from_utf8_lossy(&part.body))
    }

    /// Whether a part has one of these names.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.parts
            .iter()
            .any(|part| names.contains(&part.name.as_str()))
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.parts.retain(|part| part.name != name);
    }

    /// Puts `value` where the first part of that name is, or at the end; further ones go.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let place = self.parts.iter().position(|part| part.name == name);
        self.remove(name);
        let place = place.unwrap_or(self.parts.len()).min(self.parts.len());
        let head = format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        let part = Part {
            name: name.to_owned(),
            head: Cow::Owned(head.into_bytes()),
            body: Cow::Owned(value.as_bytes().to_vec()),
        };
        self.parts.insert(place, part);
    }

    /// The form with another boundary.
    pub(crate) fn write(&self, boundary: &str) -> Vec<u8> {
        let length = |part: &Part<'_>| part.head.len() + part.body.len() + boundary.len() + 6;
        let mut body = Vec::with_capacity(self.parts.iter().map(length).sum::<usize>() + 80);
        for part in &self.parts {
            body.extend_from_slice(b"--");
            body.extend_from_slice(boundary.as_bytes());
            body.extend_from_slice(b"\r\n");
            body.extend_from_slice(&part.head);
            body.extend_from_slice(&part.body);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--");
        body.extend_from_slice(boundary.as_bytes());
        body.extend_from_slice(b"--\r\n");
        body
    }
}

fn part(body: &[u8], head: Range<usize>, range: Range<usize>) -> Result<Part<'_>, FormError> {
    let lines = String::from_utf8_lossy(&body[head.clone()]);
    let name = lines.split("\r\n").find_map(|line| {
        let (field, value) = line.split_once(':')?;
        let is_disposition = field.trim().eq_ignore_ascii_case("content-disposition");
        is_disposition.then(|| parameter(value, "name")).flatten()
    });
    Ok(Part {
        name: name.ok_or(FormError::Nameless)?,
        head: Cow::Borrowed(&body[head]),
        body: Cow::Borrowed(&body[range]),
    })
}

/// A parameter of a header's value, with or without quotes. In quotes a semicolon is text, and browsers escape a quote
/// as `%22`, others as `\"`.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (text, next) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (text, next) = after.split_once(';').unwrap_or((after, ""));
                (text.trim().to_owned(), next)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = next.trim_start().trim_start_matches(';');
    }
}

/// A quoted text to its closing quote, and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((found, &text[at + 1..])),
            '\\' => found.push(characters.next()?.1),
            other => found.push(other),
        }
    }
    None
}

fn first(body: &[u8], delimiter: &[u8]) -> Option<usize> {
    if body.starts_with(delimiter) {
        return Some(delimiter.len());
    }
    let line = [b"\r\n", delimiter].concat();
    find(body, &line).map(|at| at + line.len())
}

fn find(body: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(body, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; charset=utf-8; boundary=\"a b\"";

    fn body(parts: &[&str]) -> String {
        let parts: String = parts
            .iter()
            .map(|part| format!("--a b\r\n{part}\r\n"))
            .collect();
        format!("preamble\r\n{parts}--a b--\r\nepilogue")
    }

    #[test]
    fn every_part_is_written_as_it_came() {
        let text = body(&[
            "content-disposition: form-data; name=prompt\r\n\r\na \r\n--a fox",
            "Content-Disposition: form-data; filename=\"x;name=\\\"y.png\"; name=\"image[]\"\r\nContent-Type: image/png\r\n\r\n\u{89}PNG\r\n",
            "Content-Disposition: form-data; name=\"empty\"\r\n\r\n",
        ]);
        let mut form = Form::parse(TYPE, text.as_bytes()).unwrap();
        assert_eq!(form.text("prompt").unwrap(), "a \r\n--a fox");
        assert_eq!(form.text("empty").unwrap(), "");
        assert!(form.has(&["image", "image[]"]) && !form.has(&["y.png"]));
        let written = String::from_utf8(form.write("a b")).unwrap();
        assert_eq!(format!("preamble\r\n{written}epilogue"), text);

        form.set("prompt", "a cat");
        form.set("model", "m");
        form.remove("empty");
        let written = String::from_utf8(form.write("B")).unwrap();
        let names = written.matches("; name=").count();
        assert!(written.starts_with(
            "--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n--B\r\n"
        ));
        assert_eq!(names, 3, "{written}");
    }

    #[test]
    fn of_a_repeated_name_the_last_counts_and_one_stays() {
        let part =
            |value: &str| format!("Content-Disposition: form-data; name=\"model\"\r\n\r\n{value}");
        let text = body(&[&part("one"), &part("two")]);
        let mut form = Form::parse(TYPE, text.as_bytes()).unwrap();
        assert_eq!(form.text("model").unwrap(), "two");
        form.set("model", "three");
        let written = String::from_utf8(form.write("B")).unwrap();
        assert_eq!(written.matches("name=\"model\"").count(), 1, "{written}");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let whole = body(&["Content-Disposition: form-data; name=\"a\"\r\n\r\nx"]);
        for (content_type, text, expected) in [
            ("multipart/form-data", whole.as_str(), FormError::NoBoundary),
            (
                "multipart/form-data; boundary=",
                &whole,
                FormError::NoBoundary,
            ),
            (TYPE, "", FormError::Cut),
            (TYPE, &whole[..whole.len() - 15], FormError::Cut),
            (
                TYPE,
                "--a b\r\nx: y\r\n\r\nz\r\n--a b--",
                FormError::Nameless,
            ),
        ] {
            let error = Form::parse(content_type, text.as_bytes()).unwrap_err();
            assert_eq!(error, expected, "{text}");
        }
        let many = vec!["Content-Disposition: form-data; name=\"a\"\r\n\r\nx"; 65];
        let error = Form::parse(TYPE, body(&many).as_bytes()).unwrap_err();
        assert_eq!(error, FormError::TooMuch);
    }
}

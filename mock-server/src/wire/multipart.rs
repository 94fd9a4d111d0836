//! Reads `multipart/form-data` bodies (RFC 7578) as clients really send them: any order of fields, files without
//! a content type, quoted and escaped names, a preamble, no line break behind the last boundary.
//!
//! Contents are slices of the body, nothing is copied. What a part means is not decided here.

use bytes::Bytes;

/// A form has at most so many parts.
const MOST_PARTS: usize = 256;
/// The headers of a part have at most so many bytes.
const LONGEST_HEAD: usize = 8 << 10;
/// RFC 2046 allows 70 characters; some clients write more.
const LONGEST_BOUNDARY: usize = 200;

/// One part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The name of the field.
    pub name: String,
    /// The file name, none for a plain field.
    pub filename: Option<String>,
    /// The declared media type, as written.
    pub content_type: Option<String>,
    /// The content.
    pub content: Bytes,
}

/// A body is not a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The content type names no boundary.
    #[error("the content type has no boundary")]
    NoBoundary,
    /// A part has no name.
    #[error("a part has no name")]
    NoName,
    /// There are more parts than are read.
    #[error("more than {MOST_PARTS} parts")]
    TooManyParts,
    /// The headers of a part do not end.
    #[error("the headers of a part do not end")]
    UnfinishedHead,
    /// The closing boundary is missing.
    #[error("the closing boundary is missing")]
    Unfinished,
}

/// The parts of a form, in order.
///
/// # Errors
/// The body is not a form with the boundary that the content type names.
pub fn parts(content_type: &str, body: &Bytes) -> Result<Vec<Part>, FormError> {
    let boundary = parameter(content_type, "boundary").filter(|text| !text.is_empty());
    let boundary = boundary.filter(|text| text.len() <= LONGEST_BOUNDARY);
    let boundary = boundary.ok_or(FormError::NoBoundary)?;
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter may stand at the very beginning, without its line break.
    let first = body.starts_with(&delimiter.as_bytes()[2..]);
    let first = first.then(|| after_delimiter(body, delimiter.len() - 2));
    let mut line = match first.flatten() {
        Some(line) => line,
        None => {
            next_delimiter(body, 0, &delimiter)
                .ok_or(FormError::Unfinished)?
                .1
        }
    };
    let mut parts = Vec::new();
    while let Line::Part(start) = line {
        if parts.len() == MOST_PARTS {
            return Err(FormError::TooManyParts);
        }
        // A part without headers begins with the empty line itself; it has no name.
        let content = head_end(body, start).ok_or(FormError::UnfinishedHead)?;
        let (end, next) =
            next_delimiter(body, content - 2, &delimiter).ok_or(FormError::Unfinished)?;
        let content = body.slice(content.min(end)..end);
        parts.push(part(&body[start..], content)?);
        line = next;
    }
    Ok(parts)
}

/// What comes behind a delimiter.
#[derive(Clone, Copy)]
enum Line {
    /// Nothing more.
    Closing,
    /// A part that begins there.
    Part(usize),
}

/// The next delimiter: where it begins and what comes behind it.
fn next_delimiter(body: &[u8], mut from: usize, delimiter: &str) -> Option<(usize, Line)> {
    loop {
        from += body.get(from..)?.iter().position(|byte| *byte == b'\r')?;
        if body[from..].starts_with(delimiter.as_bytes())
            && let Some(line) = after_delimiter(body, from + delimiter.len())
        {
            return Some((from, line));
        }
        from += 1;
    }
}

/// What comes behind a delimiter that ends at `at`; none where it is but the beginning of another text.
fn after_delimiter(body: &[u8], at: usize) -> Option<Line> {
    let rest = body.get(at..)?;
    if rest.starts_with(b"--") {
        return Some(Line::Closing);
    }
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    let blanks = blanks.count();
    rest[blanks..]
        .starts_with(b"\r\n")
        .then_some(Line::Part(at + blanks + 2))
}

/// Where the content behind a part's headers begins.
fn head_end(body: &[u8], start: usize) -> Option<usize> {
    let rest = body.get(start..)?;
    if rest.starts_with(b"\r\n") {
        return Some(start + 2);
    }
    let rest = &rest[..rest.len().min(LONGEST_HEAD)];
    let end = rest.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(start + end + 4)
}

fn part(head: &[u8], content: Bytes) -> Result<Part, FormError> {
    let end = head.windows(4).position(|window| window == b"\r\n\r\n");
    let head = String::from_utf8_lossy(&head[..end.unwrap_or_default()]).into_owned();
    let header = |wanted: &str| {
        head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| value.trim())
        })
    };
    let disposition = header("content-disposition").ok_or(FormError::NoName)?;
    Ok(Part {
        name: parameter(disposition, "name").ok_or(FormError::NoName)?,
        filename: parameter(disposition, "filename"),
        content_type: header("content-type").map(str::to_owned),
        content,
    })
}

/// A parameter of a header value: `name=token` or `name="quoted"`, with `\"` and `%22` for a quote inside.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (text, behind) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (text, behind) = after.split_once(';').unwrap_or((after, ""));
                (text.trim().to_owned(), behind)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = behind.trim_start().trim_start_matches(';');
    }
}

/// The text of a quoted string and what comes behind its closing quote. A backslash escapes only quotes and
/// itself: old browsers wrote whole Windows paths.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut letters = quoted.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((text.replace("%22", "\""), &quoted[at + 1..])),
            '\\' => match letters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => text.push(escaped),
                None => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=XX";

    fn field(name: &str, content: &[u8]) -> Part {
        Part {
            name: name.to_owned(),
            filename: None,
            content_type: None,
            content: Bytes::copy_from_slice(content),
        }
    }

    fn written(parts: &[Part]) -> Vec<u8> {
        let mut body = Vec::new();
        for part in parts {
            body.extend(b"--XX\r\nContent-Disposition: form-data; name=\"");
            body.extend(part.name.replace('"', "\\\"").into_bytes());
            body.push(b'"');
            if let Some(name) = &part.filename {
                body.extend(format!("; filename=\"{name}\"").into_bytes());
            }
            if let Some(kind) = &part.content_type {
                body.extend(format!("\r\nContent-Type: {kind}").into_bytes());
            }
            body.extend(b"\r\n\r\n");
            body.extend(&part.content);
            body.extend(b"\r\n");
        }
        body.extend(b"--XX--\r\n");
        body
    }

    fn samples() -> Vec<Part> {
        let mut file = field("image[]", b"\x89PNG\r\n--X\r\n--XXY\r\n\r\n\0");
        file.filename = Some("a;b=c.png".into());
        file.content_type = Some("image/png".into());
        let mut blob = field("mask", b"\r\n");
        blob.filename = Some("blob".into());
        vec![
            field("prompt", b""),
            file,
            field("a \"quoted\" name", "é".as_bytes()),
            blob,
            field("n", b"2"),
            field("n", b"3"),
        ]
    }

    fn read(body: &[u8]) -> Result<Vec<Part>, FormError> {
        parts(TYPE, &Bytes::copy_from_slice(body))
    }

    #[test]
    fn what_was_written_is_read() {
        let samples = samples();
        assert_eq!(read(&written(&samples)).unwrap(), samples);
        for first in 0..samples.len() {
            let mut rotated = samples.clone();
            rotated.rotate_left(first);
            assert_eq!(read(&written(&rotated)).unwrap(), rotated);
        }
        assert_eq!(read(&written(&[])).unwrap(), []);
    }

    #[test]
    fn a_preamble_an_epilogue_and_a_missing_line_break_are_fine() {
        let whole = written(&samples());
        let preamble = [b"hello\r\n", &whole[..]].concat();
        assert_eq!(read(&preamble).unwrap(), samples());
        assert_eq!(read(&whole[..whole.len() - 2]).unwrap(), samples());
        let epilogue = [&whole[..], b"bye"].concat();
        assert_eq!(read(&epilogue).unwrap(), samples());
    }

    #[test]
    fn a_cut_body_is_an_error_at_every_position() {
        let whole = written(&samples());
        for end in 0..whole.len() - 2 {
            assert!(read(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn any_content_survives_between_delimiters() {
        let pieces: [&[u8]; 6] = [b"\r", b"\n", b"--", b"XX", b"\r\n", b"a"];
        for number in 0..6_usize.pow(4) {
            let content: Vec<u8> = (0..4)
                .flat_map(|place| pieces[number / 6_usize.pow(place) % 6])
                .copied()
                .collect();
            let sample = [field("a", &content), field("b", b"c")];
            // The line break behind the headers may begin a delimiter.
            let text = [b"\r\n", &content[..], b"\r\n"].concat();
            let closes = text
                .windows(8)
                .any(|window| window == b"\r\n--XX\r\n" || window == b"\r\n--XX--");
            let found = read(&written(&sample));
            assert!(closes || found.unwrap() == sample, "{content:?}");
        }
    }

    #[test]
    fn wrong_bytes_anywhere_do_no_harm() {
        let whole = written(&samples());
        for at in 0..whole.len() {
            for byte in [0, b'\r', b'"', b'-', 0xff] {
                let mut wrong = whole.clone();
                wrong[at] = byte;
                let _ = read(&wrong);
            }
        }
    }

    #[test]
    fn boundaries_and_bounds() {
        let body = Bytes::from(written(&samples()));
        for kind in [
            "multipart/form-data; Boundary=\"XX\"",
            "x; a=\"b;\"; boundary=XX",
        ] {
            assert_eq!(parts(kind, &body).unwrap().len(), 6, "{kind}");
        }
        for kind in ["multipart/form-data", "x; boundary=", "x; boundary=\"XX"] {
            assert_eq!(parts(kind, &body), Err(FormError::NoBoundary), "{kind}");
        }
        let many = vec![field("a", b""); MOST_PARTS + 1];
        assert_eq!(read(&written(&many)), Err(FormError::TooManyParts));
        let nameless = b"--XX\r\n\r\ntext\r\n--XX--";
        assert_eq!(read(nameless), Err(FormError::NoName));
        let long = [
            b"--XX\r\na: ",
            &[b'a'; LONGEST_HEAD][..],
            b"\r\n\r\n\r\n--XX--",
        ]
        .concat();
        assert_eq!(read(&long), Err(FormError::UnfinishedHead));
    }
}

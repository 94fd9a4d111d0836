//! The reader of forms: what any client wrote is read as it was meant, and damage is an error or another form, never
//! a panic.

use bytes::Bytes;
use mock_server::wire::multipart::{Part, parts};
use proptest::prelude::*;
use proptest::sample::Index;

/// Names as people choose them, with everything that has to be escaped.
fn text() -> impl Strategy<Value = String> {
    "[a-z\"\\\\;=é \\[\\]-]{1,12}"
}

/// Contents that look like delimiters, and bytes that do not.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec!["\r", "\n", "\r\n", "--", "-", "bound", "\r\n--bound", ": ", "\""])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..16),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn part() -> impl Strategy<Value = Part> {
    let kind = prop::option::of("[a-z]{1,8}/[a-z+.]{1,8}");
    (text(), prop::option::of(text()), kind, content()).prop_map(
        |(name, filename, content_type, content)| Part {
            name,
            filename,
            content_type,
            content: content.into(),
        },
    )
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// How a form is written.
#[derive(Clone, Debug)]
struct Style {
    boundary: String,
    quoted: bool,
    kind_first: bool,
    blanks: &'static str,
    preamble: bool,
}

fn style() -> impl Strategy<Value = Style> {
    // No content has the letters behind it.
    let boundary = "bound[A-Z0-9'()+_,./:=?-]{4,20}";
    let blanks = prop::sample::select(vec!["", " ", " \t"]);
    (
        boundary,
        any::<bool>(),
        any::<bool>(),
        blanks,
        any::<bool>(),
    )
        .prop_map(|(boundary, quoted, kind_first, blanks, preamble)| Style {
            quoted: quoted || boundary.contains([';', '=']),
            boundary,
            kind_first,
            blanks,
            preamble,
        })
}

impl Style {
    fn content_type(&self) -> String {
        let boundary = match self.quoted {
            true => quoted(&self.boundary),
            false => self.boundary.clone(),
        };
        format!("multipart/form-data; charset=utf-8; boundary={boundary}")
    }

    fn written(&self, form: &[Part]) -> Vec<u8> {
        let mut body = Vec::new();
        if self.preamble {
            body.extend(b"nobody reads this\r\n");
        }
        for part in form {
            let mut disposition = format!(
                "content-disposition: form-data; name={}",
                quoted(&part.name)
            );
            if let Some(filename) = &part.filename {
                disposition.push_str(&format!("; filename={}", quoted(filename)));
            }
            let kind = part
                .content_type
                .as_ref()
                .map(|kind| format!("Content-Type:{kind}"));
            let mut headers: Vec<String> = kind.into_iter().chain([disposition]).collect();
            if !self.kind_first {
                headers.reverse();
            }
            let head = format!(
                "--{}{}\r\n{}\r\n\r\n",
                self.boundary,
                self.blanks,
                headers.join("\r\n")
            );
            body.extend(head.into_bytes());
            body.extend(&part.content);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{}--\r\n", self.boundary).into_bytes());
        body
    }
}

/// What came out of any bytes is made of them.
fn is_made_of(body: &Bytes, form: &[Part]) -> bool {
    let bytes = body.as_ptr_range();
    form.iter().all(|part| {
        let content = part.content.as_ptr_range();
        part.content.is_empty() || (bytes.start <= content.start && content.end <= bytes.end)
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(form in prop::collection::vec(part(), 0..6), style in style()) {
        let body = Bytes::from(style.written(&form));
        prop_assert_eq!(parts(&style.content_type(), &body), Ok(form));
    }

    #[test]
    fn a_cut_form_is_an_error(form in prop::collection::vec(part(), 0..4), style in style(), at in any::<Index>()) {
        let mut body = style.written(&form);
        // The line break behind the last delimiter may be missing.
        body.truncate(at.index(body.len() - 2));
        let body = Bytes::from(body);
        prop_assert!(parts(&style.content_type(), &body).is_err());
    }

    #[test]
    fn damage_is_an_error_or_another_form(
        form in prop::collection::vec(part(), 0..4),
        style in style(),
        damage in prop::collection::vec((any::<Index>(), any::<u8>(), 0_u8..3), 1..6),
    ) {
        let mut body = style.written(&form);
        for (at, byte, how) in damage {
            let at = at.index(body.len().max(1)).min(body.len());
            match how {
                0 if at < body.len() => body[at] = byte,
                1 if at < body.len() => drop(body.remove(at)),
                _ => body.insert(at, byte),
            }
        }
        let body = Bytes::from(body);
        if let Ok(found) = parts(&style.content_type(), &body) {
            prop_assert!(is_made_of(&body, &found));
        }
    }

    #[test]
    fn any_bytes_under_any_content_type_do_no_harm(kind in ".{0,40}", boundary in ".{0,4}", bytes in content()) {
        let body = Bytes::from(bytes);
        for kind in [kind, format!("multipart/form-data; boundary={boundary}")] {
            if let Ok(found) = parts(&kind, &body) {
                prop_assert!(is_made_of(&body, &found));
            }
        }
    }
}

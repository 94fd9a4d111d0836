//! Writes `multipart/form-data` (RFC 7578), part by part in the order of the case.
//!
//! The mock and the reference gateway have readers and writers of their own: one mistake must not hide another.

use bytes::Bytes;

use crate::case::PartStep;
use crate::files::{Files, media_type};

/// Hex digits of the boundary; with its beginning it stays below the 70 characters that RFC 2046 allows.
const BOUNDARY_DIGITS: usize = 24;

/// A form, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// The form of these parts. The boundary follows from the token, but does not hold it: the token must be found only
/// where a target passes it on.
pub(super) fn form(parts: &[PartStep], files: &Files, token: &str) -> Result<Form, String> {
    let mut hash = mock_server::provider::hex_sha256(token.as_bytes());
    hash.truncate(BOUNDARY_DIGITS);
    let boundary = format!("image-harness-{hash}");
    let mut body = Vec::new();
    for part in parts {
        let mut head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
            escaped(&part.name)
        );
        if let Some(filename) = filename(part) {
            head.push_str(&format!("; filename=\"{}\"", escaped(&filename)));
        }
        let kind = part.content_type.as_deref();
        if let Some(kind) = kind.or_else(|| part.file.as_deref().map(media_type)) {
            head.push_str(&format!("\r\nContent-Type: {kind}"));
        }
        head.push_str("\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        match (&part.file, &part.text) {
            (Some(file), _) => body.extend_from_slice(&files.bytes(file)?),
            (None, text) => body.extend_from_slice(text.as_deref().unwrap_or_default().as_bytes()),
        }
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(Form {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        body: body.into(),
    })
}

/// The stated name; else a file's own, and none for a text.
fn filename(part: &PartStep) -> Option<String> {
    let own = || {
        let file = part.file.as_deref()?;
        if file.starts_with("data:") {
            let ending = media_type(file).rsplit('/').next().unwrap_or_default();
            return Some(format!("image.{ending}"));
        }
        Some(file.to_owned())
    };
    part.filename.clone().or_else(own)
}

/// As the WHATWG says browsers do.
fn escaped(text: &str) -> String {
    let text = text.replace('"', "%22");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(parts: serde_json::Value) -> String {
        let parts: Vec<PartStep> = serde_json::from_value(parts).unwrap();
        let form = form(&parts, &Files::default(), "abcdefgh23").unwrap();
        assert!(
            form.content_type
                .starts_with("multipart/form-data; boundary=image-harness-")
        );
        assert!(!form.content_type.contains("abcdefgh23"));
        let boundary = form.content_type.rsplit('=').next().unwrap().to_owned();
        String::from_utf8_lossy(&form.body).replace(&boundary, "B")
    }

    #[test]
    fn parts_stand_in_their_order_as_they_were_stated() {
        let parts = json!([
            { "name": "prompt", "text": "a fox" },
            { "name": "image[]", "file": "data:image/webp;base64,QUI=" },
            { "name": "image[]", "file": "data:image/png;base64,Q0Q=", "filename": "a\"b.png", "content_type": "image/x" },
        ]);
        assert_eq!(
            written(parts),
            "--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na fox\r\n\
             --B\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"image.webp\"\r\nContent-Type: image/webp\r\n\r\nAB\r\n\
             --B\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"a%22b.png\"\r\nContent-Type: image/x\r\n\r\nCD\r\n\
             --B--\r\n"
        );
    }

    #[test]
    fn what_is_no_file_is_said() {
        let part = json!([{ "name": "image", "file": "none.png" }]);
        let parts: Vec<PartStep> = serde_json::from_value(part).unwrap();
        let error = form(&parts, &Files::default(), "t").unwrap_err();
        assert!(error.contains("none.png"), "{error}");
    }
}

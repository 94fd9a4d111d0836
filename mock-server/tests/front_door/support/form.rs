//! Writes multipart forms as clients do.

/// A form that is being written.
#[derive(Default)]
pub(crate) struct Form(Vec<u8>);

const BOUNDARY: &str = "----form-0123456789";

impl Form {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A text field.
    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{name}\""), "", value.as_bytes())
    }

    /// A file with its declared type; an empty one is left out.
    pub(crate) fn file(self, name: &str, filename: &str, kind: &str, content: &[u8]) -> Self {
        let kind = if kind.is_empty() {
            String::new()
        } else {
            format!("\r\nContent-Type: {kind}")
        };
        let head = format!("name=\"{name}\"; filename=\"{filename}\"");
        self.part(&head, &kind, content)
    }

    fn part(mut self, head: &str, more: &str, content: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}{more}\r\n\r\n");
        self.0.extend(head.into_bytes());
        self.0.extend(content);
        self.0.extend(b"\r\n");
        self
    }

    pub(crate) fn content_type() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    pub(crate) fn body(mut self) -> Vec<u8> {
        self.0.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
        self.0
    }
}

//! A request as it arrived.

use bytes::Bytes;

/// One whole request. Header names are lower-case, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: Option<String>,
    /// Name and value pairs; bytes that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Bytes,
    /// The body was larger than the server takes and was not kept.
    pub body_too_large: bool,
}

impl Request {
    /// The first value of a header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    /// The media type without parameters, in lower case; empty when none was sent.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }

    /// What stands behind a beginning of the path, percent-decoded; none if the path begins otherwise or ends there.
    #[must_use]
    pub fn path_behind(&self, beginning: &str) -> Option<String> {
        let rest = self.path.strip_prefix(beginning)?;
        (!rest.is_empty()).then(|| percent_decode(rest, false))
    }

    /// The first value of a query parameter, percent-decoded.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        let query = self.query.as_deref()?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key, true) == name).then(|| percent_decode(value, true))
        })
    }
}

/// Names and values of a form, percent-decoded.
pub(crate) fn form_pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decode(name, true), percent_decode(value, true))
    });
    pairs.collect()
}

/// A plus sign is a blank in queries and forms only.
fn percent_decode(text: &str, query: bool) -> String {
    let raw = text.as_bytes();
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let hex = (raw[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten();
        let hex = hex.filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(byte);
            at += 3;
            continue;
        }
        out.push(if query && raw[at] == b'+' {
            b' '
        } else {
            raw[at]
        });
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::percent_decode;

    #[test]
    fn query_text_is_decoded_and_broken_escapes_stay() {
        assert_eq!(percent_decode("%24alt+x", true), "$alt x");
        assert_eq!(percent_decode("100%", true), "100%");
        assert_eq!(percent_decode("%+f%é", true), "% f%é");
        assert_eq!(percent_decode("%zz%C3%A9", true), "%zzé");
    }
}

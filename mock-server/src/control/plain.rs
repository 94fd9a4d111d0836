//! What the control API answers in another form than JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::core::Core;
use crate::metrics;
use crate::wire::{Answer, Request};

/// The answer, where the path is one of these and there is something to answer.
pub(super) fn answer(core: &Core, request: &Request) -> Option<Answer> {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return None;
    }
    let path = request.path.strip_prefix("/_mock")?;
    let (content_type, text) = match path {
        "" | "/" => return Some(inspector()),
        "/metrics" => (
            metrics::CONTENT_TYPE,
            core.metrics.text(core.journal.kept()),
        ),
        "/certificate" => {
            let identity = core.identity.as_ref()?;
            ("application/x-pem-file", identity.certificate.clone())
        }
        _ => return None,
    };
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    Some(Answer::whole(200, headers, vec![Bytes::from(text)]))
}

const PAGE: &str = include_str!("inspector.html");

/// The page that shows the journal. It writes what arrived as text only; the policy keeps any other script out.
fn inspector() -> Answer {
    let script = PAGE.split_once("<script>").map_or("", |(_, rest)| rest);
    let script = script
        .split_once("</script>")
        .map_or("", |(script, _)| script);
    let hash = BASE64_STANDARD.encode(Sha256::digest(script.as_bytes()));
    let policy = format!(
        "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'"
    );
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", &policy),
        ("x-content-type-options", "nosniff"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Answer::whole(
        200,
        headers.into(),
        vec![Bytes::from_static(PAGE.as_bytes())],
    )
}

//! What the control API answers in another form than JSON.

use bytes::Bytes;

use crate::core::Core;
use crate::wire::{Answer, Request};

/// The answer, where the path is one of these and there is something to answer.
pub(super) fn answer(core: &Core, request: &Request) -> Option<Answer> {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return None;
    }
    let path = request.path.strip_prefix("/_mock")?;
    let (content_type, text) = match path {
        "/certificate" => {
            let identity = core.identity.as_ref()?;
            ("application/x-pem-file", identity.certificate.clone())
        }
        _ => return None,
    };
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    Some(Answer::whole(200, headers, vec![Bytes::from(text)]))
}

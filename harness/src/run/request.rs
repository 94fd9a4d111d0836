//! Builds the request of a step.

use bytes::Bytes;
use serde_json::Value;

use crate::case::RequestStep;
use crate::exchange::Sent;
use crate::target::Target;

/// Why the request of a step cannot be sent to this target.
pub(super) type Unsendable = String;

/// The request of a step, as it goes to a target. `allowed` are the origins that saved URLs may point to.
pub(super) fn build(
    request: &RequestStep,
    target: &Target,
    allowed: &[&str],
) -> Result<Sent, Unsendable> {
    if let Some(url) = &request.url {
        if !allowed.iter().any(|origin| same_origin(url, origin)) {
            return Err(format!(
                "'{url}' is neither of the target's nor of the mock's origin"
            ));
        }
        return Ok(Sent {
            method: request.method.clone().unwrap_or_else(|| "GET".to_owned()),
            url: url.clone(),
            ..Sent::default()
        });
    }
    let path = path(request, target)?;
    let body = body(request);
    let mut headers: Vec<(String, String)> = Vec::new();
    headers.extend(
        target
            .headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone())),
    );
    if let Some(secret) = target.credential(request.credential) {
        let value = match &target.auth.scheme {
            Some(scheme) => format!("{scheme} {}", secret.value),
            None => secret.value,
        };
        headers.push((target.auth.header.clone(), value));
    }
    if body.is_some() {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    for (name, value) in &request.headers {
        headers.retain(|(other, _)| other != name);
        headers.extend(value.clone().map(|value| (name.clone(), value)));
    }
    Ok(Sent {
        method: request.method.clone().unwrap_or_else(|| "POST".to_owned()),
        url: format!("{}{path}", target.base_url),
        headers,
        body,
        chunked: request.chunked,
    })
}

fn path(request: &RequestStep, target: &Target) -> Result<String, Unsendable> {
    if let Some(path) = &request.path {
        return Ok(path.clone());
    }
    let operation = request.operation.as_deref().unwrap_or_default();
    let path = target.profile.paths.get(operation).cloned();
    path.ok_or_else(|| format!("the target has no operation '{operation}'"))
}

fn body(request: &RequestStep) -> Option<Bytes> {
    if let Some(raw) = &request.raw {
        return Some(Bytes::from(raw.clone()));
    }
    let body = request.body.clone()?;
    Some(Bytes::from(Value::Object(body).to_string()))
}

/// Whether a URL has the scheme, host and port of an origin.
pub(super) fn same_origin(url: &str, origin: &str) -> bool {
    let parse = |text: &str| reqwest::Url::parse(text).ok().map(|url| url.origin());
    match (parse(url), parse(origin)) {
        (Some(url), Some(origin)) => url.is_tuple() && url == origin,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::same_origin;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert!(same_origin(
            "http://127.0.0.1:9200/files/a.png",
            "http://127.0.0.1:9200"
        ));
        assert!(!same_origin(
            "http://127.0.0.1:9200@evil.test/a.png",
            "http://127.0.0.1:9200"
        ));
        assert!(!same_origin(
            "http://127.0.0.1:92001/",
            "http://127.0.0.1:9200"
        ));
        assert!(!same_origin("file:///etc/passwd", "file:///"));
    }
}

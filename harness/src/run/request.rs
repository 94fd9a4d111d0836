//! Builds the request of a step.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;

use crate::case::RequestStep;
use crate::exchange::Sent;
use crate::files::Files;
use crate::run::form::form;
use crate::target::{Target, overlay};

/// What stands for the model in the path of an operation.
const MODEL: &str = "{model}";

/// Why the request of a step cannot be sent to this target.
pub(crate) type Unsendable = String;

/// What a request is made with.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'s> {
    /// Where it goes.
    pub(crate) target: &'s Target,
    /// The origins that saved URLs may point to.
    pub(crate) origins: &'s [&'s str],
    /// What it may send.
    pub(crate) files: &'s Files,
    /// The case token.
    pub(crate) token: &'s str,
}

/// The request of a step, as it goes to a target.
pub(crate) fn build(request: &RequestStep, setting: &Setting<'_>) -> Result<Sent, Unsendable> {
    let target = setting.target;
    if let Some(url) = &request.url {
        if !setting
            .origins
            .iter()
            .any(|origin| same_origin(url, origin))
        {
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
    let body = body(request, setting)?;
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
    let (body, content_type) = body.unzip();
    headers.extend(content_type.map(|kind| ("content-type".to_owned(), kind)));
    for (name, value) in &request.headers {
        headers.retain(|(other, _)| other != name);
        headers.extend(value.clone().map(|value| (name.clone(), value)));
    }
    Ok(Sent {
        method: method(request, target),
        url: format!("{}{}", target.base_url, with_query(&path, &target.query)),
        headers,
        body,
        chunked: request.chunked,
    })
}

fn path(request: &RequestStep, target: &Target) -> Result<String, Unsendable> {
    if let Some(path) = &request.path {
        return Ok(path.clone());
    }
    let Some(operation) = request.operation else {
        return Err("the request names neither operation nor path".to_owned());
    };
    let template = target
        .profile
        .paths
        .get(&operation)
        .ok_or_else(|| format!("the target has no operation '{operation}'"))?;
    if !template.contains(MODEL) {
        return Ok(template.clone());
    }
    let model = request.model.as_deref().or_else(|| stated_model(request));
    let model = model.ok_or_else(|| {
        format!("the path of {operation} needs a model, and the request names none")
    })?;
    Ok(template.replace(MODEL, &segment(model)))
}

/// A path with parameters in its query; one that is there already takes the new value.
fn with_query(path: &str, query: &BTreeMap<String, String>) -> String {
    if query.is_empty() {
        return path.to_owned();
    }
    let (path, stated) = path.split_once('?').unwrap_or((path, ""));
    let is_other = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && !query.contains_key(name)
    };
    let stated = stated.split('&').filter(is_other).map(str::to_owned);
    let added = query
        .iter()
        .map(|(name, value)| format!("{}={}", segment(name), segment(value)));
    let pairs: Vec<_> = stated.chain(added).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// The model that the body or the form names.
fn stated_model(request: &RequestStep) -> Option<&str> {
    let of_body = || request.body.as_ref()?.get("model")?.as_str();
    let parts = request.multipart.iter().flatten();
    let mut of_form = parts.filter(|part| part.name == "model");
    of_form
        .find_map(|part| part.text.as_deref())
        .or_else(of_body)
}

/// A text as one segment of a path: everything but RFC 3986's unreserved characters is percent-encoded.
fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The method of a request that states none.
fn method(request: &RequestStep, target: &Target) -> String {
    let stated = request.method.as_ref();
    let usual = || {
        let operation = request.operation?;
        target.profile.methods.get(&operation)
    };
    stated
        .or_else(usual)
        .map_or_else(|| "POST".to_owned(), Clone::clone)
}

/// The body and what it is called.
fn body(
    request: &RequestStep,
    setting: &Setting<'_>,
) -> Result<Option<(Bytes, String)>, Unsendable> {
    if let Some(parts) = &request.multipart {
        let form = form(parts, setting.files, setting.token)?;
        return Ok(Some((form.body, form.content_type)));
    }
    let json = request.body.clone().map(|mut body| {
        overlay::merge(&mut body, &setting.target.body);
        Value::Object(body).to_string()
    });
    let text = request.raw.clone().or(json);
    Ok(text.map(|text| (Bytes::from(text), "application/json".to_owned())))
}

/// Whether a URL has the scheme, host and port of an origin.
pub(crate) fn same_origin(url: &str, origin: &str) -> bool {
    let parse = |text: &str| reqwest::Url::parse(text).ok().map(|url| url.origin());
    match (parse(url), parse(origin)) {
        (Some(url), Some(origin)) => url.is_tuple() && url == origin,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{same_origin, with_query};

    #[test]
    fn parameters_are_added_to_a_query_or_replaced() {
        let query = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        };
        let new = query(&[("api-version", "2"), ("team", "a b&c")]);
        assert_eq!(
            with_query("/x?api-version=1&z=1", &new),
            "/x?z=1&api-version=2&team=a%20b%26c"
        );
        assert_eq!(with_query("/x", &query(&[("a", "1")])), "/x?a=1");
        assert_eq!(with_query("/x?y", &query(&[])), "/x?y");
    }

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

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
        let mut headers = Vec::new();
        set_headers(&mut headers, request);
        return Ok(Sent {
            method: request.method.clone().unwrap_or_else(|| "GET".to_owned()),
            url: url.clone(),
            headers,
            ..Sent::default()
        });
    }
    // What the step says comes last: it may leave out what the target's file adds.
    let path = with_query(path(request, target)?, &set(&target.query));
    let path = with_query(path, &request.query);
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
    set_headers(&mut headers, request);
    Ok(Sent {
        method: method(request, target),
        url: format!("{}{path}", target.base_url),
        headers,
        body,
        chunked: request.chunked,
    })
}

/// The headers that the step states, instead of others of the same name.
fn set_headers(headers: &mut Vec<(String, String)>, request: &RequestStep) {
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        headers.retain(|(other, _)| *other != name);
        headers.extend(value.clone().map(|value| (name, value)));
    }
}

/// Parameters that are all set.
fn set(query: &BTreeMap<String, String>) -> BTreeMap<String, Option<String>> {
    let all = query.iter();
    all.map(|(name, value)| (name.clone(), Some(value.clone())))
        .collect()
}

/// A path with parameters set in its query, or left out; the others stay as they are.
fn with_query(path: String, set: &BTreeMap<String, Option<String>>) -> String {
    if set.is_empty() {
        return path;
    }
    let (bare, query) = path.split_once('?').unwrap_or((&path, ""));
    let others = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && !set.contains_key(name)
    });
    let stated = set.iter().filter_map(|(name, value)| {
        let value = value.as_ref()?;
        Some(format!("{}={}", segment(name), segment(value)))
    });
    let pairs: Vec<String> = others.map(str::to_owned).chain(stated).collect();
    match pairs.is_empty() {
        true => bare.to_owned(),
        false => format!("{bare}?{}", pairs.join("&")),
    }
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
    fn parameters_are_set_and_left_out() {
        let set = |path: &str, name: &str, value: Option<&str>| {
            let set = [(name.to_owned(), value.map(str::to_owned))].into();
            with_query(path.to_owned(), &set)
        };
        assert_eq!(set("/a?alt=sse", "alt", None), "/a");
        assert_eq!(
            set("/a?alt=sse&b=%20", "alt", Some("x y")),
            "/a?b=%20&alt=x%20y"
        );
        assert_eq!(set("/a", "b", Some("")), "/a?b=");
        let several = super::set(
            &[("api-version", "2"), ("team", "a b&c")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        );
        assert_eq!(
            with_query("/x?api-version=1&z=1".to_owned(), &several),
            "/x?z=1&api-version=2&team=a%20b%26c"
        );
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

//! Reads HAR files, which browsers and proxies write: each entry is a recording whose provider follows from the
//! host that was called. Only what is judged is read.
//!
//! <http://www.softwareishard.com/blog/har-12-spec/>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::endpoint::Endpoints;
use super::{Body, Images, ParseError, Recording, conforms, lower_case, secret};

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: Vec<Header>,
    content: Content,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Content {
    text: Option<String>,
    encoding: Option<String>,
}

/// Whether JSON is a HAR file and no recording of our own form.
#[must_use]
pub fn is_har(value: &Value) -> bool {
    value.get("log").is_some_and(Value::is_object)
}

/// Reads the entries of a HAR file.
///
/// # Errors
/// It has another form; the place is named.
pub fn of_value(value: &Value, endpoints: &Endpoints) -> Result<Vec<Recording>, ParseError> {
    conforms("har", value)?;
    let har = Har::deserialize(value)?;
    let entries = har.log.entries.into_iter().enumerate();
    let recordings = entries.map(|(at, entry)| entry.recording(at, endpoints));
    recordings.collect()
}

impl Entry {
    fn recording(self, at: usize, endpoints: &Endpoints) -> Result<Recording, ParseError> {
        let wrong = |place: &str, problem: String| ParseError::Form {
            place: format!("/log/entries/{at}/{place}"),
            problem,
        };
        let url = Url::parse(&self.request.url)
            .map_err(|error| wrong("request/url", error.to_string()))?;
        let provider = endpoints.at_host(url.host_str().unwrap_or_default());
        let headers = self.response.headers.into_iter();
        let headers = lower_case(headers.map(|header| (header.name, header.value)).collect());
        let body = self.response.content.body();
        let text = body.map_err(|problem| wrong("response/content/text", problem))?;
        let media_type = headers.iter().find(|(name, _)| name == "content-type");
        let media_type = media_type.map(|(_, value)| value.to_ascii_lowercase());
        let body = text.map(|text| Body::of_text(text, &media_type.unwrap_or_default()));
        let sent = self.request.headers.iter();
        let sent = sent.map(|header| (header.name.as_str(), header.value.as_str()));
        let secrets = secret::of_request(Some(&url), sent);
        Ok(Recording {
            provider: provider.map_or_else(
                || url.host_str().unwrap_or_default().to_owned(),
                |known| known.provider.clone(),
            ),
            method: Some(self.request.method),
            endpoint: url.path().to_owned(),
            status: self.response.status,
            headers,
            headers_complete: true,
            images: Images::Whole,
            body,
            secrets,
        })
    }
}

impl Content {
    /// The text; none where it was not kept. Browsers keep binary bodies as base64.
    fn body(self) -> Result<Option<String>, String> {
        let Some(text) = self.text else {
            return Ok(None);
        };
        match self.encoding.as_deref() {
            None | Some("") => Ok(Some(text)),
            Some(_) => {
                let bytes = BASE64_STANDARD
                    .decode(text)
                    .map_err(|error| error.to_string())?;
                Ok(String::from_utf8(bytes).ok())
            }
        }
    }
}

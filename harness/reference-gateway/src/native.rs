//! The native route of the Gemini API: what the client sends and what comes back stay as they are, apart from the keys.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{ApiError, GoogleError, row};
use crate::gateway::Gateway;
use crate::relay;
use crate::sse::{Event, Splitter};
use crate::upstream::gemini::Verb;
use crate::upstream::{Broken, Reply, Source, gemini};

/// Passes a `{model}:{verb}` on.
pub(crate) async fn generate(
    gateway: &Arc<Gateway>,
    action: &str,
    query: Option<&str>,
    body: Bytes,
) -> Result<Response, GoogleError> {
    let (model, verb) = understood(action, query).ok_or(ApiError::from(row::NO_ACTION))?;
    let call = gemini::generate(gateway, model, verb, body).await?;
    let reply = gateway.transport.send(call, &gateway.limits).await?;
    if !reply.status.is_success() {
        return Err(relay::error(reply, gateway).await.into());
    }
    if verb == Verb::Generate {
        return whole(reply, gateway).await;
    }
    let headers = relay::passed(&reply, gateway);
    if reply.is_event_stream() {
        return Ok(relay::events(events(reply, gateway), headers));
    }
    let mut response = Response::new(list(reply.into_source(), gateway));
    response.headers_mut().extend(headers);
    Ok(typed(response))
}

/// The model and what is to be done with it.
fn understood<'a>(action: &'a str, query: Option<&str>) -> Option<(&'a str, Verb)> {
    let (model, verb) = action.rsplit_once(':')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._@".contains(&byte);
    if model.is_empty() || !model.bytes().all(is_name) {
        return None;
    }
    let asks_for_events = query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
    match verb {
        "generateContent" => Some((model, Verb::Generate)),
        "streamGenerateContent" if asks_for_events => Some((model, Verb::StreamEvents)),
        "streamGenerateContent" => Some((model, Verb::StreamList)),
        _ => None,
    }
}

async fn whole(mut reply: Reply, gateway: &Gateway) -> Result<Response, GoogleError> {
    let body = reply.read().await.map_err(ApiError::from)?;
    if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err() {
        return Err(ApiError::from(row::UPSTREAM_UNUSABLE).into());
    }
    let masked = gateway.redactor.keys(&body, &image_data(&body));
    let mut response = Response::new(Body::from(masked.map_or(body, Bytes::from)));
    *response.status_mut() = reply.status;
    let passed = relay::passed(&reply, gateway);
    response.headers_mut().extend(passed);
    Ok(typed(response))
}

fn typed(mut response: Response) -> Response {
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=UTF-8"),
    );
    response
}

struct Events {
    source: Source,
    splitter: Splitter,
    is_over: bool,
    gateway: Arc<Gateway>,
}

/// The events as they come. An upstream that breaks off ends the connection: the protocol has no other word for it that
/// its clients understand.
fn events(reply: Reply, gateway: &Arc<Gateway>) -> Body {
    let events = Events {
        splitter: Splitter::new(gateway.limits.event),
        source: reply.into_source(),
        is_over: false,
        gateway: gateway.clone(),
    };
    Body::from_stream(stream::try_unfold(events, async |mut events| {
        let event = events.next().await?;
        Ok::<_, Interrupted>(event.map(|event| (event, events)))
    }))
}

impl Events {
    async fn next(&mut self) -> Result<Option<Bytes>, Interrupted> {
        loop {
            if let Some(event) = self.splitter.next().map_err(|_| Interrupted)? {
                return Ok(Some(self.masked(event)));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.source.next_within(self.gateway.limits.answer).await? {
                Some(piece) => self.splitter.push(&piece),
                None => {
                    self.is_over = true;
                    let rest = self.splitter.rest();
                    if !rest.is_empty() {
                        return Ok(Some(self.masked(rest)));
                    }
                }
            }
        }
    }

    fn masked(&self, event: Bytes) -> Bytes {
        let data = Event::parse(&event).and_then(|event| event.data);
        let images = match &data {
            Some(std::borrow::Cow::Borrowed(data)) => {
                let from = data.as_ptr().addr() - event.as_ptr().addr();
                let images = image_data(data.as_bytes()).into_iter();
                images
                    .map(|range| range.start + from..range.end + from)
                    .collect()
            }
            _ => Vec::new(),
        };
        let masked = self.gateway.redactor.keys(&event, &images);
        masked.map_or(event, Bytes::from)
    }
}

/// The pieces of a JSON list as they come.
fn list(source: Source, gateway: &Arc<Gateway>) -> Body {
    let silence = gateway.limits.answer;
    let state = (source, silence);
    Body::from_stream(stream::try_unfold(state, async |(mut source, silence)| {
        let piece = source.next_within(silence).await?;
        Ok::<_, Interrupted>(piece.map(|piece| (piece, (source, silence))))
    }))
}

/// The upstream's answer broke off after the client's had begun.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's answer broke off")]
struct Interrupted;

impl From<Broken> for Interrupted {
    fn from(_: Broken) -> Self {
        Self
    }
}

/// Where in an answer of Google's image data are: there a fragment of a key is chance. In the order of the bytes.
fn image_data(body: &[u8]) -> Vec<Range<usize>> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow, default)]
        candidates: Vec<Candidate<'a>>,
    }

    #[derive(Deserialize)]
    struct Candidate<'a> {
        #[serde(borrow, default)]
        content: Option<Content<'a>>,
    }

    #[derive(Deserialize)]
    struct Content<'a> {
        #[serde(borrow, default)]
        parts: Vec<Part<'a>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Part<'a> {
        #[serde(borrow, default)]
        inline_data: Option<Data<'a>>,
    }

    #[derive(Deserialize)]
    struct Data<'a> {
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
    }

    let Ok(answer) = serde_json::from_slice::<Answer<'_>>(body) else {
        return Vec::new();
    };
    let parts = answer
        .candidates
        .into_iter()
        .filter_map(|candidate| candidate.content)
        .flat_map(|content| content.parts);
    let data = parts.filter_map(|part| part.inline_data?.data);
    data.map(|data| relay::place(body, data)).collect()
}

//! The way to an upstream: one call, one answer, nothing repeated and nothing unbounded.
//!
//! What is said in a provider's protocol is the affair of a file of its own beside this one.

pub(crate) mod azure;
mod coding;
mod credential;
pub(crate) mod fault;
pub(crate) mod gemini;
pub(crate) mod google_account;
pub(crate) mod openai;
pub(crate) mod vertex;

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use reqwest::redirect;
use tokio::time::{Instant, timeout_at};

use crate::error::{ApiError, row};
use crate::limits::Limits;
use coding::Decoder;

/// The HTTP client, set so that it does what it is told and nothing more.
#[derive(Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
}

impl Transport {
    pub(crate) fn new(any_https: bool, limits: &Limits) -> Result<Self, reqwest::Error> {
        // A provider installed earlier by the embedding program is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .connect_timeout(limits.connect)
            .user_agent(concat!(
                "image-reference-gateway/",
                env!("CARGO_PKG_VERSION")
            ))
            // A connection that was closed while idle would fail a call that may not be repeated, and connecting
            // anew costs nothing beside making an image.
            .pool_max_idle_per_host(0);
        // Without an https upstream the certificate store is not needed, nor does it have to exist.
        let builder = if any_https {
            builder
        } else {
            builder.tls_certs_only([])
        };
        Ok(Self {
            client: builder.build()?,
        })
    }

    /// Sends a call, once, and waits for the head of the answer.
    pub(crate) async fn send(&self, call: Call, limits: &Limits) -> Result<Reply, ApiError> {
        let request = call.into_request(&self.client)?;
        let deadline = Instant::now() + limits.answer;
        #[cfg(feature = "mutants")]
        let answered = crate::mutants::send(&self.client, request);
        #[cfg(not(feature = "mutants"))]
        let answered = self.client.execute(request);
        let response = timeout_at(deadline, answered)
            .await
            .map_err(|_| row::UPSTREAM_TIMEOUT)?
            .map_err(|error| {
                tracing::warn!(error = %error.without_url(), "upstream call failed");
                row::UPSTREAM_FAILED
            })?;
        tracing::debug!(status = response.status().as_u16(), "upstream answered");
        let decoder = Decoder::of(response.headers()).ok_or(row::UPSTREAM_UNUSABLE)?;
        Ok(Reply {
            status: response.status(),
            headers: response.headers().clone(),
            body: Source {
                response,
                decoder,
                limit: limits.answer_body,
            },
            deadline,
        })
    }
}

/// One call to a provider, by POST. Nothing of the client's headers goes with it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) url: String,
    pub(crate) credential: Option<(HeaderName, HeaderValue)>,
    pub(crate) content_type: HeaderValue,
    pub(crate) accept: &'static str,
    pub(crate) body: Bytes,
}

impl Call {
    fn into_request(self, client: &reqwest::Client) -> Result<reqwest::Request, ApiError> {
        let mut request = client
            .post(self.url)
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::ACCEPT, HeaderValue::from_static(self.accept))
            .body(self.body);
        if let Some((name, value)) = self.credential {
            request = request.header(name, value);
        }
        request.build().map_err(|error| {
            tracing::error!(error = %error.without_url(), "the upstream call could not be made");
            row::UPSTREAM_FAILED.into()
        })
    }
}

/// What an upstream may answer with.
fn accept(streamed: bool) -> &'static str {
    if streamed {
        "text/event-stream, application/json"
    } else {
        "application/json"
    }
}

/// The head of an upstream's answer, and its body still to come. Dropping it cancels the call.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Source,
    deadline: Instant,
}

impl Reply {
    pub(crate) fn is_event_stream(&self) -> bool {
        essence(&self.headers).is_some_and(|essence| essence == "text/event-stream")
    }

    /// The whole body, within the time that is left.
    pub(crate) async fn read(&mut self) -> Result<Bytes, Broken> {
        let mut read = Vec::new();
        while let Some(piece) = self.body.next(self.deadline).await? {
            if piece.len() > self.body.limit - read.len() {
                return Err(Broken::TooLarge);
            }
            read.extend_from_slice(&piece);
        }
        Ok(read.into())
    }

    /// The body as it comes.
    pub(crate) fn into_source(self) -> Source {
        self.body
    }
}

/// The media type without parameters, in lower case.
pub(crate) fn essence(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// The body of an answer, piece by piece.
#[derive(Debug)]
pub(crate) struct Source {
    response: reqwest::Response,
    decoder: Decoder,
    limit: usize,
}

impl Source {
    /// The next piece that is not empty; `None` at a clean end.
    pub(crate) async fn next(&mut self, deadline: Instant) -> Result<Option<Bytes>, Broken> {
        loop {
            let piece = timeout_at(deadline, self.response.chunk())
                .await
                .map_err(|_| Broken::Timeout)?
                .map_err(|error| {
                    tracing::warn!(error = %error.without_url(), "upstream answer broke off");
                    Broken::Cut
                })?;
            let Some(piece) = piece else {
                return self.decoder.finish().map(|()| None);
            };
            let piece = self.decoder.decode(piece, self.limit)?;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// As [`Source::next`], with a limit on the silence instead of a point in time.
    pub(crate) async fn next_within(&mut self, silence: Duration) -> Result<Option<Bytes>, Broken> {
        self.next(Instant::now() + silence).await
    }
}

/// Why an answer's body could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The connection ended too early, or what came was not HTTP or not the announced coding.
    Cut,
    /// It took too long.
    Timeout,
    /// It is larger than allowed.
    TooLarge,
}

impl From<Broken> for ApiError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Cut => row::UPSTREAM_UNUSABLE.into(),
            Broken::Timeout => row::UPSTREAM_TIMEOUT.into(),
            Broken::TooLarge => row::UPSTREAM_TOO_LARGE.into(),
        }
    }
}

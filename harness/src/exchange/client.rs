//! Sends one request and reads the answer byte by byte as it comes. Never retries, follows or decodes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use reqwest::Certificate;
use reqwest::header::{ACCEPT_ENCODING, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use tokio::time::{Instant, timeout_at};

use crate::case::DisconnectAfter;
use crate::exchange::progress::Progress;
use crate::exchange::sse::Reader;
use crate::exchange::{End, Outcome, Received, Sent, list};

/// An answer of more bytes than this is cut: ten of the largest images that any provider makes fit in.
pub const LONGEST_BODY: usize = 128 << 20;
/// A stream of more events than this is cut.
const MOST_EVENTS: usize = 20_000;
/// How the harness names itself.
const USER_AGENT: &str = concat!("image-harness/", env!("CARGO_PKG_VERSION"));

/// A client that shows what is on the wire.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
}

/// How one request is sent.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// For the whole exchange.
    pub timeout: Duration,
    /// When to hang up; an upstream call is waited for by the caller.
    pub disconnect: Option<DisconnectAfter>,
    /// Where to stop reading for a while.
    pub pause: Option<Pause>,
    /// A body of more bytes is cut.
    pub longest_body: usize,
}

/// A slow reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// So many bytes of the body are read before.
    pub after: usize,
    /// It ends at the latest after so long, which the time limit of the exchange does not count.
    pub longest: Duration,
}

impl Manner {
    /// Reads an answer to its end.
    #[must_use]
    pub fn within(timeout: Duration) -> Self {
        Self {
            timeout,
            disconnect: None,
            pause: None,
            longest_body: LONGEST_BODY,
        }
    }
}

impl Client {
    /// A client without proxy, redirects, retries or a pool: each request owns its connection, so that no
    /// earlier fault can hurt it and nothing is sent twice. Certificates may rest on `trusted` ones, beside those that
    /// the machine trusts.
    ///
    /// # Errors
    /// The TLS set-up of the machine cannot be used.
    pub fn new(trusted: impl IntoIterator<Item = Certificate>) -> Result<Self, reqwest::Error> {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(USER_AGENT)
            .pool_max_idle_per_host(0)
            .tcp_nodelay(true)
            .http1_only()
            .tls_certs_merge(trusted)
            .build()?;
        Ok(Self { http })
    }

    /// Sends a request. `progress` is told the number of events so far, and that the client pauses.
    pub async fn send(&self, sent: &Sent, manner: Manner, progress: &Progress) -> Outcome {
        let end = Instant::now() + manner.timeout;
        let request = match self.request(sent) {
            Ok(request) => request,
            Err(problem) => return Outcome::NoAnswer(problem),
        };
        let response = match timeout_at(end, self.http.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Outcome::NoAnswer(reasons(&error)),
            Err(_) => return Outcome::TimedOut,
        };
        let status = response.status().as_u16();
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let mut received = Received {
            status,
            headers: headers.collect(),
            body: Bytes::new(),
            end: End::Whole,
            events: Vec::new(),
        };
        if manner.disconnect == Some(DisconnectAfter::Headers) {
            received.end = End::HungUp;
            return Outcome::Answer(received);
        }
        read_body(response, &mut received, manner, end, progress).await;
        Outcome::Answer(received)
    }

    fn request(&self, sent: &Sent) -> Result<reqwest::Request, String> {
        let method = sent
            .method
            .parse()
            .map_err(|_| format!("'{}' is no method", sent.method))?;
        let url: reqwest::Url = sent
            .url
            .parse()
            .map_err(|error| format!("'{}' is no URL: {error}", sent.url))?;
        let mut request = reqwest::Request::new(method, url);
        for (name, value) in &sent.headers {
            let parsed = HeaderName::try_from(name.as_str())
                .ok()
                .zip(HeaderValue::try_from(value.as_str()).ok());
            let (name, value) = parsed.ok_or_else(|| format!("header '{name}' cannot be sent"))?;
            request.headers_mut().append(name, value);
        }
        // Without it any coding would be a legal answer (RFC 9110, section 12.5.3), and this client decodes none.
        if !request.headers().contains_key(ACCEPT_ENCODING) {
            let identity = HeaderValue::from_static("identity");
            request.headers_mut().insert(ACCEPT_ENCODING, identity);
        }
        if let Some(body) = &sent.body {
            let body = body.clone();
            *request.body_mut() = Some(if sent.chunked {
                reqwest::Body::wrap_stream(futures_util::stream::iter(pieces(&body)))
            } else {
                reqwest::Body::from(body)
            });
        }
        Ok(request)
    }
}

async fn read_body(
    response: reqwest::Response,
    received: &mut Received,
    manner: Manner,
    mut end: Instant,
    progress: &Progress,
) {
    let mut framed = Framed::of(received);
    let mut pause = manner.pause;
    let mut body = BytesMut::new();
    let mut chunks = response.bytes_stream();
    received.end = loop {
        let chunk = match timeout_at(end, chunks.next()).await {
            Err(_) => break End::TimedOut,
            Ok(None) => break End::Whole,
            Ok(Some(Err(error))) => break End::Cut(reasons(&error)),
            Ok(Some(Ok(chunk))) => chunk,
        };
        body.extend_from_slice(&chunk);
        if body.len() > manner.longest_body {
            break End::Cut(format!("more than {} bytes", manner.longest_body));
        }
        let count = match framed.push(&chunk, received) {
            Ok(count) => count,
            Err(problem) => break End::Cut(problem),
        };
        progress.has_events(count);
        match manner.disconnect {
            Some(DisconnectAfter::Event(wanted)) if count >= wanted => break End::HungUp,
            _ => {}
        }
        if let Some(pause) = pause.take_if(|pause| body.len() >= pause.after) {
            let begun = Instant::now();
            progress.pause(pause.longest).await;
            end += begun.elapsed();
        }
    };
    if received.end == End::Whole && framed.has_rest() {
        received.end = End::InsideEvent;
    }
    received.body = body.freeze();
}

/// What in a body counts as an event.
enum Framed {
    /// Server-sent events.
    Events(Reader),
    /// The elements of a list.
    List(list::Counter),
    /// Nothing.
    Whole,
}

impl Framed {
    fn of(received: &Received) -> Self {
        if received.is_stream() {
            return Self::Events(Reader::default());
        }
        match received.is_called_json() {
            true => Self::List(list::Counter::default()),
            false => Self::Whole,
        }
    }

    /// Takes some bytes, keeps the events that they complete, and counts all so far.
    fn push(&mut self, chunk: &[u8], received: &mut Received) -> Result<usize, String> {
        let count = match self {
            Self::Events(reader) => {
                received.events.extend(reader.push(chunk)?);
                received.events.len()
            }
            Self::List(counter) => return Ok(counter.push(chunk)),
            Self::Whole => return Ok(0),
        };
        if count > MOST_EVENTS {
            return Err(format!("more than {MOST_EVENTS} events"));
        }
        Ok(count)
    }

    fn has_rest(&self) -> bool {
        matches!(self, Self::Events(reader) if reader.has_rest())
    }
}

/// Some pieces, so that a chunked body really has chunks.
fn pieces(body: &Bytes) -> Vec<Result<Bytes, std::io::Error>> {
    let middle = body.len() / 2;
    vec![Ok(body.slice(..middle)), Ok(body.slice(middle..))]
}

/// An error with its causes, without the address (which may hold a key).
fn reasons(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = cause {
        parts.push(inner.to_string());
        cause = inner.source();
    }
    parts.dedup();
    if parts.is_empty() {
        return "the exchange failed".to_owned();
    }
    parts.join(": ")
}

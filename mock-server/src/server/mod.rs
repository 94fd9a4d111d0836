//! The edge: sockets, hyper, time. Turns bytes into a [`Request`], asks the core for an answer, plays it.

mod body;
mod connection;
mod play;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use time::OffsetDateTime;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::control;
use crate::core::Core;
use crate::wire::Request;
use connection::{Connection, Line, Stream};
use play::{Player, Watch};

/// A peer that does not finish its head, or stays idle between requests, is cut after this time.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// A peer that does not finish its body is cut after this time.
const BODY_LIMIT: Duration = Duration::from_secs(120);
/// Open answers have this long to end once the server was told to.
const GRACE: Duration = Duration::from_secs(5);
/// Bodies of the control API may be at least so large, whatever was said of those of the providers.
const CONTROL_BODY: usize = 1 << 20;
/// Bodies up to this size are read without a thread of their own.
const QUICK_BODY: usize = 64 << 10;
/// Connections that are served at a time; more wait in the listener's queue.
const CONNECTIONS: usize = 4096;

/// Serves until `stop` turns true, then ends open connections gracefully.
pub(crate) async fn serve(core: Arc<Core>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let tls = core.identity.as_ref();
    let tls = tls.map(|identity| TlsAcceptor::from(Arc::clone(&identity.config)));
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            next = next => next,
            () = told(&mut stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (core, tls, mut stop) = (Arc::clone(&core), tls.clone(), stop.clone());
                open.spawn(async move {
                    if let Some(stream) = greet(stream, tls, &mut stop).await {
                        connection(core, stream, peer, stop).await;
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of file handles, most likely: give the open connections time to close.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let all = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        tracing::warn!("some answers did not end in time and were cut");
    }
}

/// The stream that requests come on, behind the handshake of TLS; none where there is none.
async fn greet(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    stop: &mut watch::Receiver<bool>,
) -> Option<Stream> {
    // Without this, small stream frames wait for the peer's acknowledgement (some 40 ms each).
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return Some(Stream::Bare(stream));
    };
    let accepted = tokio::select! {
        accepted = tokio::time::timeout(HEAD_LIMIT, tls.accept(stream)) => accepted.ok()?,
        () = told(stop) => return None,
    };
    match accepted {
        Ok(stream) => Some(Stream::Tls(Box::new(stream))),
        Err(error) => {
            tracing::debug!(%error, "no TLS");
            None
        }
    }
}

async fn connection(
    core: Arc<Core>,
    stream: Stream,
    peer: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let _open = core.metrics.connection();
    let line = Line::default();
    let counted = (Arc::clone(&core), line.clone());
    let io = TokioIo::new(Connection::new(stream, line.clone()));
    let service = service_fn(move |request| exchange(Arc::clone(&core), request, line.clone()));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT);
    let served = http.serve_connection(io, service);
    tokio::pin!(served);
    let stopped = tokio::select! {
        result = served.as_mut() => Some(result),
        () = told(&mut stop) => None,
    };
    let result = match stopped {
        Some(result) => result,
        None => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    let (core, line) = counted;
    core.metrics.sent(line.written());
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// Returns when the server was told to stop, or its owner is gone.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A connection is to be dropped without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection ends here")]
pub(crate) struct Dropped;

async fn exchange(
    core: Arc<Core>,
    request: hyper::Request<Incoming>,
    line: Line,
) -> Result<hyper::Response<body::PlayedBody>, Dropped> {
    let (received, clock) = (OffsetDateTime::now_utc(), Instant::now());
    let control = control::claims(request.uri().path());
    let mut max_body = core.world.settings.max_body;
    if control {
        max_body = max_body.max(CONTROL_BODY);
    }
    let request = tokio::time::timeout(BODY_LIMIT, read(request, max_body))
        .await
        .map_err(|_| Dropped)??;
    let headless = request.method == "HEAD";
    if control {
        let answer = control::answer(&core, &request).await;
        return Player::new(answer, None, Watch::nothing(), line)
            .play(headless)
            .await;
    }
    let visit = if request.body.len() <= QUICK_BODY {
        core.receive(request, received)
    } else {
        let core = Arc::clone(&core);
        on_a_thread(move || core.receive(request, received)).await?
    };
    let watch = Watch::entry(Arc::clone(&core), visit.seq, clock);
    let releases = visit.releases.clone();
    let answer = match core.quick_answer(&visit) {
        Some(answer) => answer,
        None => on_a_thread(move || core.answer(&visit)).await?,
    };
    Player::new(answer, releases, watch, line)
        .play(headless)
        .await
}

/// Does what takes its time where it keeps nobody waiting.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Dropped> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "an answer could not be decided");
        Dropped
    })
}

async fn read(request: hyper::Request<Incoming>, max_body: usize) -> Result<Request, Dropped> {
    let (head, mut body) = request.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let headers = headers.collect();
    let waits = head.headers.contains_key(header::EXPECT);
    let kept = collect(&mut body, max_body, waits).await?;
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers,
        body_too_large: kept.is_none(),
        body: kept.unwrap_or_default(),
    })
}

/// The whole body, or none if it is too large. The rest of such a body is read all the same: most clients look
/// at the answer only when they have sent everything. Who asked before sending (`waits`) is answered at once.
async fn collect(
    body: &mut Incoming,
    max_body: usize,
    waits: bool,
) -> Result<Option<Bytes>, Dropped> {
    if waits && body.size_hint().lower() > max_body as u64 {
        return Ok(None);
    }
    let kept = Limited::new(&mut *body, max_body).collect().await;
    match kept {
        Ok(kept) => return Ok(Some(kept.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => {}
        Err(_) => return Err(Dropped),
    }
    while let Some(frame) = body.frame().await {
        frame.map_err(|_| Dropped)?;
    }
    Ok(None)
}

//! The edge: sockets, hyper, time. Turns bytes into a [`Request`], asks the core for an answer, plays it.

mod body;
mod connection;
mod play;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::control;
use crate::core::Core;
use crate::wire::Request;
use connection::{Abort, Connection};
use play::Player;

/// A peer that does not finish its head, or stays idle between requests, is cut after this time.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// A peer that does not finish its body is cut after this time.
const BODY_LIMIT: Duration = Duration::from_secs(120);
/// Open answers have this long to end once the server was told to.
const GRACE: Duration = Duration::from_secs(5);
/// Connections that are served at a time; more wait in the listener's queue.
const CONNECTIONS: usize = 4096;

/// Serves until `stop` turns true, then ends open connections gracefully.
pub(crate) async fn serve(core: Arc<Core>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let slot = Arc::clone(&slots).acquire_owned().await;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (core, stop) = (Arc::clone(&core), stop.clone());
                open.spawn(async move {
                    connection(core, stream, peer, stop).await;
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
    let all = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        tracing::warn!("some answers did not end in time and were cut");
    }
}

async fn connection(
    core: Arc<Core>,
    stream: TcpStream,
    peer: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    // Without this, small stream frames wait for the peer's acknowledgement (some 40 ms each).
    let _ = stream.set_nodelay(true);
    let abort = Abort::default();
    let io = TokioIo::new(Connection::new(stream, abort.clone()));
    let service = service_fn(move |request| {
        let (core, abort) = (Arc::clone(&core), abort.clone());
        async move { exchange(core, request, abort).await }
    });
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
    abort: Abort,
) -> Result<hyper::Response<body::PlayedBody>, Dropped> {
    let received = Instant::now();
    let max_body = core.world.settings.max_body;
    let request = tokio::time::timeout(BODY_LIMIT, read(request, max_body))
        .await
        .map_err(|_| Dropped)??;
    if request.path == "/_mock" || request.path.starts_with("/_mock/") {
        let answer = control::answer(&core, &request).await;
        return Player::unjournaled(answer, abort).play().await;
    }
    let played = tokio::task::spawn_blocking({
        let core = Arc::clone(&core);
        move || core.answer(&request)
    });
    let played = played.await.map_err(|error| {
        tracing::error!(%error, "an answer could not be decided");
        Dropped
    })?;
    Player::journaled(core, played, received, abort)
        .play()
        .await
}

async fn read(request: hyper::Request<Incoming>, max_body: usize) -> Result<Request, Dropped> {
    let (head, body) = request.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let headers = headers.collect();
    let body = Limited::new(body, max_body).collect().await;
    let (body, body_too_large) = match body {
        Ok(body) => (body.to_bytes(), false),
        Err(error) if error.is::<LengthLimitError>() => (bytes::Bytes::new(), true),
        Err(_) => return Err(Dropped),
    };
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers,
        body,
        body_too_large,
    })
}

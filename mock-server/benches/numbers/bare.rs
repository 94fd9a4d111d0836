//! The server to compare with: hyper, told nothing but what to send. It reads each request whole and answers it
//! with the bytes of a file.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Fallible;
use crate::client::Reply;

/// The argument that makes this program such a server.
pub(crate) const WORD: &str = "serve-bare";

/// What the HTTP library writes itself.
const FRAMING: &[&str] = &["content-length", "date", "transfer-encoding"];

struct Sent {
    reply: Reply,
    body: VecDeque<Bytes>,
}

/// Serves until it is killed.
pub(crate) fn serve(file: &str) -> Fallible<bool> {
    let reply: Reply = serde_json::from_slice(&std::fs::read(file)?)?;
    let body = reply.body.iter().cloned().map(Bytes::from).collect();
    let sent = Arc::new(Sent { reply, body });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let sent = Arc::clone(&sent);
            let service = service_fn(move |request| answer(request, Arc::clone(&sent)));
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    })
}

async fn answer(request: Request<Incoming>, sent: Arc<Sent>) -> Fallible<Response<Frames>> {
    request.into_body().collect().await?;
    let mut response = Response::builder().status(sent.reply.status);
    for (name, value) in &sent.reply.headers {
        if !FRAMING.contains(&name.as_str()) {
            response = response.header(name, value);
        }
    }
    Ok(response.body(Frames {
        left: sent.body.clone(),
        chunked: sent.reply.is_stream(),
    })?)
}

/// Everything at once, each chunk a frame.
struct Frames {
    left: VecDeque<Bytes>,
    chunked: bool,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.left.pop_front().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && !self.chunked
    }

    fn size_hint(&self) -> SizeHint {
        match self.chunked {
            true => SizeHint::default(),
            false => SizeHint::with_exact(self.left.iter().map(|b| b.len() as u64).sum()),
        }
    }
}

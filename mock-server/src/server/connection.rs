//! A connection that can be reset: hyper only knows how to close one.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::server::play::RAW_LENGTH;

/// What a connection and the player of its answers tell each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Arc<State>);

#[derive(Debug, Default)]
struct State {
    chunked: AtomicBool,
    reset: AtomicBool,
    written: AtomicU64,
}

impl Line {
    /// From now on, dropping the connection resets it.
    pub(super) fn reset(&self) {
        self.0.reset.store(true, Ordering::Release);
    }

    /// The next head that is written says that its body is chunked, where it announced [`RAW_LENGTH`].
    pub(super) fn say_chunked(&self) {
        self.0.chunked.store(true, Ordering::Release);
    }

    /// The bytes that the system has taken so far.
    pub(super) fn written(&self) -> u64 {
        self.0.written.load(Ordering::Acquire)
    }

    /// The bytes as they are to be written, none where they stay as they are. The two headers are of the same
    /// length, so that nobody has to know of the exchange.
    fn edited(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.0.chunked.load(Ordering::Acquire) {
            return None;
        }
        let length = format!("content-length: {RAW_LENGTH}");
        let windows = bytes.windows(length.len());
        let at = windows
            .into_iter()
            .position(|window| window == length.as_bytes())?;
        let mut edited = bytes.to_vec();
        edited[at..at + length.len()].copy_from_slice(b"transfer-encoding: chunked");
        Some(edited)
    }

    fn wrote(&self, edited: bool, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.0.written.fetch_add(*bytes as u64, Ordering::AcqRel);
            if edited {
                self.0.chunked.store(false, Ordering::Release);
            }
        }
    }
}

/// A stream that is reset when it is dropped after [`Line::reset`].
pub(super) struct Connection {
    stream: Stream,
    line: Line,
}

/// A TCP stream, bare or below TLS.
pub(super) enum Stream {
    Bare(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    pub(super) fn new(stream: Stream, line: Line) -> Self {
        Self { stream, line }
    }
}

trait ReadWrite: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> ReadWrite for T {}

impl Stream {
    fn pinned(&mut self) -> Pin<&mut dyn ReadWrite> {
        match self {
            Self::Bare(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Bare(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.line.0.reset.load(Ordering::Acquire) {
            // Lingering for no time makes close() send RST and throw away what was not sent.
            let _ = socket2::SockRef::from(self.stream.socket()).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.pinned().poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let edited = self.line.edited(bytes);
        let bytes = edited.as_deref().unwrap_or(bytes);
        let written = self.stream.pinned().poll_write(context, bytes);
        self.line.wrote(edited.is_some(), &written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.pinned().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.pinned().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.line.0.chunked.load(Ordering::Acquire) {
            // The head comes first, in one piece.
            let first = pieces.iter().find(|piece| !piece.is_empty());
            return self.poll_write(context, first.map_or(&[], |piece| piece));
        }
        let written = self.stream.pinned().poll_write_vectored(context, pieces);
        self.line.wrote(false, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Bare(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

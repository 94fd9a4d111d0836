//! Connections read byte by byte, where the wire itself matters.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::PATIENCE;

/// A connection that is read byte by byte.
pub(crate) struct Raw(pub(crate) TcpStream);

/// What came over a connection until its end.
pub(crate) struct Ended {
    pub(crate) bytes: Vec<u8>,
    /// None for FIN.
    pub(crate) error: Option<ErrorKind>,
}

impl Raw {
    /// Sends a request with a length; `headers` are whole lines.
    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: mock\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// Reads until this many bytes behind the head are there.
    pub(crate) async fn read_body(&mut self, wanted: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let body = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(head) = body
                && bytes.len() >= head + 4 + wanted
            {
                return bytes.split_off(head + 4);
            }
            let mut buffer = [0; 4096];
            let read = tokio::time::timeout(PATIENCE, self.0.read(&mut buffer)).await;
            let read = read.unwrap().unwrap();
            assert!(read > 0, "ended after {} bytes", bytes.len());
            bytes.extend(&buffer[..read]);
        }
    }

    pub(crate) async fn read_to_end(mut self) -> Ended {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        let error = read.unwrap().err().map(|error| error.kind());
        Ended { bytes, error }
    }
}

impl Ended {
    /// Status line and headers, and the bytes behind them.
    pub(crate) fn parts(&self) -> (String, &[u8]) {
        let head = self
            .bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n");
        let (head, body) = self.bytes.split_at(head.unwrap() + 4);
        (String::from_utf8(head.to_vec()).unwrap(), body)
    }

    pub(crate) fn content_length(&self) -> usize {
        let (head, _) = self.parts();
        let value = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        value.unwrap().parse().unwrap()
    }

    /// The chunks of a chunked body, and whether the last, empty one is there.
    pub(crate) fn chunks(&self) -> (Vec<String>, bool) {
        let (head, body) = self.parts();
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        let mut chunks = Vec::new();
        let mut rest = std::str::from_utf8(body).unwrap();
        while let Some((size, tail)) = rest.split_once("\r\n") {
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                assert_eq!(tail, "\r\n");
                return (chunks, true);
            }
            let Some((chunk, tail)) = tail.split_at_checked(size) else {
                chunks.push(tail.to_owned());
                break;
            };
            chunks.push(chunk.to_owned());
            rest = tail.strip_prefix("\r\n").unwrap_or_default();
        }
        (chunks, false)
    }
}

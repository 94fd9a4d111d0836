//! A client that costs next to nothing: one connection, blocking, no HTTP library.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde::{Deserialize, Serialize};

use crate::Fallible;

/// A connection that stays open.
pub(crate) struct Client(BufReader<TcpStream>);

/// An answer; texts only, as all answers of the Images API are.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The chunks, one without chunking.
    pub(crate) body: Vec<Vec<u8>>,
}

/// A POST with a JSON body.
pub(crate) fn request(path: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-anything\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Fallible<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(256 << 10, stream)))
    }

    /// Sends a request and reads its whole answer.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Fallible<Reply> {
        self.0.get_mut().write_all(request)?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).ok_or("no status line")?.parse()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        if status != 200 {
            return Err(format!("answered with {status}").into());
        }
        match reply.header("content-length") {
            Some(length) => reply.body.push(self.bytes(length.parse()?)?),
            None => loop {
                let length = usize::from_str_radix(&self.line()?, 16)?;
                let chunk = self.bytes(length)?;
                self.line()?;
                if length == 0 {
                    break;
                }
                reply.body.push(chunk);
            },
        }
        Ok(reply)
    }

    fn line(&mut self) -> Fallible<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err("the connection ended".into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    fn bytes(&mut self, length: usize) -> Fallible<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.header("content-length").is_none()
    }
}

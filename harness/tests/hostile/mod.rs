//! A server on a loopback port that is written by hand, so that it can break every rule.

use std::io::{Read as _, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

/// What is written to whoever asks for more than the probe; it gets the request.
pub(crate) type Behaviour = fn(&str, &mut dyn Write) -> std::io::Result<()>;

/// A server that passes the probe on to the mock and behaves badly from then on.
pub(crate) fn start(behaviour: Behaviour, upstream: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let upstream = upstream.clone();
            std::thread::spawn(move || serve(stream.unwrap(), behaviour, &upstream));
        }
    });
    url
}

fn serve(mut client: TcpStream, behaviour: Behaviour, upstream: &str) {
    let request = read_request(&mut client);
    if contains(&request, b"\"1x1\"") {
        let mut mock = TcpStream::connect(upstream.strip_prefix("http://").unwrap()).unwrap();
        mock.write_all(&request).unwrap();
        mock.set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let mut answer = Vec::new();
        // The mock keeps the connection open: the answer ends with the silence.
        let _ = mock.read_to_end(&mut answer);
        client.write_all(&answer).unwrap();
        return;
    }
    // The harness hangs up when it has had enough.
    let _ = behaviour(&String::from_utf8_lossy(&request), &mut client);
    let _ = client.shutdown(Shutdown::Write);
}

fn read_request(client: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = client.read(&mut piece).unwrap_or_default();
        request.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if length == 0 {
                return request;
            }
            continue;
        };
        let stated = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let stated: usize = stated
            .and_then(|length| length.parse().ok())
            .unwrap_or_default();
        if body.len() >= stated || length == 0 {
            return request;
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// A whole answer with this body.
pub(crate) fn answer(out: &mut dyn Write, kind: &str, body: &[u8]) -> std::io::Result<()> {
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )?;
    out.write_all(body)
}

/// The head of an answer that ends with the connection.
pub(crate) fn head(out: &mut dyn Write, kind: &str) -> std::io::Result<()> {
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n"
    )
}

/// The same bytes, until the harness hangs up.
pub(crate) fn forever(out: &mut dyn Write, bytes: &[u8]) -> std::io::Result<()> {
    let many = bytes.repeat((1 << 16) / bytes.len() + 1);
    loop {
        out.write_all(&many)?;
    }
}

/// Longer than the time limit of the tests.
pub(crate) fn wait() {
    std::thread::sleep(Duration::from_secs(5));
}

/// An answer as it should be, as far as its form goes.
pub(crate) fn good_body() -> String {
    json!({ "created": 1_795_000_000, "data": [{ "b64_json": png(8, 8) }] }).to_string()
}

/// A small file that says it is a picture of this size, all of it transparent.
pub(crate) fn png(width: u32, height: u32) -> String {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let pixels = vec![0; (width * height) as usize];
    image::ImageEncoder::write_image(
        encoder,
        &pixels,
        width,
        height,
        image::ExtendedColorType::L8,
    )
    .unwrap();
    BASE64_STANDARD.encode(bytes)
}

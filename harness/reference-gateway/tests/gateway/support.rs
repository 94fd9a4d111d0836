//! A gateway in front of an upstream that does what a test tells it.

use std::sync::Arc;

use reference_gateway::{Clients, Config, Group, Handle, Provider, start};
use reqwest::Response;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const UPSTREAM_KEY: &str = "sk-up-7f3kq9zv2m8x";
pub(crate) const PATH: &str = "/v1/images/generations";
/// A PNG of one pixel.
pub(crate) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Settings in front of `upstream`, with a key for it and one client key `key-GROUP` for each group.
pub(crate) fn config(upstream: &str) -> Config {
    let mut config = Config::new(upstream.parse().unwrap());
    for upstream in config.upstreams.values_mut() {
        upstream.key = Some(UPSTREAM_KEY.parse().unwrap());
    }
    assert!(config.upstreams.contains_key(&Provider::OpenAi));
    let keys = Group::ALL
        .iter()
        .map(|group| (format!("key-{}", group.name()).parse().unwrap(), *group));
    config.clients = Clients::Listed(keys.collect());
    config
}

pub(crate) async fn launch(config: Config) -> Handle {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    start(config, listener).unwrap()
}

/// A gateway in front of a wiremock server that answers everything with `answer`.
pub(crate) async fn in_front_of(answer: ResponseTemplate) -> (Handle, MockServer) {
    let upstream = MockServer::start().await;
    Mock::given(any())
        .respond_with(answer)
        .mount(&upstream)
        .await;
    (launch(config(&upstream.uri())).await, upstream)
}

pub(crate) fn image_answer() -> ResponseTemplate {
    let body = format!(
        "{{\n  \"created\": 1779912000,\n  \"data\": [\n    {{\n      \"b64_json\": \"{PNG}\"\n    }}\n  ],\n  \"usage\": {{\"total_tokens\": 1.50}}\n}}"
    );
    ResponseTemplate::new(200).set_body_raw(body, "application/json")
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap()
}

/// Posts `body` with the key of a good client.
pub(crate) async fn post(gateway: &Handle, body: &str) -> Response {
    post_as(gateway, "key-openai", body).await
}

pub(crate) async fn post_as(gateway: &Handle, key: &str, body: &str) -> Response {
    client()
        .post(format!("{}{PATH}", gateway.url()))
        .bearer_auth(key)
        .header("content-type", "application/json")
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
}

/// Checks the envelope and gives status and error object.
pub(crate) async fn error_of(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&body), ["error"]);
    let error = body["error"].clone();
    assert_eq!(keys(&error), ["message", "type", "param", "code"]);
    assert!(error["message"].is_string() && error["type"].is_string());
    for name in ["param", "code"] {
        assert!(error[name].is_null() || error[name].is_string());
    }
    (status, error)
}

/// An upstream on a bare socket: takes a call, hands the connection to the test.
pub(crate) struct BareUpstream {
    pub(crate) url: String,
    calls: mpsc::UnboundedReceiver<TcpStream>,
}

impl BareUpstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, calls) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let sender = sender.clone();
                tokio::spawn(async move {
                    read_request(&mut stream).await;
                    sender.send(stream)
                });
            }
        });
        Self { url, calls }
    }

    /// The next call, whose request has been read.
    pub(crate) async fn call(&mut self) -> TcpStream {
        self.calls.recv().await.unwrap()
    }

    /// Whether no call is waiting to be taken.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.calls.try_recv().is_err()
    }
}

/// Reads a request with a `content-length` body, returning it as text.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.unwrap();
        read.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let announced = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")
                        .map(str::to_owned)
                })
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= announced {
                return text.into_owned();
            }
        }
        assert_ne!(length, 0, "the request was cut");
    }
}

/// The start of a chunked event stream.
pub(crate) async fn begin_stream(stream: &mut TcpStream) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                transfer-encoding: chunked\r\nx-request-id: req_1\r\nset-cookie: a=b\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
}

pub(crate) async fn send_chunk(stream: &mut TcpStream, data: &str) {
    let chunk = format!("{:x}\r\n{data}\r\n", data.len());
    stream.write_all(chunk.as_bytes()).await.unwrap();
}

pub(crate) async fn end_stream(stream: &mut TcpStream) {
    stream.write_all(b"0\r\n\r\n").await.unwrap();
}

/// A streaming request, its upstream call, and the client's answer once the upstream's head is out.
pub(crate) async fn streamed() -> (Arc<Handle>, BareUpstream, TcpStream, Response) {
    let mut upstream = BareUpstream::start().await;
    let gateway = Arc::new(launch(config(&upstream.url)).await);
    let request = tokio::spawn({
        let gateway = gateway.clone();
        async move { post(&gateway, r#"{"prompt":"x","stream":true}"#).await }
    });
    let mut call = upstream.call().await;
    begin_stream(&mut call).await;
    let response = request.await.unwrap();
    (gateway, upstream, call, response)
}

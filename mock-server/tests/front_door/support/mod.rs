//! A server, a client that does nothing of its own accord, and what tests need to read answers.

mod events;
mod form;
mod raw;

pub(crate) use events::{EventReader, events};
pub(crate) use form::Form;
pub(crate) use raw::{Ended, Raw};

use std::sync::Once;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use image::DynamicImage;
use mock_server::MockServer;
use mock_server::image::provenance::{self, Mark, Provenance};
use mock_server::journal::{Entry, Page};
use mock_server::settings::Settings;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;

pub(crate) const KEY: &str = "sk-test-0123456789";
pub(crate) const TOKEN: &str = "abcdefgh23";
pub(crate) const GENERATIONS: &str = "/v1/images/generations";
/// Something that should come has not come after this time: the test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Mock {
    pub(crate) server: MockServer,
    client: Client,
}

pub(crate) async fn start() -> Mock {
    start_with(|_| ()).await
}

pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Mock {
    running(
        MockServer::builder()
            .configure(change)
            .start()
            .await
            .unwrap(),
    )
}

pub(crate) fn running(server: MockServer) -> Mock {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let provider = rustls::crypto::ring::default_provider();
        provider.install_default().unwrap();
    });
    let client = Client::builder()
        .no_proxy()
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .build();
    Mock {
        server,
        client: client.unwrap(),
    }
}

/// A small and quick request; its model takes `stream`, `n` and everything else.
pub(crate) fn small(prompt: &str) -> Value {
    json!({ "model": "gpt-image-1", "prompt": prompt, "quality": "low" })
}

/// The same as a stream with so many partial images.
pub(crate) fn streamed(prompt: &str, partial_images: u8) -> Value {
    let mut body = small(prompt);
    body["stream"] = json!(true);
    body["partial_images"] = json!(partial_images);
    body
}

impl Mock {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.server.url());
        self.client.request(method, url)
    }

    /// A generations request with a good credential.
    pub(crate) fn post(&self, body: &Value) -> RequestBuilder {
        self.post_with_query("", body)
    }

    /// The same, with something behind the path.
    pub(crate) fn post_with_query(&self, query: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, &format!("{GENERATIONS}{query}"))
            .bearer_auth(KEY)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) async fn generate(&self, body: &Value) -> Reply {
        Reply::of(self.post(body)).await
    }

    /// A form with a good credential.
    pub(crate) async fn submit(&self, path: &str, form: Form) -> Reply {
        let request = self.request(Method::POST, path).bearer_auth(KEY);
        let request = request.header("content-type", Form::content_type());
        Reply::of(request.body(form.body())).await
    }

    /// JSON with a good credential.
    pub(crate) async fn send(&self, path: &str, body: &Value) -> Reply {
        let request = self.request(Method::POST, path).bearer_auth(KEY);
        let request = request.header("content-type", "application/json");
        Reply::of(request.body(body.to_string())).await
    }

    pub(crate) async fn get_with_key(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path).bearer_auth(KEY)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn fetch(&self, url: &str) -> Reply {
        Reply::of(self.client.get(url)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        Reply::of(self.request(Method::PUT, path).body(body.to_string())).await
    }

    pub(crate) async fn command(&self, method: Method, path: &str) -> Reply {
        Reply::of(self.request(method, path)).await
    }

    /// Sets the script of [`TOKEN`].
    pub(crate) async fn script(&self, answers: &Value) -> u64 {
        let path = format!("/_mock/scripts/{TOKEN}");
        let reply = self.put(&path, &json!({ "answers": answers })).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["last"].as_u64().unwrap()
    }

    /// Opens one hold of [`TOKEN`].
    pub(crate) async fn release(&self) {
        let path = format!("/_mock/scripts/{TOKEN}/release");
        let reply = self.command(Method::POST, &path).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// The journal by the control API.
    pub(crate) async fn journal(&self, query: &str) -> Page {
        let reply = self.get(&format!("/_mock/journal?{query}")).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// The last entry, once there is one.
    pub(crate) async fn last_entry(&self) -> Entry {
        let mut page = self.journal("wait=60s").await;
        page.entries.pop().unwrap()
    }

    /// The last entry, once it is as wanted.
    pub(crate) async fn entry_when(&self, wanted: impl Fn(&Entry) -> bool) -> Entry {
        let since = Instant::now();
        loop {
            let entry = self.last_entry().await;
            if wanted(&entry) {
                return entry;
            }
            assert!(since.elapsed() < PATIENCE, "still {entry:#?}");
            tokio::task::yield_now().await;
        }
    }

    /// A connection of its own, for what the wire itself shows.
    pub(crate) async fn raw(&self) -> Raw {
        let address = self.server.url();
        let address = address.strip_prefix("http://").unwrap();
        Raw(TcpStream::connect(address).await.unwrap())
    }

    /// Sends a generations request on a connection of its own, which the server is to close after the answer.
    pub(crate) async fn raw_generate(&self, body: &Value) -> Raw {
        let mut raw = self.raw().await;
        let headers = format!("authorization: Bearer {KEY}\r\nconnection: close\r\n");
        raw.send("POST", GENERATIONS, &headers, &body.to_string())
            .await;
        raw
    }
}

/// An answer that was read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The message of an error, with type, param and code.
    pub(crate) fn error(&self) -> (u16, Value) {
        (self.status, self.json()["error"].take())
    }

    /// `error.code`, or `ok`.
    pub(crate) fn outcome(&self) -> String {
        match self.status {
            200 => "ok".to_owned(),
            status => {
                let (_, error) = self.error();
                error["code"]
                    .as_str()
                    .map_or(status.to_string(), str::to_owned)
            }
        }
    }

    /// The files of `data[].b64_json`.
    pub(crate) fn images(&self) -> Vec<Picture> {
        assert_eq!(self.status, 200, "{}", self.text());
        let body = self.json();
        let items = body["data"].as_array().unwrap().iter();
        items
            .map(|item| Picture::of_base64(&item["b64_json"]))
            .collect()
    }
}

/// A file of this size, as the tests' own image library writes it.
pub(crate) fn drawn(width: u32, height: u32, format: image::ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let image = DynamicImage::new_rgb8(width, height);
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// An image file.
pub(crate) struct Picture(pub(crate) Bytes);

impl Picture {
    pub(crate) fn of_base64(text: &Value) -> Self {
        let bytes = BASE64_STANDARD.decode(text.as_str().unwrap());
        Self(bytes.unwrap().into())
    }

    pub(crate) fn mime(&self) -> &'static str {
        image::guess_format(&self.0).unwrap().to_mime_type()
    }

    pub(crate) fn decode(&self) -> DynamicImage {
        image::load_from_memory(&self.0).unwrap()
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        let image = self.decode();
        (image.width(), image.height())
    }

    pub(crate) fn metadata(&self) -> Provenance {
        provenance::read_metadata(&self.0).unwrap()
    }

    pub(crate) fn strip(&self) -> Mark {
        let luma = self.decode().to_luma8();
        let pixel = |x, y| luma.get_pixel(x, y)[0];
        provenance::read_strip(luma.width(), luma.height(), pixel).unwrap()
    }

    pub(crate) fn sha256(&self) -> String {
        sha256(&self.0)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    mock_server::provider::hex_sha256(bytes)
}

/// The names of an object's members, in their order.
pub(crate) fn names(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

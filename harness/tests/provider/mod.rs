//! Asks the mock as a client of a provider does, and keeps the answer as a recording.

pub(crate) mod call;

use harness::recording::{Body, Images, Recording};
use mock_server::MockServer;

/// One request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// A mock that serves every model, and a client.
pub(crate) struct Bench {
    pub(crate) mock: MockServer,
    http: reqwest::Client,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = MockServer::builder().configure(|settings| settings.legacy_models = true);
        Self {
            mock: builder.start().await.unwrap(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// The answer as a recording of this provider.
    pub(crate) async fn ask(&self, provider: &str, question: &Question) -> Recording {
        let method = question.method.parse().unwrap();
        let url = format!("{}{}", self.mock.url(), question.path);
        let mut request = self.http.request(method, url);
        for (name, value) in &question.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &question.body {
            request = request.body(body.clone());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        });
        let headers: Vec<_> = headers.collect();
        let media_type = headers.iter().find(|(name, _)| name == "content-type");
        let media_type = media_type.map_or(String::new(), |(_, value)| value.clone());
        let text = answer.text().await.unwrap();
        let path = question.path.split('?').next().unwrap_or_default();
        Recording {
            provider: provider.to_owned(),
            method: Some(question.method.clone()),
            endpoint: path.to_owned(),
            status,
            headers,
            headers_complete: true,
            images: Images::Whole,
            body: Some(Body::of_text(text, &media_type)),
            secrets: Vec::new(),
        }
    }
}

/// The header with which a provider's clients show their key.
pub(crate) fn credential(provider: &str, path: &str) -> (String, String) {
    let (name, value) = match provider {
        "azure" => ("api-key", "azure-key-of-the-loop"),
        "gemini" if !path.contains("/openai/") => ("x-goog-api-key", "gemini-key-of-the-loop"),
        _ => ("authorization", "Bearer key-of-the-loop"),
    };
    (name.to_owned(), value.to_owned())
}

const BOUNDARY: &str = "----form-of-the-loop";

/// A multipart form: text fields, then files of this type.
pub(crate) fn form(fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    let mut part = |head: String, content: &[u8]| {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n");
        body.extend(head.into_bytes());
        body.extend(content);
        body.extend(b"\r\n");
    };
    for (name, value) in fields {
        part(format!("name=\"{name}\""), value.as_bytes());
    }
    for (name, content) in files {
        let head = format!("name=\"{name}\"; filename=\"a.png\"\r\nContent-Type: image/png");
        part(head, content);
    }
    body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

/// A small square PNG.
pub(crate) fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbaImage::from_pixel(256, 256, image::Rgba([9, 99, 199, 128]));
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

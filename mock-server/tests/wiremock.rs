//! The matcher and responder for a `wiremock::MockServer`.
#![cfg(feature = "wiremock")]
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use mock_server::settings::Settings;
use mock_server::wiremock::ImageApi;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer};

const OPENAI: &str = "/v1/images/generations";
const AZURE: &str =
    "/openai/deployments/gpt-image-1/images/generations?api-version=2025-04-01-preview";
const GEMINI: &str = "/v1beta/models/gemini-2.5-flash-image:generateContent";
const VERTEX: &str = "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash-image:generateContent";

async fn serving(api: ImageApi, calls: u64) -> MockServer {
    let server = MockServer::start().await;
    let mock = Mock::given(api.clone()).respond_with(api).expect(calls);
    mock.mount(&server).await;
    server
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn post(server: &MockServer, path: &str, prompt: &str) -> (u16, String) {
    let client = client();
    let request = client.post(format!("{}{path}", server.uri()));
    let request = request.header("content-type", "application/json");
    let request = match path {
        GEMINI => request.header("x-goog-api-key", "k"),
        AZURE => request.header("api-key", "k"),
        _ => request.bearer_auth("k"),
    };
    let body = match path {
        GEMINI | VERTEX => {
            json!({ "contents": [{ "role": "user", "parts": [{ "text": prompt }] }] })
        }
        _ => json!({ "model": "gpt-image-1", "prompt": prompt, "quality": "low" }),
    };
    let reply = request.body(body.to_string()).send().await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

#[tokio::test]
async fn it_answers_as_each_provider_and_names_what_it_cannot_play() {
    let api = ImageApi::new(Settings::default()).unwrap();
    let server = serving(api.clone(), 12).await;
    for (path, image, quota) in [
        (OPENAI, "/data/0/b64_json", "/error/code"),
        (AZURE, "/data/0/b64_json", "/error/code"),
        (
            GEMINI,
            "/candidates/0/content/parts/1/inlineData/data",
            "/error/status",
        ),
        (
            VERTEX,
            "/candidates/0/content/parts/1/inlineData/data",
            "/error/status",
        ),
    ] {
        let (status, text) = post(&server, path, "a fox").await;
        let body: Value = serde_json::from_str(&text).unwrap();
        let found = body.pointer(image).and_then(Value::as_str);
        assert!(
            status == 200 && found.is_some_and(|data| data.len() > 1000),
            "{path}: {text:.300}"
        );
        let (status, text) = post(&server, path, "a fox [[mock:rate-limit]]").await;
        let body: Value = serde_json::from_str(&text).unwrap();
        assert!(
            status == 429 && body.pointer(quota).is_some(),
            "{path}: {text}"
        );
        let (status, text) = post(&server, path, "a fox [[mock:reset]]").await;
        assert!(
            status == 501 && text.contains("needs the wire"),
            "{path}: {text}"
        );
    }
    assert_eq!(api.verdict().calls, 12);
    let providers: Vec<_> = api.journal("").entries.into_iter().step_by(3).collect();
    let providers: Vec<_> = providers
        .iter()
        .map(|entry| entry.provider.as_deref())
        .collect();
    assert_eq!(providers, ["openai", "azure", "gemini", "vertex"].map(Some));
}

#[tokio::test]
async fn one_provider_leaves_the_others_to_other_mocks() {
    let api = ImageApi::new(Settings::default()).unwrap();
    assert!(api.only("anthropic").is_none());
    let server = serving(api.only("azure").unwrap(), 1).await;
    assert_eq!(post(&server, AZURE, "a fox").await.0, 200);
    for path in [OPENAI, GEMINI, VERTEX, "/healthz"] {
        assert_eq!(post(&server, path, "a fox").await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn files_that_answers_point_at_are_there() {
    let server = MockServer::start().await;
    let settings = Settings {
        public_url: Some(server.uri()),
        legacy_models: true,
        ..Settings::default()
    };
    let api = ImageApi::new(settings).unwrap();
    let mock = Mock::given(api.clone()).respond_with(api);
    mock.mount(&server).await;
    let client = client();
    let request = client
        .post(format!("{}{OPENAI}", server.uri()))
        .bearer_auth("k");
    let request = request.header("content-type", "application/json");
    let reply = request
        .body(r#"{"model":"dall-e-2","prompt":"a fox","size":"256x256"}"#)
        .send();
    let body: Value = serde_json::from_slice(&reply.await.unwrap().bytes().await.unwrap()).unwrap();
    let file = client.get(body["data"][0]["url"].as_str().unwrap()).send();
    let file = file.await.unwrap().bytes().await.unwrap();
    assert!(file.starts_with(b"\x89PNG"));
}

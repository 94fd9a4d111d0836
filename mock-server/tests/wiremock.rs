//! The responder for a `wiremock::MockServer`.
#![cfg(feature = "wiremock")]

use mock_server::settings::Settings;
use mock_server::wiremock::ImageApi;
use wiremock::{Mock, MockServer};

#[tokio::test]
async fn it_answers_as_the_provider_and_names_what_it_cannot_play() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = MockServer::start().await;
    let api = ImageApi::new(Settings::default()).unwrap();
    let mock = Mock::given(api.clone()).respond_with(api.clone()).expect(3);
    mock.mount(&server).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (fault, status, text) in [
        ("ok", 200, "b64_json"),
        ("quota", 429, "insufficient_quota"),
        ("reset", 501, "needs the wire"),
    ] {
        let body = format!(r#"{{"model":"gpt-image-1","prompt":"a fox [[mock:{fault}]]"}}"#);
        let url = format!("{}/v1/images/generations", server.uri());
        let request = client.post(url).bearer_auth("sk-1").body(body);
        let reply = request.header("content-type", "application/json").send();
        let reply = reply.await.unwrap();
        assert_eq!(reply.status().as_u16(), status);
        assert!(reply.text().await.unwrap().contains(text));
    }
    assert_eq!(api.verdict().calls, 3);
}

//! Credentials: what is accepted, what is refused, and how.

use reqwest::Method;
use serde_json::json;

use crate::support::{GENERATIONS, Mock, Reply, small, start, start_with};

async fn with_authorization(mock: &Mock, value: Option<&str>) -> Reply {
    let mut request = mock
        .request(Method::POST, GENERATIONS)
        .body(small("a fox").to_string());
    if let Some(value) = value {
        request = request.header("authorization", value);
    }
    Reply::of(request).await
}

#[tokio::test]
async fn anything_is_accepted_but_nothing_is_not() {
    let mock = start().await;
    for value in [
        "Bearer x",
        "bearer sk-1",
        "Bearer My API Key",
        "Bearer ключ",
    ] {
        assert_eq!(
            with_authorization(&mock, Some(value)).await.status,
            200,
            "{value}"
        );
    }
    for value in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer   "),
        Some("sk-1"),
        Some("Basic eDp5"),
    ] {
        let reply = with_authorization(&mock, value).await;
        assert_eq!(reply.status, 401, "{value:?}");
        let (_, error) = reply.error();
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("You didn't provide an API key."),
            "{message}"
        );
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!(
            (&error["param"], &error["code"]),
            (&json!(null), &json!(null))
        );
    }
}

#[tokio::test]
async fn an_invalid_key_is_shown_masked() {
    let mock = start().await;
    for (key, shown) in [
        ("invalid", "invalid"),
        ("invalid-123452345", "invalid-*****2345"),
        ("not-a-valid-ключ-invalid", "not-a-va************alid"),
    ] {
        let reply = with_authorization(&mock, Some(&format!("Bearer {key}"))).await;
        let message = format!(
            "Incorrect API key provided: {shown}. You can find your API key at https://platform.openai.com/account/api-keys."
        );
        let error = json!({
            "message": message, "type": "invalid_request_error", "param": null, "code": "invalid_api_key",
        });
        assert_eq!(reply.error(), (401, error));
    }
}

#[tokio::test]
async fn a_401_looks_as_it_was_recorded() {
    let mock = start().await;
    let reply = with_authorization(&mock, Some("Bearer invalid1")).await;
    // Recorded with a key of eight characters: a length of 237.
    let recorded = reply.text().replace("invalid1", "fake_key");
    assert_eq!(recorded.len(), 237);
    assert!(recorded.starts_with(
        "{\n  \"error\": {\n    \"message\": \"Incorrect API key provided: fake_key."
    ));
    assert!(recorded.ends_with("    \"code\": \"invalid_api_key\"\n  }\n}"));
    assert_eq!(
        reply.header("www-authenticate"),
        Some("Bearer realm=\"OpenAI API\"")
    );
    assert!(reply.header("x-request-id").is_some());
    for name in [
        "openai-organization",
        "openai-project",
        "openai-processing-ms",
    ] {
        assert_eq!(reply.header(name), None);
    }
}

#[tokio::test]
async fn only_listed_keys_are_accepted_if_there_is_a_list() {
    let keys = ["sk-first".to_owned(), "invalid-but-listed".to_owned()];
    let mock = start_with(|settings| settings.api_keys = keys.to_vec()).await;
    for (key, status) in [
        ("sk-first", 200),
        ("invalid-but-listed", 200),
        ("sk-other", 401),
        ("sk-firs", 401),
    ] {
        let reply = with_authorization(&mock, Some(&format!("Bearer {key}"))).await;
        assert_eq!(reply.status, status, "{key}");
    }
}

#[tokio::test]
async fn the_credential_is_looked_at_before_the_body() {
    let mock = start().await;
    let request = mock.request(Method::POST, GENERATIONS).body("{");
    assert_eq!(Reply::of(request).await.status, 401);
}

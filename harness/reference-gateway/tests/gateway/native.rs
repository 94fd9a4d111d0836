//! The native route of Gemini groups.

use reqwest::Response;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use wiremock::ResponseTemplate;

use crate::support::{BareUpstream, PNG, UPSTREAM_KEY, client, config, in_front_of, launch};
use reference_gateway::Handle;

const MODEL: &str = "/v1beta/models/gemini-2.5-flash-image";

async fn post(gateway: &Handle, path: &str, key: &str) -> Response {
    client()
        .post(format!("{}{path}", gateway.url()))
        .header("x-goog-api-key", key)
        .header("content-type", "application/json")
        .body("{\"contents\": [ ], \"x\": 1.50}")
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_sent_and_answered_stays_as_it_is() {
    let answer = format!(
        "{{\n  \"candidates\": [{{\"content\": {{\"parts\": [{{\"inlineData\": {{\"data\": \"{PNG}\"}}}}]}}}}],\n  \"x\": 1.50\n}}\n"
    );
    let template = ResponseTemplate::new(200).set_body_raw(answer.clone(), "application/json");
    let (gateway, upstream) = in_front_of(template).await;
    let response = post(&gateway, &format!("{MODEL}:generateContent"), "key-gemini").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.unwrap(), answer);
    let calls = upstream.received_requests().await.unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].url.path(), format!("{MODEL}:generateContent"));
    assert_eq!(calls[0].headers["x-goog-api-key"], UPSTREAM_KEY);
    assert_eq!(calls[0].body, b"{\"contents\": [ ], \"x\": 1.50}");
}

#[tokio::test]
async fn errors_have_googles_form() {
    let refused = json!({ "error": { "code": 404, "message": "no model", "status": "NOT_FOUND" } });
    let template = ResponseTemplate::new(404).set_body_raw(refused.to_string(), "application/json");
    let (gateway, upstream) = in_front_of(template).await;
    for (path, key, status, name) in [
        (":generateContent", "key-none", 403, "PERMISSION_DENIED"),
        (":generateContent", "key-openai", 400, "INVALID_ARGUMENT"),
        (":generateContent", "wrong", 401, "UNAUTHENTICATED"),
        (":predict", "key-gemini", 404, "NOT_FOUND"),
        ("%2F..%2Fx:generateContent", "key-gemini", 404, "NOT_FOUND"),
        (":generateContent", "key-gemini", 404, "NOT_FOUND"),
    ] {
        let response = post(&gateway, &format!("{MODEL}{path}"), key).await;
        assert_eq!(response.status(), status, "{path} {key}");
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(body["error"]["code"], status);
        assert_eq!(body["error"]["status"], name);
        assert!(body["error"]["message"].is_string());
    }
    assert_eq!(upstream.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_stream_that_breaks_off_does_not_end_cleanly() {
    for (query, kind, piece) in [
        ("?alt=sse", "text/event-stream", "data: {}\r\n\r\n"),
        ("", "application/json", "[{}"),
    ] {
        let mut upstream = BareUpstream::start().await;
        let gateway = launch(config(&upstream.url)).await;
        let path = format!("{MODEL}:streamGenerateContent{query}");
        let asked = tokio::spawn(async move {
            let response = post(&gateway, &path, "key-gemini").await;
            let kind = response.headers()["content-type"]
                .to_str()
                .unwrap()
                .to_owned();
            (kind, response.text().await, gateway)
        });
        let mut call = upstream.call().await;
        let length = piece.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{piece}\r\n"
        );
        call.write_all(head.as_bytes()).await.unwrap();
        drop(call);
        let (said, body, _gateway) = asked.await.unwrap();
        assert!(said.starts_with(kind), "{said}");
        assert!(body.is_err(), "{body:?}");
    }
}

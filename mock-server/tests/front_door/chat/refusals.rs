//! Chat completions that are refused, by the front and by the model.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::{CHAT, PAINTER, asked, chat};
use crate::support::{KEY, Reply, start, start_with};

#[tokio::test]
async fn models_that_do_not_chat_are_refused() {
    let mock = start().await;
    for model in [
        "gpt-image-1",
        "gpt-image-2-2026-04-21",
        "gpt-image-9",
        "dall-e-3",
    ] {
        let error = json!({
            "message": "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?",
            "type": "invalid_request_error", "param": "model", "code": null,
        });
        let reply = chat(&mock, &asked(model, "a fox")).await;
        assert_eq!(reply.error(), (404, error), "{model}");
    }
    let reply = chat(&mock, &asked("gpt-x", "a fox")).await;
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(
        reply.text(),
        "{\n    \"error\": {\n        \"message\": \"The model `gpt-x` does not exist or you do not have access to it.\",\n        \"type\": \"invalid_request_error\",\n        \"param\": null,\n        \"code\": \"model_not_found\"\n    }\n}\n"
    );
}

#[tokio::test]
async fn members_are_judged() {
    let mock = start().await;
    for (name, value, status, param) in [
        ("model", json!(null), 400, json!(null)),
        ("messages", json!(null), 400, json!("messages")),
        ("messages", json!([]), 400, json!("messages")),
        ("messages", json!("a fox"), 400, json!("messages")),
        ("messages", json!(["a fox"]), 400, json!("messages[0]")),
        (
            "messages",
            json!([{ "content": "a fox" }]),
            400,
            json!("messages[0].role"),
        ),
        (
            "messages",
            json!([{ "role": "user", "content": 1 }]),
            400,
            json!("messages[0].content"),
        ),
        (
            "messages",
            json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "fox.png" } }] }]),
            400,
            json!("messages[0].content[0].image_url.url"),
        ),
        ("temperature", json!(99.0), 400, json!("temperature")),
        ("temperature", json!(-1), 400, json!("temperature")),
        ("top_p", json!("high"), 400, json!("top_p")),
        ("n", json!(0), 400, json!("n")),
        ("n", json!(129), 400, json!("n")),
        ("n", json!("1"), 400, json!("n")),
        ("stream", json!("yes"), 400, json!("stream")),
    ] {
        let mut body = asked("gpt-4o", "a fox");
        body[name] = value;
        let (got, error) = chat(&mock, &body).await.error();
        assert_eq!((got, &error["param"]), (status, &param), "{body}");
        let lenient = start_with(|settings| {
            settings.validation = mock_server::settings::Validation::Lenient;
        });
        assert_eq!(chat(&lenient.await, &body).await.status, 200, "{body}");
    }
    let reply = mock
        .request(reqwest::Method::POST, CHAT)
        .bearer_auth(KEY)
        .body("{");
    assert_eq!(Reply::of(reply).await.status, 400);
}

#[tokio::test]
async fn numbers_are_told_as_recorded() {
    let mock = start().await;
    let mut body = asked("gpt-4o", "Hi");
    body["temperature"] = json!(99.0);
    let (_, error) = chat(&mock, &body).await.error();
    let message = "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 99.0 instead.";
    assert_eq!(error["message"], message);
    body["temperature"] = json!(-1);
    let (_, error) = chat(&mock, &body).await.error();
    let message = "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 instead.";
    assert_eq!(error["message"], message);
    body["temperature"] = json!(0.5);
    assert_eq!(chat(&mock, &body).await.status, 200);
}

#[tokio::test]
async fn unknown_members_are_refused_but_not_by_gateways_models() {
    let mock = start().await;
    let mut body = asked("gpt-4o", "Hi");
    body["reasoning"] = json!({ "effort": "low" });
    let error = json!({
        "message": "Unrecognized request argument supplied: reasoning",
        "type": "invalid_request_error", "param": null, "code": null,
    });
    let reply = chat(&mock, &body).await;
    assert_eq!(reply.error(), (400, error));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    body["extra"] = json!(1);
    body["absent"] = json!(null);
    let (_, error) = chat(&mock, &body).await.error();
    let message = "Unrecognized request arguments supplied: extra, reasoning";
    assert_eq!(error["message"], message);
    body["model"] = json!("gpt-5");
    let error = json!({
        "message": "Unknown parameter: 'extra'.",
        "type": "invalid_request_error", "param": "extra", "code": "unknown_parameter",
    });
    assert_eq!(chat(&mock, &body).await.error(), (400, error));
    body["model"] = json!(PAINTER);
    assert_eq!(chat(&mock, &body).await.status, 200);
    let mut body = asked("gpt-5-mini", "Hi");
    body["stop"] = json!(["4242"]);
    let error = json!({
        "message": "Unsupported parameter: 'stop' is not supported with this model.",
        "type": "invalid_request_error", "param": "stop", "code": "unsupported_parameter",
    });
    assert_eq!(chat(&mock, &body).await.error(), (400, error));
    body["model"] = json!("gpt-4o");
    assert_eq!(chat(&mock, &body).await.status, 200);
    // What OpenAI itself documents is taken.
    let mut body = asked("gpt-4o", "Hi");
    for name in ["safety_identifier", "user", "verbosity", "tools", "seed"] {
        body[name] = json!("x");
    }
    assert_eq!(chat(&mock, &body).await.status, 200);
}

#[tokio::test]
async fn images_are_known_by_their_bytes() {
    let mock = start().await;
    let with = |model: &str, bytes: &[u8]| {
        let url = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes));
        let part = json!({ "type": "image_url", "image_url": { "url": url } });
        json!({ "model": model, "messages": [{ "role": "user", "content": [part] }] })
    };
    for model in ["gpt-4o", PAINTER] {
        let error = json!({
            "message": "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', 'jpeg', 'gif', 'webp'].",
            "type": "invalid_request_error", "param": null, "code": "invalid_image_format",
        });
        let reply = chat(&mock, &with(model, b"no image")).await;
        assert_eq!(reply.error(), (400, error), "{model}");
        let gif = chat(&mock, &with(model, b"GIF89a")).await;
        assert_eq!(gif.status, 200, "{model}");
        assert_eq!(mock.last_entry().await.sent["images"][0]["format"], "gif");
    }
}

#[tokio::test]
async fn the_front_answers_in_its_own_name() {
    let mock = start().await;
    let request = mock.request(reqwest::Method::POST, CHAT);
    let wrong_key = Reply::of(request.bearer_auth("invalid").body("{}")).await;
    let wrong_model = chat(&mock, &asked("gpt-x", "Hi")).await;
    for reply in [wrong_key, wrong_model] {
        assert_eq!(reply.header("vary"), Some("Origin"));
        assert_eq!(reply.header("x-openai-proxy-wasm"), Some("v0.1"));
        for name in ["openai-version", "openai-organization", "www-authenticate"] {
            assert_eq!(reply.header(name), None, "{name}");
        }
        assert!(reply.header("x-request-id").unwrap().starts_with("req_"));
    }
    let by_model = chat(&mock, &asked("gpt-image-1", "Hi")).await;
    assert_eq!(by_model.header("openai-version"), Some("2020-10-01"));
    assert_eq!(by_model.header("vary"), None);
}

//! Chat completions: text, images as gateways answer them, streams, refusals, the journal.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::support::{KEY, Mock, Picture, Reply, TOKEN, drawn, names, sha256, start, start_with};

const CHAT: &str = "/v1/chat/completions";
const PAINTER: &str = "vertex/google/gemini-2.5-flash-image-preview";

fn asked(model: &str, prompt: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] })
}

async fn chat(mock: &Mock, body: &Value) -> Reply {
    mock.send(CHAT, body).await
}

/// The chunks of a stream, which ends with `[DONE]`.
fn chunks(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{reply:?}");
    let text = reply.text().strip_suffix("data: [DONE]\n\n").unwrap();
    let frames = text.split_terminator("\n\n");
    frames
        .map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

fn picture(item: &Value) -> Picture {
    assert_eq!(names(item), ["type", "image_url", "index"]);
    assert_eq!(
        (&item["type"], &item["index"]),
        (&json!("image_url"), &json!(0))
    );
    let url = item["image_url"]["url"].as_str().unwrap();
    Picture::of_base64(&json!(url.strip_prefix("data:image/png;base64,").unwrap()))
}

#[tokio::test]
async fn text_models_answer_a_text() {
    let mock = start().await;
    let reply = chat(&mock, &asked("gpt-4o", "Say something")).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let body = reply.json();
    let members = [
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "service_tier",
        "system_fingerprint",
    ];
    assert_eq!(names(&body), members);
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(
        (&body["object"], &body["model"]),
        (&json!("chat.completion"), &json!("gpt-4o"))
    );
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(
        names(&choice["message"]),
        ["role", "content", "refusal", "annotations"]
    );
    assert!(!choice["message"]["content"].as_str().unwrap().is_empty());
    let usage = &body["usage"];
    let [input, output, total] = ["prompt_tokens", "completion_tokens", "total_tokens"]
        .map(|name| usage[name].as_u64().unwrap());
    assert_eq!(input + output, total);

    let mut several = asked("gpt-4o", "Say something");
    several["n"] = json!(3);
    let body = chat(&mock, &several).await.json();
    assert_eq!(body["choices"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_stream_has_chunks_and_ends_with_done() {
    let mock = start().await;
    let mut body = asked("gpt-4o", "Say something");
    body["stream"] = json!(true);
    let plain = chat(&mock, &body).await;
    assert_eq!(
        plain.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    let plain = chunks(&plain);
    let said = plain
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    let whole = chat(&mock, &asked("gpt-4o", "Say something")).await.json();
    assert_eq!(
        said.collect::<String>(),
        whole["choices"][0]["message"]["content"]
    );
    assert_eq!(plain[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(plain.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert!(plain.iter().all(|chunk| chunk.get("usage").is_none()));
    assert!(
        plain
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk")
    );

    body["stream_options"] = json!({ "include_usage": true });
    let counted = chunks(&chat(&mock, &body).await);
    let (last, before) = counted.split_last().unwrap();
    assert_eq!(
        (&last["choices"], &last["usage"]),
        (&json!([]), &whole["usage"])
    );
    assert!(
        before
            .iter()
            .all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some())
    );
}

#[tokio::test]
async fn models_of_gateways_answer_with_an_image() {
    let mock = start().await;
    let mut body = asked(PAINTER, &format!("a fox [[case:{TOKEN}]]"));
    let reply = chat(&mock, &body).await.json();
    assert_eq!(reply["model"], PAINTER);
    let message = &reply["choices"][0]["message"];
    assert!(message["content"].is_string());
    let image = picture(&message["images"][0]);
    assert_eq!((image.mime(), image.size()), ("image/png", (1024, 1024)));
    assert_eq!(image.metadata().prompt_sha256, sha256(b"a fox"));
    assert_eq!(
        image
            .strip()
            .token
            .map(|token| token.to_string())
            .as_deref(),
        Some(TOKEN)
    );
    let summary = mock.last_entry().await.answer.unwrap().summary;
    assert_eq!(summary.images, [image.sha256()]);

    body["stream"] = json!(true);
    let chunks = chunks(&chat(&mock, &body).await);
    let images = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"].get("images"));
    let images: Vec<_> = images.map(|images| picture(&images[0])).collect();
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].size(), (1024, 1024));
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
}

#[tokio::test]
async fn the_last_user_message_decides_and_every_image_is_journaled() {
    let mock = start().await;
    let file = drawn(8, 4, ImageFormat::Png);
    let url = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&file));
    let part = json!({ "type": "image_url", "image_url": { "url": url } });
    let body = json!({ "model": "gpt-chat-image", "messages": [
        { "role": "system", "content": format!("Paint. [[case:{TOKEN}]]") },
        { "role": "user", "content": "a cat [[mock:server-error]]" },
        { "role": "assistant", "content": null, "images": [part] },
        { "role": "user", "content": [{ "type": "text", "text": "a fox" }, part] },
        { "role": "assistant", "content": "Well?" },
    ] });
    let reply = chat(&mock, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let image = picture(&reply.json()["choices"][0]["message"]["images"][0]);
    assert_eq!(image.metadata().prompt_sha256, sha256(b"a fox"));
    let entry = mock.last_entry().await;
    assert_eq!(entry.token.as_deref(), Some(TOKEN));
    assert_eq!(entry.operation.as_deref(), Some("chat.completions"));
    assert_eq!(entry.sent["prompt"], "a fox");
    let hashes = entry.sent["images"].as_array().unwrap().iter();
    let hashes: Vec<_> = hashes.map(|image| image["sha256"].clone()).collect();
    assert_eq!(hashes, [sha256(&file), sha256(&file)]);
    assert_eq!(entry.effective["size"], "1024x1024");

    let blocked = asked("gpt-chat-image", "a fox [[mock:server-error]]");
    assert_eq!(chat(&mock, &blocked).await.status, 500);
}

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
        let expected = if name == "model" { 400 } else { 200 };
        assert_eq!(chat(&lenient.await, &body).await.status, expected, "{body}");
    }
    let reply = mock
        .request(reqwest::Method::POST, CHAT)
        .bearer_auth(KEY)
        .body("{");
    assert_eq!(Reply::of(reply).await.status, 400);
}

#[tokio::test]
async fn scenarios_speak_the_language_of_chat() {
    let mock = start().await;
    let said = |directive: &str| asked("gpt-chat-image", &format!("a fox [[mock:{directive}]]"));
    let (status, error) = chat(&mock, &said("rate-limit")).await.error();
    assert_eq!((status, &error["type"]), (429, &json!("requests")));
    let answer = mock.last_entry().await.answer.unwrap();
    assert_eq!(answer.summary.condition, "rate-limit");
    let (status, error) = chat(&mock, &said("model-retired")).await.error();
    let message = "The model `gpt-chat-image` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations";
    assert_eq!((status, &error["message"]), (404, &json!(message)));
    let (status, error) = chat(&mock, &said("model-not-found")).await.error();
    assert_eq!((status, &error["code"]), (404, &json!("model_not_found")));
    let reply = chat(&mock, &said("no-image")).await.json();
    let message = &reply["choices"][0]["message"];
    assert!(message["content"].is_string() && message.get("images").is_none());

    let mut body = said("stream-error");
    body["stream"] = json!(true);
    let reply = chat(&mock, &body).await;
    let last = reply.text().trim_end().rsplit("\n\n").next().unwrap();
    let last: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(
        (names(&last), &last["error"]["type"]),
        (vec!["error"], &json!("server_error"))
    );
    assert!(!reply.text().contains("data:image") && !reply.text().contains("[DONE]"));
}

//! Chat completions: text, images as gateways answer them, streams, the journal.

mod refusals;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::support::{Mock, Picture, Reply, TOKEN, drawn, names, sha256, start};

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
        (&json!("chat.completion"), &json!("gpt-4o-2024-08-06"))
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
async fn answers_name_the_snapshot() {
    let mock = start().await;
    for (asked_for, named) in [
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("gpt-4o-2024-11-20", "gpt-4o-2024-11-20"),
        ("gpt-5", "gpt-5-2025-08-07"),
        ("gpt-5.4", "gpt-5.4"),
        (PAINTER, PAINTER),
    ] {
        let reply = chat(&mock, &asked(asked_for, "Hi")).await;
        assert_eq!(reply.json()["model"], named);
        assert_eq!(mock.last_entry().await.sent["model"], asked_for);
    }
}

#[tokio::test]
async fn models_that_reason_count_it() {
    let mock = start().await;
    let reasoning = |usage: &Value| {
        let [output, spent] = [
            usage["completion_tokens"].as_u64().unwrap(),
            usage["completion_tokens_details"]["reasoning_tokens"]
                .as_u64()
                .unwrap(),
        ];
        assert!(output > spent);
        spent
    };
    let mut body = asked("gpt-5", "Hi");
    assert_eq!(reasoning(&chat(&mock, &body).await.json()["usage"]), 1152);
    body["reasoning_effort"] = json!("none");
    assert_eq!(reasoning(&chat(&mock, &body).await.json()["usage"]), 0);
    let body = chat(&mock, &asked("gpt-4o", "Hi")).await.json();
    assert_eq!(reasoning(&body["usage"]), 0);
}

#[tokio::test]
async fn images_of_the_conversation_count_by_model_and_size() {
    let mock = start().await;
    let counted = async |model: &str, size: Option<(u32, u32)>| {
        let mut body = asked(model, "Describe");
        if let Some((width, height)) = size {
            let file = drawn(width, height, ImageFormat::Png);
            let url = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(file));
            body["messages"][0]["content"] = json!([
                { "type": "text", "text": "Describe" },
                { "type": "image_url", "image_url": { "url": url } },
            ]);
        }
        let body = chat(&mock, &body).await.json();
        body["usage"]["prompt_tokens"].as_u64().unwrap()
    };
    for (model, size, tokens) in [
        // Recorded: 36849 with 14 tokens of text.
        ("gpt-4o-mini", (1024, 1536), 36_835),
        ("gpt-4o", (1024, 1024), 85 + 4 * 170),
        (PAINTER, (64, 64), 258),
    ] {
        let image = counted(model, Some(size)).await - counted(model, None).await;
        assert_eq!(image, tokens, "{model}");
    }
}

#[tokio::test]
async fn limits_are_told_with_answers_and_refusals_of_the_model() {
    let mock = start().await;
    let limits = |reply: &Reply| {
        let names = reply.headers.keys().map(|name| name.as_str().to_owned());
        let mut names: Vec<_> = names
            .filter(|name| name.starts_with("x-ratelimit-"))
            .collect();
        names.sort();
        names.join(" ")
    };
    let six = "x-ratelimit-limit-requests x-ratelimit-limit-tokens x-ratelimit-remaining-requests x-ratelimit-remaining-tokens x-ratelimit-reset-requests x-ratelimit-reset-tokens";
    let nine = "x-ratelimit-limit-input-images x-ratelimit-limit-requests x-ratelimit-limit-tokens x-ratelimit-remaining-input-images x-ratelimit-remaining-requests x-ratelimit-remaining-tokens x-ratelimit-reset-input-images x-ratelimit-reset-requests x-ratelimit-reset-tokens";
    let mut body = asked("gpt-4o", "Hi");
    let reply = chat(&mock, &body).await;
    assert_eq!(limits(&reply), six);
    assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("30000"));
    body["stream"] = json!(true);
    assert_eq!(limits(&chat(&mock, &body).await), six);
    body["messages"] = json!([]);
    assert_eq!(limits(&chat(&mock, &body).await), six);
    let part =
        json!({ "type": "image_url", "image_url": { "url": "https://images.invalid/a.png" } });
    body["messages"] = json!([{ "role": "user", "content": [part] }]);
    assert_eq!(limits(&chat(&mock, &body).await), nine);
    // The front does not know them, and images have none.
    assert_eq!(limits(&chat(&mock, &asked("gpt-x", "Hi")).await), "");
    assert_eq!(
        limits(&mock.generate(&crate::support::small("a fox")).await),
        ""
    );
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
async fn scenarios_speak_the_language_of_chat() {
    let mock = start().await;
    let said = |directive: &str| asked("gpt-chat-image", &format!("a fox [[mock:{directive}]]"));
    let limited = chat(&mock, &said("rate-limit;retry-after=7")).await;
    for (name, value) in [
        ("retry-after", "7"),
        ("x-ratelimit-limit-tokens", "30000"),
        ("x-ratelimit-reset-tokens", "7s"),
    ] {
        assert_eq!(limited.header(name), Some(value), "{name}");
    }
    let (status, error) = limited.error();
    assert_eq!((status, &error["type"]), (429, &json!("tokens")));
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

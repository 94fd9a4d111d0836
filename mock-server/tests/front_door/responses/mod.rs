//! Responses: the image generation tool, text, refusals.

mod stream;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::support::{
    Mock, Picture, Reply, TOKEN, drawn, events, names, sha256, start, start_with,
};

fn asked(prompt: &str, tool: &Value) -> Value {
    let mut tool = tool.clone();
    tool["type"] = json!("image_generation");
    json!({ "model": "gpt-4o", "input": prompt, "tools": [tool] })
}

async fn send(mock: &Mock, body: &Value) -> Reply {
    mock.send("/v1/responses", body).await
}

#[tokio::test]
async fn the_tool_makes_an_image() {
    let mock = start().await;
    let tool = json!({ "quality": "low", "size": "1024x1536", "output_format": "jpeg" });
    let body = asked(&format!("a fox [[case:{TOKEN}]]"), &tool);
    let reply = send(&mock, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reply = reply.json();
    assert_eq!(
        (&reply["object"], &reply["status"]),
        (&json!("response"), &json!("completed"))
    );
    let output = reply["output"].as_array().unwrap();
    let kinds: Vec<_> = output.iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["image_generation_call", "message"]);
    assert_eq!(output[1]["content"][0]["text"], "");
    let echo = [
        "status",
        "action",
        "output_format",
        "quality",
        "revised_prompt",
        "size",
    ];
    let echo = echo.map(|name| output[0][name].as_str().unwrap());
    assert_eq!(
        echo,
        ["completed", "generate", "jpeg", "low", "a fox", "1024x1536"]
    );
    let image = Picture::of_base64(&output[0]["result"]);
    assert_eq!((image.mime(), image.size()), ("image/jpeg", (1024, 1536)));
    assert_eq!(
        image
            .strip()
            .token
            .map(|token| token.to_string())
            .as_deref(),
        Some(TOKEN)
    );
    let tool = json!({
        "type": "image_generation", "background": "auto", "model": "gpt-image-1", "moderation": "auto", "n": 1,
        "output_compression": 100, "output_format": "jpeg", "quality": "low", "size": "1024x1536",
    });
    assert_eq!(reply["tools"], json!([tool]));
    assert_eq!(names(&reply["tools"][0]), names(&tool));
    let entry = mock.last_entry().await;
    assert_eq!(entry.answer.unwrap().summary.images, [image.sha256()]);
    assert_eq!(
        (&entry.sent["quality"], &entry.sent["prompt"]),
        (&json!("low"), &json!(body["input"]))
    );
    assert_eq!(entry.effective["image_model"], "gpt-image-1");
}

/// As recorded of a response that was not streamed.
const MEMBERS: [&str; 34] = [
    "id",
    "object",
    "created_at",
    "status",
    "background",
    "billing",
    "completed_at",
    "error",
    "frequency_penalty",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "model",
    "output",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "usage",
    "user",
    "metadata",
];

#[tokio::test]
async fn members_and_headers_are_the_recorded_ones() {
    let mock = start().await;
    // Neither is told again.
    let tool = json!({ "quality": "low", "action": "generate", "input_fidelity": "high", "partial_images": 0 });
    let mut body = asked("a fox", &tool);
    body["model"] = json!("gpt-4o-mini");
    let reply = send(&mock, &body).await;
    assert_eq!(reply.header("x-ratelimit-limit-tokens"), Some("150000000"));
    assert_eq!(reply.header("x-ratelimit-reset-requests"), Some("2ms"));
    assert_eq!(reply.header("access-control-expose-headers"), None);
    let whole = reply.json();
    assert_eq!(names(&whole), MEMBERS);
    assert_eq!(whole["model"], "gpt-4o-mini-2024-07-18");
    assert_eq!(
        whole["reasoning"],
        json!({ "effort": null, "summary": null })
    );
    assert_eq!(whole["tools"][0].as_object().unwrap().len(), 9);
    let item = [
        "id",
        "type",
        "status",
        "action",
        "background",
        "output_format",
        "quality",
        "result",
        "revised_prompt",
        "size",
    ];
    assert_eq!(names(&whole["output"][0]), item);
    body["stream"] = json!(true);
    let events = events(send(&mock, &body).await.text());
    let streamed = MEMBERS.into_iter().filter(|name| *name != "billing");
    let streamed: Vec<_> = streamed.collect();
    for at in [0, events.len() - 1] {
        assert_eq!(names(&events[at].1["response"]), streamed);
    }
    assert!(events[0].1["response"]["completed_at"].is_null());
}

#[tokio::test]
async fn tools_and_texts_are_told_again_as_recorded() {
    let mock = start().await;
    let mut body = asked("a fox", &json!({ "quality": "low" }));
    let function = json!({ "type": "function", "name": "f", "parameters": {} });
    body["tools"].as_array_mut().unwrap().push(function.clone());
    body["text"] = json!({ "format": { "type": "json_schema", "name": "n", "schema": {} } });
    let told = send(&mock, &body).await.json();
    assert_eq!(told["tools"][0], function);
    assert_eq!(told["tools"][1]["type"], "image_generation");
    let format = json!({ "type": "json_schema", "name": "n", "schema": {}, "description": null });
    assert_eq!(
        told["text"],
        json!({ "format": format, "verbosity": "medium" })
    );
    body["text"] = json!({ "verbosity": "low" });
    let told = send(&mock, &body).await.json();
    assert_eq!(
        told["text"],
        json!({ "format": { "type": "text" }, "verbosity": "low" })
    );
}

#[tokio::test]
async fn without_the_tool_there_is_text() {
    let mock = start().await;
    let mut body = json!({ "model": "gpt-4o", "input": [{ "role": "user", "content": [{ "type": "input_text", "text": "Hi" }] }] });
    let whole = send(&mock, &body).await.json();
    let text = whole["output"][0]["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!text.is_empty());
    body["stream"] = json!(true);
    let events = events(send(&mock, &body).await.text());
    let said = events.iter().filter_map(|(_, data)| data["delta"].as_str());
    assert_eq!(said.collect::<String>(), text);
    let withheld = send(&mock, &asked("a fox [[mock:no-image]]", &json!({})))
        .await
        .json();
    assert_eq!(withheld["output"][0]["type"], "message");
    let mut off = asked("a fox", &json!({}));
    off["tool_choice"] = json!("none");
    assert_eq!(
        send(&mock, &off).await.json()["output"][0]["type"],
        "message"
    );
}

#[tokio::test]
async fn images_of_the_input_are_journaled() {
    let mock = start().await;
    let file = drawn(8, 4, ImageFormat::Png);
    let base64 = BASE64_STANDARD.encode(&file);
    let url = format!("data:image/png;base64,{base64}");
    let mut body = asked(
        "",
        &json!({ "quality": "low", "input_image_mask": { "image_url": url } }),
    );
    body["input"] = json!([
        { "role": "user", "content": "a cat [[mock:server-error]]" },
        { "type": "image_generation_call", "id": "ig_1", "result": base64 },
        { "role": "user", "content": [{ "type": "input_text", "text": "a fox" }, { "type": "input_image", "image_url": url }] },
    ]);
    let reply = send(&mock, &body).await.json();
    assert_eq!(reply["output"][0]["action"], "edit");
    let sent = mock.last_entry().await.sent;
    let hashes: Vec<_> = (0..2).map(|at| &sent["images"][at]["sha256"]).collect();
    assert_eq!(hashes, [&json!(sha256(&file)), &json!(sha256(&file))]);
    assert_eq!(sent["mask"]["sha256"], sha256(&file));
}

#[tokio::test]
async fn refusals_name_the_member() {
    let mock = start().await;
    for (body, param, code) in [
        (
            json!({ "input": "a fox" }),
            "model",
            "missing_required_parameter",
        ),
        (
            json!({ "model": "gpt-4o" }),
            "input",
            "missing_required_parameter",
        ),
        (
            json!({ "model": "gpt-4o", "input": 1 }),
            "input",
            "invalid_type",
        ),
        (
            json!({ "model": "gpt-4o", "input": ["a"] }),
            "input[0]",
            "invalid_type",
        ),
        (
            json!({ "model": "gpt-4o", "input": "a fox", "messages": [] }),
            "messages",
            "unknown_parameter",
        ),
        (
            json!({ "model": "gpt-4o", "input": [{ "role": "user", "content": "a fox" }, { "role": "tool", "content": "" }] }),
            "input[1]",
            "invalid_value",
        ),
        (
            json!({ "model": "gpt-4o", "input": "a fox", "temperature": 3 }),
            "temperature",
            "decimal_above_max_value",
        ),
        (
            asked("a fox", &json!({ "size": "3x3" })),
            "tools[0].size",
            "invalid_value",
        ),
        (
            asked("a fox", &json!({ "colour": "red" })),
            "tools[0].colour",
            "unknown_parameter",
        ),
        (
            asked("a fox", &json!({ "partial_images": 4 })),
            "tools[0].partial_images",
            "integer_above_max_value",
        ),
    ] {
        let (status, error) = send(&mock, &body).await.error();
        assert_eq!(
            (status, &error["param"], &error["code"]),
            (400, &json!(param), &json!(code))
        );
        assert_eq!(error["type"], "invalid_request_error");
    }
    let error = json!({
        "message": "The requested model 'gpt-x' does not exist.", "type": "invalid_request_error",
        "param": "model", "code": "model_not_found",
    });
    let reply = send(&mock, &json!({ "model": "gpt-x", "input": "a fox" })).await;
    assert_eq!(reply.error(), (400, error));
    let request = mock.request(reqwest::Method::POST, "/v1/responses");
    let reply = Reply::of(request.bearer_auth("invalid").body("{}")).await;
    assert_eq!(reply.header("content-type"), Some("text/plain"));
    assert_eq!(names(&reply.json()), ["error", "status"]);
    assert_eq!((reply.status, &reply.json()["status"]), (401, &json!(401)));
    let lenient =
        start_with(|settings| settings.validation = mock_server::settings::Validation::Lenient);
    let reply = send(
        &lenient.await,
        &json!({ "model": "gpt-x", "input": "a fox" }),
    )
    .await;
    assert_eq!(reply.status, 200);
}

//! Responses: the image generation tool, its stream, text, refusals.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::support::{Mock, Picture, Reply, TOKEN, drawn, events, sha256, start, start_with};

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
    assert_eq!(reply["tools"][0]["output_compression"], 100);
    let entry = mock.last_entry().await;
    assert_eq!(entry.answer.unwrap().summary.images, [image.sha256()]);
    assert_eq!(
        (&entry.sent["quality"], &entry.sent["prompt"]),
        (&json!("low"), &json!(body["input"]))
    );
    assert_eq!(entry.effective["image_model"], "gpt-image-1");
}

#[tokio::test]
async fn events_come_in_the_recorded_order() {
    let mock = start().await;
    let mut body = asked("a fox", &json!({ "partial_images": 2, "quality": "low" }));
    body["stream"] = json!(true);
    let reply = send(&mock, &body).await;
    let events = events(reply.text());
    let kinds: Vec<_> = events
        .iter()
        .map(|(name, _)| name.strip_prefix("response.").unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "created",
            "in_progress",
            "output_item.added",
            "image_generation_call.in_progress",
            "image_generation_call.generating",
            "image_generation_call.partial_image",
            "image_generation_call.partial_image",
            "image_generation_call.completed",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
    );
    for (at, (name, data)) in events.iter().enumerate() {
        assert_eq!(
            (&data["type"], &data["sequence_number"]),
            (&json!(name), &json!(at))
        );
    }
    let partial = |at: usize| {
        Picture::of_base64(&events[at].1["partial_image_b64"])
            .strip()
            .partial
    };
    assert_eq!((partial(5), partial(6)), (Some(0), Some(1)));
    let result = &events[8].1["item"]["result"];
    assert_eq!(Picture::of_base64(result).strip().partial, None);
    assert_eq!(&events[14].1["response"]["output"][0]["result"], result);

    body["input"] = json!("a fox [[mock:stream-error]]");
    let reply = send(&mock, &body).await;
    let events = crate::support::events(reply.text());
    assert_eq!(events.len(), 8);
    assert_eq!(
        (events[7].0.as_str(), &events[7].1["error"]["type"]),
        ("error", &json!("server_error"))
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
    let lenient =
        start_with(|settings| settings.validation = mock_server::settings::Validation::Lenient);
    let reply = send(
        &lenient.await,
        &json!({ "model": "gpt-x", "input": "a fox" }),
    )
    .await;
    assert_eq!(reply.status, 200);
}

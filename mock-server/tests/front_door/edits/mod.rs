//! Edits: forms and JSON, images and masks, streams, and where the case token is found.

mod refusals;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::support::{
    Form, Mock, Picture, Reply, TOKEN, drawn, events, names, sha256, small, start, start_with,
};
use mock_server::settings::Validation;

const EDITS: &str = "/v1/images/edits";

fn png() -> Vec<u8> {
    drawn(32, 24, ImageFormat::Png)
}

fn basic(prompt: &str) -> Form {
    Form::new()
        .text("model", "gpt-image-1")
        .text("prompt", prompt)
        .text("quality", "low")
}

fn with_image(prompt: &str) -> Form {
    basic(prompt).file("image", "a.png", "image/png", &png())
}

fn data_url(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", BASE64_STANDARD.encode(bytes))
}

async fn json_edit(mock: &Mock, images: Value) -> Reply {
    let mut body = small("a hat for the fox");
    body["images"] = images;
    mock.send(EDITS, &body).await
}

#[tokio::test]
async fn one_image_in_a_form_gives_one_image() {
    let mock = start().await;
    let reply = mock
        .submit(EDITS, with_image("a hat [[case:abcdefgh23]]"))
        .await;
    let images = reply.images();
    assert_eq!((images.len(), images[0].size()), (1, (1024, 1024)));
    assert_eq!(images[0].metadata().token.unwrap().to_string(), TOKEN);
    let body = reply.json();
    let usage = &body["usage"];
    assert_eq!(usage["input_tokens_details"]["image_tokens"], 194);
    assert_eq!(usage["input_tokens"], 194 + 8);
    let first = ["created", "background", "data"];
    assert_eq!(names(&body)[..3], first);
}

#[tokio::test]
async fn several_images_count_by_model_and_n() {
    let mock = start().await;
    for (model, n, tokens) in [
        ("gpt-image-1", 1, 388),
        ("gpt-image-1", 2, 776),
        ("gpt-image-2", 1, 2048),
    ] {
        let form = Form::new()
            .file("image[]", "upload", "application/octet-stream", &png())
            .file("image[]", "blob", "", &drawn(8, 8, ImageFormat::Jpeg))
            .text("n", &n.to_string())
            .text("prompt", "both together")
            .text("model", model)
            .text("quality", "low");
        let reply = mock.submit(EDITS, form).await;
        assert_eq!(reply.images().len(), n);
        let usage = reply.json()["usage"].take();
        assert_eq!(usage["input_tokens_details"]["image_tokens"], tokens);
    }
}

#[tokio::test]
async fn a_stream_has_the_events_of_edits() {
    let mock = start().await;
    let form = with_image("a hat")
        .text("stream", "true")
        .text("partial_images", "2");
    let reply = mock.submit(EDITS, form).await;
    let events = events(reply.text());
    let kinds: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    let partial = "image_edit.partial_image";
    assert_eq!(kinds, [partial, partial, "image_edit.completed"]);
    for (name, data) in &events {
        assert_eq!(data["type"], json!(name));
        assert_eq!(Picture::of_base64(&data["b64_json"]).size(), (1024, 1024));
    }
    assert_eq!(
        events[2].1["usage"]["input_tokens_details"]["image_tokens"],
        194
    );
}

#[tokio::test]
async fn the_last_of_two_fields_counts() {
    let mock = start().await;
    let form = with_image("a hat")
        .text("output_compression", "100")
        .text("output_format", "jpeg")
        .text("output_compression", "30");
    let reply = mock.submit(EDITS, form).await;
    assert_eq!(reply.images()[0].mime(), "image/jpeg");
    let entry = mock.last_entry().await;
    assert_eq!(entry.sent["output_compression"], 30);
}

#[tokio::test]
async fn json_takes_data_urls_addresses_and_file_ids() {
    let mock = start().await;
    let url = data_url("image/png", &png());
    for item in [
        json!({ "image_url": url, "file_id": null }),
        json!({ "image_url": "https://images.invalid/a.png" }),
        json!({ "file_id": "file-123" }),
    ] {
        let reply = json_edit(&mock, json!([item])).await;
        assert_eq!(reply.images().len(), 1, "{item}");
    }
    let entry = mock.journal("").await.entries.remove(0);
    let digest = json!([{
        "len": png().len(), "sha256": sha256(&png()), "format": "png", "width": 32, "height": 24,
    }]);
    assert_eq!(entry.sent["images"], digest);
}

#[tokio::test]
async fn the_journal_shows_parts_and_images() {
    let mock = start().await;
    let form = with_image("a hat").file("mask", "m.png", "image/png", &png());
    assert_eq!(mock.submit(EDITS, form).await.status, 200);
    let entry = mock.last_entry().await;
    let file = json!({
        "name": "image", "filename": "a.png", "type": "image/png",
        "len": png().len(), "sha256": sha256(&png()),
    });
    assert_eq!(entry.body[3], file);
    assert_eq!(entry.body[1]["value"], "a hat");
    assert_eq!(entry.operation.as_deref(), Some("images.edits"));
    assert_eq!(entry.sent["mask"]["sha256"], json!(sha256(&png())));
    assert_eq!(entry.sent["images"], entry.effective["images"]);
    assert_eq!(
        (&entry.effective["n"], &entry.effective["input_fidelity"]),
        (&json!(1), &json!("low"))
    );
}

#[tokio::test]
async fn the_token_comes_from_prompt_image_name_or_user() {
    let mock = start().await;
    let painted = mock
        .generate(&small(&format!("a fox [[case:{TOKEN}]]")))
        .await;
    let painted = painted.images().remove(0).0;
    let named = format!("{TOKEN}.png");
    for (form, token) in [
        (
            with_image("a hat [[case:zzzzzzzzzz]]").text("user", TOKEN),
            "zzzzzzzzzz",
        ),
        (basic("a hat").file("image", "x.png", "", &painted), TOKEN),
        (basic("a hat").file("image", &named, "", &png()), TOKEN),
        (
            with_image("a hat").text("user", &format!("u [[case:{TOKEN}]]")),
            TOKEN,
        ),
        (with_image("a hat").text("user", TOKEN), TOKEN),
    ] {
        let reply = mock.submit(EDITS, form).await;
        assert_eq!(
            reply.images()[0].metadata().token.unwrap().to_string(),
            token
        );
        assert_eq!(mock.last_entry().await.token.as_deref(), Some(token));
    }
    assert_eq!(mock.submit(EDITS, with_image("a hat")).await.status, 200);
    assert_eq!(mock.last_entry().await.token, None);
}

#[tokio::test]
async fn lenient_validation_takes_anything() {
    let mock = start_with(|settings| settings.validation = Validation::Lenient).await;
    for form in [
        basic("x"),
        with_image("x").text("model", "nobody").text("n", "many"),
    ] {
        assert_eq!(mock.submit(EDITS, form).await.status, 200);
    }
    assert_eq!(json_edit(&mock, json!("x")).await.status, 200);
}

#[tokio::test]
async fn dall_e_2_edits_as_it_did() {
    let mock = start_with(|settings| settings.legacy_models = true).await;
    let square = drawn(16, 16, ImageFormat::Png);
    let form = |image: &[u8]| {
        Form::new()
            .text("model", "dall-e-2")
            .text("prompt", "a hat")
            .text("size", "256x256")
            .file("image", "a.png", "image/png", image)
    };
    let reply = mock.submit(EDITS, form(&square)).await;
    let body = reply.json();
    assert_eq!(names(&body), ["created", "data"]);
    let file = mock.fetch(body["data"][0]["url"].as_str().unwrap()).await;
    assert_eq!(Picture(file.body).size(), (256, 256));
    let (status, error) = mock.submit(EDITS, form(&png())).await.error();
    assert_eq!(status, 400);
    assert_eq!(
        error["message"],
        "Uploaded image must be a PNG and less than 4 MB."
    );
}

#[tokio::test]
async fn conditions_and_stream_errors_apply() {
    let mock = start().await;
    let reply = mock
        .submit(EDITS, with_image("x [[mock:rate-limit]]"))
        .await;
    assert_eq!(reply.status, 429);
    let form = with_image("x [[mock:stream-error=generation-failed]]")
        .text("stream", "true")
        .text("partial_images", "1");
    let reply = mock.submit(EDITS, form).await;
    let events = events(reply.text());
    assert_eq!(events[0].0, "image_edit.partial_image");
    assert_eq!(events[1].1["error"]["code"], "image_generation_failed");
}

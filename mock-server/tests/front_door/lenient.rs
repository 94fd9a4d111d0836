//! Lenient validation takes any value for every member of every operation, and answers with a good image.

use mock_server::settings::{Deployment, Validation};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Form, KEY, Mock, Picture, Reply, drawn, start_with};

/// What tools put where they know no better.
fn placeholders() -> Vec<Value> {
    let huge: Value = serde_json::from_str("1e30").unwrap();
    let mut all = vec![json!("string"), json!(""), json!(0), json!(-1), huge];
    all.extend([
        json!(u64::MAX),
        json!(1.5),
        Value::Null,
        json!([]),
        json!({}),
    ]);
    all
}

/// The members that an operation documents, and one that it does not.
fn members(pointer: &str) -> Vec<String> {
    let table = fixtures::text("models/openai.json").unwrap();
    let table: Value = serde_json::from_str(table).unwrap();
    let list = table.pointer(pointer).unwrap().as_array().unwrap().iter();
    let mut names: Vec<_> = list.map(|name| name.as_str().unwrap().to_owned()).collect();
    names.push("undocumented".to_owned());
    names
}

async fn start() -> Mock {
    start_with(|settings| {
        settings.validation = Validation::Lenient;
        settings.deployments = vec![Deployment {
            name: "pictures".to_owned(),
            model: "gpt-image-2".to_owned(),
        }];
    })
    .await
}

/// Every body with one member replaced by each placeholder.
fn spoilt(good: &Value, names: &[String]) -> Vec<Value> {
    let one = |name: &String| {
        let with = |value: Value| {
            let mut body = good.clone();
            body[name] = value;
            body
        };
        placeholders().into_iter().map(with).collect::<Vec<_>>()
    };
    names.iter().flat_map(one).collect()
}

const SIZES: [(u32, u32); 3] = [(1024, 1024), (1024, 1536), (1536, 1024)];

fn assert_good(image: &Picture) {
    assert!(SIZES.contains(&image.size()), "{:?}", image.size());
    assert!(image.metadata().prompt_sha256.len() == 64);
}

fn assert_good_images(reply: &Reply, sent: &dyn std::fmt::Display) {
    assert_eq!(reply.status, 200, "{sent}: {}", reply.text());
    let images = reply.images();
    assert!((1..=10).contains(&images.len()), "{sent}");
    images.iter().for_each(assert_good);
    let size = reply.json()["size"].clone();
    let (width, height) = images[0].size();
    assert_eq!(size, format!("{width}x{height}"), "{sent}");
}

#[tokio::test]
async fn generations_of_openai_and_azure() {
    let mock = start().await;
    let good = json!({ "model": "gpt-image-1", "prompt": "a fox" });
    let names = members("/parameters/images.generations/gpt-image");
    for path in [
        "/v1/images/generations",
        "/openai/deployments/pictures/images/generations?api-version=2025-04-01-preview",
        "/openai/v1/images/generations",
    ] {
        for body in spoilt(&good, &names) {
            assert_good_images(&mock.send(path, &body).await, &body);
        }
    }
}

#[tokio::test]
async fn edits_as_json() {
    let mock = start().await;
    let good = json!({ "model": "gpt-image-2", "prompt": "a hat", "images": [{ "file_id": "f" }] });
    let names = members("/parameters/images.edits/gpt-image");
    for body in spoilt(&good, &names) {
        assert_good_images(&mock.send("/v1/images/edits", &body).await, &body);
    }
}

#[tokio::test]
async fn edits_and_variations_as_forms() {
    let mock = start().await;
    let deployed = "/openai/deployments/pictures/images/edits?api-version=2025-04-01-preview";
    let png = drawn(16, 8, image::ImageFormat::Png);
    let texts = ["string", "", "0", "-1", "1e30", "null", "[]", "{}"];
    for path in ["/v1/images/edits", deployed, "/v1/images/variations"] {
        let mut names = members("/parameters/images.edits/gpt-image");
        names.extend(["image", "mask", "markup"].map(str::to_owned));
        for name in names {
            for text in texts {
                let form = Form::new().file("image", "a.png", "image/png", &png);
                let reply = mock.submit(path, form.text(&name, text)).await;
                let sent = format!("{path} {name}={text}");
                if path.ends_with("variations") {
                    assert_eq!(reply.status, 200, "{sent}: {}", reply.text());
                    assert_good_file(&mock, &reply.json()["data"][0]).await;
                } else {
                    assert_good_images(&reply, &sent);
                }
            }
        }
    }
    for path in ["/v1/images/edits", "/v1/images/variations"] {
        let empty = mock.submit(path, Form::new().text("prompt", "x")).await;
        assert_eq!(empty.status, 200, "{path}: {}", empty.text());
    }
}

/// An item of the older models: an address, or base64.
async fn assert_good_file(mock: &Mock, item: &Value) {
    let image = match item["url"].as_str() {
        Some(url) => Picture(mock.fetch(url).await.body),
        None => Picture::of_base64(&item["b64_json"]),
    };
    let sizes = [(256, 256), (512, 512), (1024, 1024)];
    assert!(sizes.contains(&image.size()), "{:?}", image.size());
}

#[tokio::test]
async fn chat_completions() {
    let mock = start().await;
    let names = members("/conversations/parameters/chat.completions");
    for model in ["gpt-4o", "gpt-chat-image"] {
        let messages = json!([{ "role": "user", "content": "a fox" }]);
        let good = json!({ "model": model, "messages": messages });
        for body in spoilt(&good, &names) {
            let reply = mock.send("/v1/chat/completions", &body).await;
            assert_eq!(reply.status, 200, "{body}: {}", reply.text());
            let message = &reply.json()["choices"][0]["message"];
            let url = message["images"][0]["image_url"]["url"].as_str();
            let paints = body["model"] == "gpt-chat-image";
            assert_eq!(url.is_some(), paints, "{body}");
            if let Some(url) = url {
                let base64 = url.split_once(',').unwrap().1;
                assert_good(&Picture::of_base64(&json!(base64)));
            }
        }
        for message in placeholders() {
            let body = json!({ "model": model, "messages": [message, { "role": "user", "content": [message] }] });
            let reply = mock.send("/v1/chat/completions", &body).await;
            assert_eq!(reply.status, 200, "{body}: {}", reply.text());
        }
    }
}

#[tokio::test]
async fn responses() {
    let mock = start().await;
    let tool = json!({ "type": "image_generation", "quality": "low" });
    let good = json!({ "model": "gpt-4o", "input": "a fox", "tools": [tool] });
    let names = members("/conversations/parameters/responses");
    let mut bodies = spoilt(&good, &names);
    let members = members("/parameters/responses/gpt-image");
    bodies.extend(spoilt(&tool, &members).into_iter().map(|tool| {
        let mut body = good.clone();
        body["tools"][0] = tool;
        body
    }));
    for body in bodies {
        let reply = mock.send("/v1/responses", &body).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.text());
        let output = reply.json()["output"].take();
        let called = body["tools"][0]["type"] == "image_generation";
        assert_eq!(
            output[0]["type"] == "image_generation_call",
            called,
            "{body}"
        );
        if called {
            assert_good(&Picture::of_base64(&output[0]["result"]));
        }
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_all_the_same() {
    let mock = start().await;
    for path in [
        "/v1/images/generations",
        "/v1/images/edits",
        "/v1/chat/completions",
        "/v1/responses",
    ] {
        for body in ["", "[]", "\"string\"", "{"] {
            let request = mock.request(Method::POST, path).bearer_auth(KEY);
            let request = request.header("content-type", "application/json");
            let reply = Reply::of(request.body(body)).await;
            assert_eq!(reply.status, 400, "{path} {body}");
        }
    }
}

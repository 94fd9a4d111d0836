//! The images route of Google's OpenAI-compatible face.

use serde_json::{Value, json};

use crate::support::{TOKEN, start};

const PATH: &str = "/v1beta/openai/images/generations";

fn asking() -> Value {
    json!({ "model": "gemini-2.5-flash-image", "prompt": format!("a fox [[case:{TOKEN}]]"), "response_format": "b64_json", "n": 2 })
}

#[tokio::test]
async fn openai_clients_get_their_pictures() {
    let mock = start().await;
    let mut body = asking();
    body["unknown"] = json!(1);
    let reply = mock.send(PATH, &body).await;
    let images = reply.images();
    assert_eq!(images.len(), 2);
    assert!(reply.json()["created"].is_u64());
    let image = &images[0];
    assert_eq!((image.mime(), image.size()), ("image/png", (1024, 1024)));
    assert_eq!(image.metadata().token.unwrap().to_string(), TOKEN);
    let entry = mock.last_entry().await;
    assert_eq!(entry.provider.as_deref(), Some("gemini"));
    assert_eq!(entry.operation.as_deref(), Some("images.generations"));
    assert_eq!(entry.sent["model"], "gemini-2.5-flash-image");
    assert_eq!(entry.effective["size"], "1024x1024");
    body["extra_body"] = json!({ "google": { "aspect_ratio": "16:9" } });
    let images = mock.send(PATH, &body).await.images();
    assert_eq!(images[0].size(), (1344, 768));
    let imagen = json!({ "model": "models/imagen-3.0-generate-002", "prompt": "a fox", "size": "1792x1024" });
    let images = mock.send(PATH, &imagen).await.images();
    assert_eq!((images.len(), images[0].size()), (1, (1408, 768)));
}

#[tokio::test]
async fn errors_are_a_list_of_one() {
    let mock = start().await;
    let mut unknown = asking();
    unknown["model"] = json!("gemini-9");
    let mut empty = asking();
    empty["prompt"] = json!("");
    for (body, status) in [(unknown, 404), (empty, 400), (json!([]), 400)] {
        let reply = mock.send(PATH, &body).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.json()[0]["error"]["code"], status);
    }
    mock.script(&json!(["rate-limit", "moderation-blocked", "fewer-images"]))
        .await;
    assert_eq!(mock.send(PATH, &asking()).await.status, 429);
    assert_eq!(mock.send(PATH, &asking()).await.status, 400);
    assert_eq!(mock.send(PATH, &asking()).await.images().len(), 1);
}

#[tokio::test]
async fn options_stand_in_the_extra_body() {
    let mock = start().await;
    let mut body = asking();
    body["model"] = json!("models/gemini-3-pro-image-preview");
    body.as_object_mut().unwrap().remove("n");
    let config = json!({ "imageConfig": { "imageSize": "2K" }, "candidateCount": 2, "responseModalities": ["IMAGE"] });
    for extra in [
        json!({ "aspect_ratio": "16:9", "generation_config": config }),
        json!({ "google": { "aspect_ratio": "16:9", "generation_config": config } }),
    ] {
        body["extra_body"] = extra;
        let reply = mock.send(PATH, &body).await;
        assert_eq!(reply.text().lines().count(), 1);
        let images = reply.images();
        assert_eq!((images.len(), images[0].size()), (2, (2752, 1536)));
        let entry = mock.last_entry().await;
        assert_eq!(entry.sent["aspect_ratio"], "16:9");
        assert_eq!(entry.sent["image_size"], "2K");
        assert_eq!(entry.effective["n"], 2);
    }
    body["extra_body"] = json!({ "generation_config": { "imageConfig": { "unknown": 1 } } });
    let reply = mock.send(PATH, &body).await;
    let text = reply.json()[0]["error"]["message"].take();
    let nested = "Invalid JSON payload received. Unknown name \"unknown\" at 'generation_config.image_config': Cannot find field.";
    assert_eq!((reply.status, text), (400, json!(nested)));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let mock = start().await;
    for (name, value) in [
        ("response_format", json!("url")),
        ("n", json!(0)),
        ("n", json!(5)),
        ("n", json!("many")),
        ("model", json!(null)),
        ("prompt", json!(null)),
        ("extra_body", json!({ "aspect_ratio": "7:3" })),
    ] {
        let mut body = asking();
        body[name] = value;
        let reply = mock.send(PATH, &body).await;
        assert_eq!(reply.status, 400, "{name}: {}", reply.text());
        assert_eq!(reply.json()[0]["error"]["status"], "INVALID_ARGUMENT");
    }
    for size in ["auto", "10", "axb", "0x0"] {
        let mut body = asking();
        body["size"] = json!(size);
        assert_eq!(mock.send(PATH, &body).await.images().len(), 2, "{size}");
    }
    let mut words = asking();
    words["model"] = json!("gemini-2.5-flash");
    assert_eq!(mock.send(PATH, &words).await.status, 404);
}

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

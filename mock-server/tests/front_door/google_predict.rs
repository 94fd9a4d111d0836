//! Imagen's `:predict` on both faces of Google.

use serde_json::{Value, json};

use crate::google_generate::{gemini, vertex};
use crate::support::{Picture, Reply, TOKEN, names, start};

const GEMINI: &str = "/v1beta/models/imagen-4.0-generate-001:predict";
const VERTEX: &str = "/v1/projects/p1/locations/us-central1/publishers/google/models/imagen-4.0-generate-001:predict";

fn asking(parameters: &Value) -> Value {
    let prompt = format!("a fox [[case:{TOKEN}]]");
    json!({ "instances": [{ "prompt": prompt }], "parameters": parameters })
}

fn predictions(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let list = reply.json()["predictions"].take();
    list.as_array().cloned().unwrap_or_default()
}

fn pictures(items: &[Value]) -> Vec<Picture> {
    let files = items
        .iter()
        .filter_map(|item| item.get("bytesBase64Encoded"));
    files.map(Picture::of_base64).collect()
}

#[tokio::test]
async fn both_faces_answer_with_as_many_pictures_as_asked_for() {
    let mock = start().await;
    let body = asking(&json!({ "sampleCount": 2, "aspectRatio": "16:9" }));
    for face in ["gemini", "vertex"] {
        let reply = match face {
            "gemini" => gemini(&mock, GEMINI, &body).await,
            _ => vertex(&mock, VERTEX, &body).await,
        };
        let items = predictions(&reply);
        let told = match face {
            "gemini" => vec!["mimeType", "bytesBase64Encoded"],
            _ => vec!["mimeType", "bytesBase64Encoded", "prompt"],
        };
        assert_eq!(items.len(), 2);
        assert_eq!(names(&items[0]), told);
        assert_eq!(items[0]["mimeType"], "image/png");
        let images = pictures(&items);
        for (index, image) in (0..).zip(&images) {
            assert_eq!((image.mime(), image.size()), ("image/png", (1408, 768)));
            let mark = image.metadata();
            assert_eq!(mark.token.unwrap().to_string(), TOKEN);
            assert_eq!(mark.index, index);
        }
        let entry = mock.last_entry().await;
        assert_eq!(entry.provider.as_deref(), Some(face));
        assert_eq!(entry.operation.as_deref(), Some("models.predict"));
        assert_eq!(entry.token.as_deref(), Some(TOKEN));
        assert_eq!(entry.sent["n"], 2);
        assert_eq!(entry.sent.get("size"), None);
        assert_eq!(entry.effective["size"], "1408x768");
        let hashes: Vec<_> = images.iter().map(Picture::sha256).collect();
        assert_eq!(entry.answer.unwrap().summary.images, hashes);
    }
}

#[tokio::test]
async fn output_options_decide_the_file() {
    let mock = start().await;
    let output = json!({ "mimeType": "image/jpeg", "compressionQuality": 60 });
    let body =
        asking(&json!({ "sampleCount": 1, "outputOptions": output, "enhancePrompt": false }));
    let items = predictions(&vertex(&mock, VERTEX, &body).await);
    assert_eq!(items[0]["mimeType"], "image/jpeg");
    assert_eq!(items[0].get("prompt"), None);
    assert_eq!(pictures(&items)[0].mime(), "image/jpeg");
    let body = asking(&json!({ "sampleCount": 1, "storageUri": "gs://bucket/out/" }));
    let items = predictions(&vertex(&mock, VERTEX, &body).await);
    let address = items[0]["gcsUri"].as_str().unwrap();
    assert!(address.starts_with("gs://bucket/out/") && address.ends_with("/sample_0.png"));
    assert_eq!(items[0].get("bytesBase64Encoded"), None);
}

#[tokio::test]
async fn safety_attributes_bring_an_item_that_is_no_image() {
    let mock = start().await;
    let body = asking(&json!({ "sampleCount": 1, "includeSafetyAttributes": true }));
    let items = predictions(&vertex(&mock, VERTEX, &body).await);
    assert_eq!(items.len(), 2);
    let scores = json!({ "categories": ["Porn", "Violence"], "scores": [0, 0] });
    assert_eq!(items[0]["safetyAttributes"], scores);
    assert_eq!(names(&items[1]), ["contentType", "safetyAttributes"]);
    assert_eq!(items[1]["contentType"], "Positive Prompt");
    let categories = items[1]["safetyAttributes"]["categories"]
        .as_array()
        .unwrap();
    assert_eq!(categories.len(), 12);
}

#[tokio::test]
async fn withheld_images_leave_a_reason_where_it_is_asked_for() {
    let mock = start().await;
    let body = asking(&json!({ "sampleCount": 2, "includeRaiReason": true }));
    let silent = asking(&json!({ "sampleCount": 2 }));
    for (condition, images) in [("output-blocked", 0), ("fewer-images", 1)] {
        mock.script(&json!([condition, condition])).await;
        let items = predictions(&vertex(&mock, VERTEX, &body).await);
        assert_eq!(pictures(&items).len(), images);
        assert_eq!(items.len(), images + 1);
        assert_eq!(names(&items[images]), ["raiFilteredReason"]);
        assert_eq!(
            mock.last_entry().await.answer.unwrap().summary.condition,
            condition
        );
        let items = predictions(&vertex(&mock, VERTEX, &silent).await);
        assert_eq!(items.len(), images);
    }
    mock.script(&json!(["no-image"])).await;
    assert_eq!(vertex(&mock, VERTEX, &body).await.json(), json!({}));
}

#[tokio::test]
async fn a_refused_prompt_is_an_error() {
    let mock = start().await;
    mock.script(&json!(["moderation-blocked", "rate-limit"]))
        .await;
    let body = asking(&json!({ "sampleCount": 1 }));
    let (status, error) = vertex(&mock, VERTEX, &body).await.error();
    let text = error["message"].as_str().unwrap();
    assert_eq!(
        (status, &error["status"]),
        (400, &json!("INVALID_ARGUMENT"))
    );
    assert!(text.ends_with("Support codes: 42876398"), "{text}");
    let entry = mock.last_entry().await;
    assert_eq!(
        entry.answer.unwrap().summary.condition,
        "moderation-blocked"
    );
    assert_eq!(vertex(&mock, VERTEX, &body).await.status, 429);
}

#[tokio::test]
async fn parameters_out_of_range_are_refused() {
    let mock = start().await;
    for (parameters, text) in [
        (json!({ "sampleCount": 5 }), "sampleCount"),
        (json!({ "sampleCount": 0 }), "sampleCount"),
        (json!({ "aspectRatio": "21:9" }), "21:9"),
        (json!({ "sampleImageSize": "4K" }), "4K"),
        (
            json!({ "outputOptions": { "mimeType": "image/webp" } }),
            "image/webp",
        ),
        (
            json!({ "seed": 1 }),
            "Seed is not supported when watermark is enabled.",
        ),
    ] {
        let (status, error) = gemini(&mock, GEMINI, &asking(&parameters)).await.error();
        let message = error["message"].as_str().unwrap();
        assert_eq!(status, 400);
        assert!(
            message.starts_with("Image generation failed with the following error: ")
                && message.contains(text),
            "{message}"
        );
    }
    for (parameters, text) in [
        (
            json!({ "safetySetting": "block_everything" }),
            "safetySetting",
        ),
        (
            json!({ "personGeneration": "sometimes" }),
            "personGeneration",
        ),
        (json!({ "addWatermark": false }), "addWatermark"),
    ] {
        let (status, error) = gemini(&mock, GEMINI, &asking(&parameters)).await.error();
        let message = error["message"].as_str().unwrap();
        assert!(status == 400 && message.contains(text), "{message}");
    }
    let fine = json!({ "sampleCount": 1, "addWatermark": false, "seed": 7, "safetySetting": "BLOCK_ONLY_HIGH" });
    assert_eq!(vertex(&mock, VERTEX, &asking(&fine)).await.status, 200);
    let ultra = VERTEX.replace("4.0-generate", "4.0-ultra-generate");
    let two = asking(&json!({ "sampleCount": 2 }));
    assert_eq!(vertex(&mock, &ultra, &two).await.status, 400);
    assert_eq!(
        predictions(&vertex(&mock, &ultra, &asking(&json!({}))).await).len(),
        1
    );
    let empty = json!({ "instances": [{ "prompt": " " }] });
    assert_eq!(gemini(&mock, GEMINI, &empty).await.status, 400);
    let other = GEMINI.replace("imagen-4.0-generate-001", "gemini-2.5-flash-image");
    let (status, error) = gemini(&mock, &other, &asking(&json!({}))).await.error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("is not supported for predict"),
        "{message}"
    );
    assert_eq!(status, 404);
}

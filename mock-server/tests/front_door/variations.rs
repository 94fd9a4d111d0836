//! Variations: gone today, and as they were for dall-e-2.

use image::ImageFormat;
use serde_json::json;

use crate::support::{Form, Picture, TOKEN, drawn, names, start, start_with};

const VARIATIONS: &str = "/v1/images/variations";

fn form() -> Form {
    let image = drawn(16, 16, ImageFormat::Png);
    Form::new()
        .file("image", &format!("{TOKEN}.png"), "image/png", &image)
        .text("size", "256x256")
        .text("n", "2")
}

#[tokio::test]
async fn today_the_model_does_not_exist() {
    let mock = start().await;
    for form in [form(), form().text("model", "dall-e-2")] {
        let error = json!({
            "message": "The model 'dall-e-2' does not exist.",
            "type": "image_generation_user_error", "param": "model", "code": "invalid_value",
        });
        assert_eq!(mock.submit(VARIATIONS, form).await.error(), (400, error));
    }
    let reply = mock
        .submit(VARIATIONS, form().text("model", "gpt-image-1"))
        .await;
    let (_, error) = reply.error();
    assert_eq!(
        error["message"],
        "Invalid value: 'gpt-image-1'. Value must be 'dall-e-2'."
    );
}

#[tokio::test]
async fn legacy_models_answer_with_urls_or_base64() {
    let mock = start_with(|settings| settings.legacy_models = true).await;
    let body = mock.submit(VARIATIONS, form()).await.json();
    assert_eq!(names(&body), ["created", "data"]);
    let items = body["data"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for item in items {
        assert_eq!(names(item), ["url"]);
        let file = mock.fetch(item["url"].as_str().unwrap()).await;
        let image = Picture(file.body);
        assert_eq!(image.size(), (256, 256));
        assert_eq!(image.strip().token.unwrap().to_string(), TOKEN);
    }
    let reply = mock
        .submit(VARIATIONS, form().text("response_format", "b64_json"))
        .await;
    assert_eq!(reply.images().len(), 2);
    let entry = mock.last_entry().await;
    assert_eq!(entry.operation.as_deref(), Some("images.variations"));
    assert_eq!(entry.effective["model"], "dall-e-2");
}

#[tokio::test]
async fn what_is_no_variation_is_refused() {
    let mock = start_with(|settings| settings.legacy_models = true).await;
    for (form, code) in [
        (
            Form::new().text("n", "1"),
            json!("missing_required_parameter"),
        ),
        (form().text("prompt", "x"), json!("unknown_parameter")),
        (form().text("n", "0"), json!("integer_below_min_value")),
        (form().text("size", "1024x1536"), json!("invalid_value")),
        (
            form().text("response_format", "png"),
            json!("invalid_value"),
        ),
        (
            form().file("image", "b", "", &drawn(8, 4, ImageFormat::Png)),
            json!(null),
        ),
    ] {
        let (status, error) = mock.submit(VARIATIONS, form).await.error();
        assert_eq!((status, &error["code"]), (400, &code), "{error}");
    }
    let (status, error) = mock.send(VARIATIONS, &json!({})).await.error();
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("unsupported_content_type"))
    );
}

//! Edits that are not good: forms, JSON and other bodies.

use image::ImageFormat;
use serde_json::{Value, json};

use super::{EDITS, basic, data_url, json_edit, png, with_image};
use crate::support::{Form, Reply, drawn, small, start};

#[tokio::test]
async fn bad_forms_are_refused() {
    let mock = start().await;
    let many = |count| (0..count).fold(basic("x"), |form, _| form.file("image[]", "a", "", &png()));
    let bare = || Form::new().file("image", "a", "", &png());
    for (form, param, code) in [
        (basic("a hat"), json!("image"), "missing_required_parameter"),
        (bare().text("prompt", ""), json!("prompt"), "empty_string"),
        (bare(), json!("prompt"), "missing_required_parameter"),
        (many(17), json!("image"), "array_above_max_length"),
        (
            basic("x").file("image", "a", "", b"text"),
            json!("image"),
            "unsupported_file_mimetype",
        ),
        (
            many(1).file("image[]", "b", "image/gif", b"GIF89a"),
            json!("image[1]"),
            "unsupported_file_mimetype",
        ),
        (
            basic("x").file("image", "a", "image/png", b"text"),
            Value::Null,
            "invalid_image_file",
        ),
        (
            with_image("x").text("response_format", "b64_json"),
            json!("response_format"),
            "unknown_parameter",
        ),
        (
            with_image("x").text("n", "many"),
            json!("n"),
            "invalid_type",
        ),
        (
            with_image("x").text("n", "11"),
            json!("n"),
            "integer_above_max_value",
        ),
        (
            with_image("x").text("size", "3x3"),
            json!("size"),
            "invalid_value",
        ),
        (
            with_image("x").text("input_fidelity", "so-so"),
            json!("input_fidelity"),
            "invalid_value",
        ),
        (
            with_image("x").text("model", "gpt-4o"),
            json!("model"),
            "invalid_value",
        ),
        (
            with_image("x")
                .text("model", "gpt-image-2")
                .text("input_fidelity", "high"),
            json!("input_fidelity"),
            "invalid_input_fidelity_model",
        ),
        (
            with_image("x").file("mask", "m", "", &drawn(8, 8, ImageFormat::Png)),
            json!("mask"),
            "invalid_image_file",
        ),
        (
            with_image("x").file("mask", "m", "", &drawn(32, 24, ImageFormat::Jpeg)),
            json!("mask"),
            "invalid_image_file",
        ),
        (
            with_image("x").text("stream", "true").text("n", "2"),
            json!("input"),
            "unsupported_parameter",
        ),
    ] {
        let reply = mock.submit(EDITS, form).await;
        let (status, error) = reply.error();
        assert_eq!(
            (status, &error["param"], &error["code"]),
            (400, &param, &json!(code)),
            "{error}"
        );
    }
    assert_eq!(
        many(16).body().len() > 16,
        mock.submit(EDITS, many(16)).await.status == 200
    );
    let fine = with_image("x").text("input_fidelity", "high");
    assert_eq!(mock.submit(EDITS, fine).await.status, 200);
}

#[tokio::test]
async fn bad_json_is_refused() {
    let mock = start().await;
    let url = data_url("image/png", &png());
    for (images, param, code) in [
        (Value::Null, "images", "missing_required_parameter"),
        (json!([]), "images", "empty_array"),
        (json!("x"), "images", "invalid_type"),
        (json!([1]), "images[0]", "invalid_type"),
        (
            json!([{}]),
            "images[0].image_url",
            "missing_required_parameter",
        ),
        (
            json!([{ "image_url": url, "file_id": "f" }]),
            "images[0].image_url",
            "mutually_exclusive_parameters",
        ),
        (
            json!([{ "url": url }]),
            "images[0].url",
            "unknown_parameter",
        ),
        (
            json!([{ "image_url": 1 }]),
            "images[0].image_url",
            "invalid_type",
        ),
        (
            json!([{ "image_url": "a.png" }]),
            "images[0].image_url",
            "invalid_value",
        ),
        (
            json!([{ "image_url": data_url("text/plain", b"x") }]),
            "images[0].image_url",
            "unsupported_file_mimetype",
        ),
    ] {
        let (status, error) = json_edit(&mock, images).await.error();
        assert_eq!(
            (status, &error["param"], &error["code"]),
            (400, &json!(param), &json!(code)),
            "{error}"
        );
    }
    let mut body = small("x");
    body["image"] = json!(url);
    let (_, error) = mock.send(EDITS, &body).await.error();
    assert_eq!(error["code"], "unknown_parameter");
}

#[tokio::test]
async fn other_bodies_are_refused() {
    let mock = start().await;
    let broken = |kind: &'static str, body: &'static str| {
        let request = mock.request(reqwest::Method::POST, EDITS).bearer_auth("k");
        Reply::of(request.header("content-type", kind).body(body))
    };
    let (_, error) = broken("text/plain", "x").await.error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("only accepts 'multipart/form-data'"),
        "{message}"
    );
    let (status, _) = broken("multipart/form-data; boundary=x", "--x\r\n")
        .await
        .error();
    assert_eq!(status, 400);
    let (status, _) = broken("multipart/form-data", "--x--\r\n").await.error();
    assert_eq!(status, 400);
    let (status, error) = broken("application/json", "{").await.error();
    assert!(
        status == 400
            && error["message"]
                .as_str()
                .unwrap()
                .starts_with("We could not parse")
    );
}

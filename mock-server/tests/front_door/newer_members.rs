//! Members that came after the specification of 2026-08: taken, told again, or refused in the provider's manner.

use image::ImageFormat;
use serde_json::{Value, json};

use crate::support::{Form, drawn, events, names, sha256, small, start, start_with, streamed};

fn with(changes: &Value) -> Value {
    let mut body = small("a fox");
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn models_of_2_5_and_2_6_plan_and_take_more_qualities() {
    let mock = start().await;
    for model in [
        "gpt-image-2.5-flare",
        "gpt-image-2.5-sunburst-2026-09-08",
        "gpt-image-2.6-flare",
        "gpt-image-2.6-sunburst",
    ] {
        for quality in ["xhigh", "max"] {
            let body = with(
                &json!({ "model": model, "quality": quality, "complexity": "high", "size": "1536x864" }),
            );
            let reply = mock.generate(&body).await;
            assert_eq!(reply.images()[0].size(), (1536, 864), "{model}");
            assert_eq!(reply.json()["quality"], quality);
        }
    }
    let (_, error) = mock
        .generate(&with(&json!({ "quality": "max" })))
        .await
        .error();
    let message =
        "Invalid value: 'max'. Supported values are: 'low', 'medium', 'high', and 'auto'.";
    assert_eq!(error["message"], message);
    let (_, error) = mock
        .generate(&with(&json!({ "complexity": "most" })))
        .await
        .error();
    assert_eq!(error["param"], "complexity");
}

#[tokio::test]
async fn previews_are_refused_like_other_formats() {
    let mock = start().await;
    for format in ["gif", "svg"] {
        let (status, error) = mock
            .generate(&with(&json!({ "output_format": format })))
            .await
            .error();
        let message =
            format!("Invalid value: '{format}'. Supported values are: 'png', 'webp', and 'jpeg'.");
        assert_eq!((status, &error["message"]), (400, &json!(message)));
    }
    for (name, value, format) in [
        ("frame_count", json!(4), "gif"),
        ("frame_duration_ms", json!(100), "gif"),
        ("svg", json!({ "model": "gpt-5" }), "svg"),
    ] {
        let (status, error) = mock.generate(&with(&json!({ name: value }))).await.error();
        let message = format!("'{name}' is only supported with output_format '{format}'.");
        assert_eq!(
            (status, &error["message"], &error["param"]),
            (400, &json!(message), &json!(name))
        );
    }
}

#[tokio::test]
async fn the_safety_identifier_is_told_again() {
    let mock = start().await;
    for (sent, told) in [
        (json!({ "safety_identifier": "u-1" }), Some("u-1")),
        (
            json!({ "safety_identifier": "u-1", "user": "u-2" }),
            Some("u-1"),
        ),
        (
            json!({ "safety_identifier": "", "user": "u-2" }),
            Some("u-2"),
        ),
        (json!({ "safety_identifier": null }), None),
    ] {
        let body = mock.generate(&with(&sent)).await.json();
        assert_eq!(body.get("safety_identifier").and_then(Value::as_str), told);
        assert!(names(&body)[1..].is_sorted());
    }
    let mut body = streamed("a fox", 1);
    body["safety_identifier"] = json!("u-1");
    for (_, data) in events(mock.generate(&body).await.text()) {
        assert_eq!(data["safety_identifier"], "u-1");
    }
}

#[tokio::test]
async fn markup_is_journaled_and_must_fit() {
    let mock = start().await;
    let png = drawn(32, 24, ImageFormat::Png);
    let form = |model: &str, markup: &[u8]| {
        Form::new()
            .text("model", model)
            .text("prompt", "a hat")
            .text("quality", "low")
            .file("image", "a.png", "image/png", &png)
            .file("markup", "m.png", "image/png", markup)
    };
    let edits = "/v1/images/edits";
    let reply = mock.submit(edits, form("gpt-image-2.5-flare", &png)).await;
    assert_eq!(reply.images().len(), 1);
    let entry = mock.last_entry().await;
    assert_eq!(entry.sent["markup"]["sha256"], sha256(&png));
    assert!(entry.body[4].get("value").is_none());
    let (_, error) = mock.submit(edits, form("gpt-image-1", &png)).await.error();
    let message = "Unsupported parameter: 'markup' is not supported with this model.";
    assert_eq!(error["message"], message);
    let other = drawn(8, 8, ImageFormat::Png);
    let (_, error) = mock
        .submit(edits, form("gpt-image-2.5-flare", &other))
        .await
        .error();
    assert_eq!(error["param"], "markup");
    let (_, error) = mock
        .submit(edits, form("gpt-image-2.5-flare", b"text"))
        .await
        .error();
    assert_eq!(error["code"], "invalid_image_file");
}

#[tokio::test]
async fn transparent_backgrounds_came_with_a_day() {
    for (day, status) in [(None, 200), (Some((8, 20)), 200), (Some((8, 19)), 400)] {
        let mock = start_with(|settings| {
            settings.as_of = day.map(|(month, day)| {
                let month = time::Month::try_from(month).unwrap();
                time::Date::from_calendar_date(2026, month, day).unwrap()
            });
        });
        let body = with(&json!({ "model": "gpt-image-2", "background": "transparent" }));
        assert_eq!(mock.await.generate(&body).await.status, status, "{day:?}");
    }
}

#[tokio::test]
async fn a_scenario_says_what_auto_becomes() {
    let mock = start().await;
    let mut body = json!({ "model": "gpt-image-1", "prompt": "a fox [[mock:ok;size=1024x1536;quality=medium]]" });
    let reply = mock.generate(&body).await;
    assert_eq!(reply.images()[0].size(), (1024, 1536));
    let told = reply.json();
    assert_eq!(
        (&told["size"], &told["quality"]),
        (&json!("1024x1536"), &json!("medium"))
    );
    assert_eq!(told["usage"]["output_tokens"], 1584);
    // What is stated stays, and no model makes what it cannot.
    body["size"] = json!("1536x1024");
    assert_eq!(mock.generate(&body).await.json()["size"], "1536x1024");
    body["size"] = json!("auto");
    body["prompt"] = json!("a fox [[mock:ok;size=512x512]]");
    assert_eq!(mock.generate(&body).await.json()["size"], "1024x1024");
    body["prompt"] = json!("a fox [[mock:ok;colour=red]]");
    let (status, error) = mock.generate(&body).await.error();
    assert_eq!(status, 400);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("it takes 'call', 'quality', 'size'")
    );
}

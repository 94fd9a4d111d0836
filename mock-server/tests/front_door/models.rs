//! The life of models, and what the older ones answer.

use mock_server::settings::Settings;
use reqwest::Method;
use serde_json::json;
use time::macros::date;

use crate::support::{Mock, Picture, Reply, TOKEN, names, start, start_with};

async fn serves(mock: &Mock, model: &str) -> bool {
    let mut body = json!({ "model": model, "prompt": "a fox" });
    // Judged last, so nothing is painted.
    body["n"] = json!(1);
    let reply = mock.generate(&body).await;
    match reply.outcome().as_str() {
        "ok" => true,
        _ => {
            let message = format!("The model '{model}' does not exist.");
            let error = json!({
                "message": message, "type": "image_generation_user_error",
                "param": "model", "code": "invalid_value",
            });
            assert_eq!(reply.error(), (400, error));
            false
        }
    }
}

#[tokio::test]
async fn only_dall_e_is_retired_unless_a_day_is_given() {
    type Change = fn(&mut Settings);
    let plain: Change = |_| ();
    let before: Change = |settings| settings.as_of = Some(date!(2026 - 10 - 22));
    let day: Change = |settings| settings.as_of = Some(date!(2026 - 10 - 23));
    let early: Change = |settings| settings.as_of = Some(date!(2026 - 05 - 11));
    let legacy: Change = |settings| {
        settings.as_of = Some(date!(2027 - 01 - 01));
        settings.legacy_models = true;
    };
    for (change, dall_e, gpt_image_1, mini) in [
        (plain, false, true, true),
        (before, false, true, true),
        (day, false, false, true),
        (early, true, true, true),
        (legacy, true, true, true),
    ] {
        let mock = start_with(change).await;
        assert_eq!(serves(&mock, "dall-e-3").await, dall_e);
        assert_eq!(serves(&mock, "gpt-image-1").await, gpt_image_1);
        assert_eq!(serves(&mock, "gpt-image-1-mini").await, mini);
        assert!(serves(&mock, "gpt-image-2").await);
        assert!(!serves(&mock, "gpt-4o").await);
    }
}

#[tokio::test]
async fn a_snapshot_is_its_model() {
    let mock = start().await;
    for model in [
        "gpt-image-2-2026-04-21",
        "gpt-image-2.5-flare-2026-09-08",
        "chatgpt-image-latest",
    ] {
        assert!(serves(&mock, model).await, "{model}");
    }
}

async fn legacy() -> Mock {
    start_with(|settings| settings.legacy_models = true).await
}

#[tokio::test]
async fn dall_e_answers_with_urls_that_show_the_same_picture() {
    let mock = legacy().await;
    let long = "é".repeat(3000);
    for (prompt, size) in [
        (format!("a fox [[case:{TOKEN}]]"), "1792x1024"),
        (long, "1024x1024"),
    ] {
        let body = json!({ "model": "dall-e-3", "prompt": prompt, "size": size, "style": "vivid" });
        let reply = mock.generate(&body).await;
        let answer = reply.json();
        assert_eq!(names(&answer), ["created", "data"]);
        assert_eq!(names(&answer["data"][0]), ["revised_prompt", "url"]);
        let url = answer["data"][0]["url"].as_str().unwrap();
        assert!(url.starts_with(&mock.server.url()), "{url}");
        let entry = mock.last_entry().await;
        let summary = entry.answer.unwrap().summary;

        let file = mock.fetch(url).await;
        assert_eq!(
            (file.status, file.header("content-type")),
            (200, Some("image/png"))
        );
        let picture = Picture(file.body.clone());
        let (width, height) = picture.size();
        assert_eq!(format!("{width}x{height}"), size);
        assert_eq!(picture.sha256(), summary.images[0]);
        assert_eq!(picture.metadata().token, picture.strip().token);
        assert_eq!(file.body, mock.fetch(url).await.body);
    }
}

#[tokio::test]
async fn dall_e_answers_with_base64_on_demand() {
    let mock = legacy().await;
    let body = json!({ "model": "dall-e-3", "prompt": "a fox", "response_format": "b64_json" });
    let reply = mock.generate(&body).await;
    assert_eq!(
        names(&reply.json()["data"][0]),
        ["b64_json", "revised_prompt"]
    );
    assert_eq!(reply.json()["data"][0]["revised_prompt"], "a fox");
    assert_eq!(reply.images()[0].size(), (1024, 1024));

    let body = json!({
        "model": "dall-e-2", "prompt": "a fox", "response_format": "b64_json", "n": 2, "size": "256x256",
    });
    let reply = mock.generate(&body).await;
    assert_eq!(names(&reply.json()["data"][1]), ["b64_json"]);
    assert_eq!(reply.images()[1].size(), (256, 256));
}

#[tokio::test]
async fn a_revised_prompt_cannot_disturb_the_picture() {
    let mock = legacy().await;
    let prompt = "@@\u{7f}ba@@\u{7f}base64\u{7f}@@se64\u{7f}@@";
    let body = json!({ "model": "dall-e-3", "prompt": prompt, "response_format": "b64_json" });
    let reply = mock.generate(&body).await;
    assert_eq!(reply.images()[0].size(), (1024, 1024));
    assert_eq!(
        reply.json()["data"][0]["revised_prompt"],
        "@@ba@@base64@@se64@@"
    );
}

#[tokio::test]
async fn dall_e_has_rules_of_its_own() {
    let mock = legacy().await;
    for (model, name, value, message) in [
        (
            "dall-e-2",
            "quality",
            json!("standard"),
            "Unknown parameter: 'quality'.",
        ),
        (
            "dall-e-3",
            "background",
            json!("opaque"),
            "Unknown parameter: 'background'.",
        ),
        (
            "dall-e-3",
            "stream",
            json!(true),
            "Unknown parameter: 'stream'.",
        ),
        (
            "dall-e-3",
            "quality",
            json!("auto"),
            "Invalid value: 'auto'. Supported values are: 'standard' and 'hd'.",
        ),
        (
            "dall-e-3",
            "response_format",
            json!("png"),
            "Invalid value: 'png'. Supported values are: 'url' and 'b64_json'.",
        ),
        (
            "dall-e-3",
            "size",
            json!("auto"),
            "Invalid size 'auto'. Supported sizes are 1024x1024, 1792x1024, and 1024x1792.",
        ),
        (
            "dall-e-3",
            "n",
            json!(2),
            "Invalid 'n': integer above maximum value. Expected a value <= 1, but got 2 instead.",
        ),
        (
            "dall-e-2",
            "prompt",
            json!("x".repeat(1001)),
            "Invalid 'prompt': string too long. Expected a string with maximum length 1000, but got a string with length 1001 instead.",
        ),
    ] {
        let mut body = json!({ "model": model, "prompt": "a fox" });
        body[name] = value;
        let (_, error) = mock.generate(&body).await.error();
        assert_eq!(error["message"], message);
    }
}

#[tokio::test]
async fn urls_begin_with_what_is_public() {
    let mock = start_with(|settings| {
        settings.legacy_models = true;
        settings.public_url = Some("https://images.example/mock/".to_owned());
    })
    .await;
    let reply = mock
        .generate(&json!({ "model": "dall-e-2", "prompt": "a fox", "n": 2 }))
        .await;
    let answer = reply.json();
    let urls = [0, 1].map(|at| answer["data"][at]["url"].as_str().unwrap().to_owned());
    assert!(
        urls[0].starts_with("https://images.example/mock/files/"),
        "{}",
        urls[0]
    );
    assert_ne!(urls[0], urls[1]);
}

#[tokio::test]
async fn files_that_do_not_exist_are_not_found() {
    let mock = legacy().await;
    for path in [
        "/files/",
        "/files/x.png",
        "/files/%C3%A9.png",
        "/files/e30.gif",
        "/files/e30.png",
    ] {
        assert_eq!(mock.get(path).await.status, 404, "{path}");
    }
    let reply = mock
        .generate(&json!({ "model": "dall-e-2", "prompt": "a fox", "size": "256x256" }))
        .await;
    let answer = reply.json();
    let path = answer["data"][0]["url"]
        .as_str()
        .unwrap()
        .strip_prefix(&mock.server.url());
    let path = path.unwrap();
    assert_eq!(mock.command(Method::POST, path).await.status, 404);
    let head = Reply::of(mock.request(Method::HEAD, path)).await;
    let whole = mock.get(path).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(
        head.header("content-length"),
        whole.header("content-length")
    );
}

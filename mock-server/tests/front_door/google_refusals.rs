//! What both faces of Google refuse, and conditions that are successes by their status.

use serde_json::{Value, json};

use crate::google_generate::{GEMINI, VERTEX, asking, gemini, parts, vertex};
use crate::support::{Reply, start, start_with};

async fn refused(config: Value, path: &str) -> (u16, Value) {
    let mock = start().await;
    let mut body = asking("a fox");
    body["generationConfig"] = config;
    gemini(&mock, path, &body).await.error()
}

fn message(error: &(u16, Value)) -> &str {
    assert_eq!(
        (error.0, &error.1["status"]),
        (400, &json!("INVALID_ARGUMENT"))
    );
    error.1["message"].as_str().unwrap()
}

#[tokio::test]
async fn unknown_members_are_listed_with_their_place() {
    let mock = start().await;
    let mut body = asking("a fox");
    body["size"] = json!("1024x1024");
    body["generationConfig"] = json!({ "imageConfig": { "personGeneration": "ALLOW_ALL" } });
    let (status, error) = gemini(&mock, GEMINI, &body).await.error();
    let nested = "Invalid JSON payload received. Unknown name \"personGeneration\" at 'generation_config.image_config': Cannot find field.";
    let top = "Invalid JSON payload received. Unknown name \"size\": Cannot find field.";
    assert_eq!(status, 400);
    let text = error["message"].as_str().unwrap();
    assert!(text.contains(nested) && text.contains(top), "{text}");
    let violations = error["details"][0]["fieldViolations"].as_array().unwrap();
    assert_eq!(violations.len(), 2);
    assert!(
        violations
            .contains(&json!({ "field": "generation_config.image_config", "description": nested }))
    );
    assert!(violations.contains(&json!({ "description": top })));
    body.as_object_mut().unwrap().remove("size");
    assert_eq!(vertex(&mock, VERTEX, &body).await.status, 200);
}

#[tokio::test]
async fn wrong_kinds_are_named_by_their_type() {
    let mock = start().await;
    for (body, text) in [
        (
            json!({ "contents": ["a fox"] }),
            "Invalid value at 'contents[0]' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content), \"a fox\"",
        ),
        (
            json!({ "contents": [{ "parts": [{ "text": 5 }] }] }),
            "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5",
        ),
        (
            json!({ "contents": [{ "role": ["user"] }] }),
            "Invalid JSON payload received. Unknown name \"role\" at 'contents[0]': Proto field is not repeating, cannot start list.",
        ),
        (
            json!({}),
            "* GenerateContentRequest.contents: contents is not specified\n",
        ),
    ] {
        let error = gemini(&mock, GEMINI, &body).await.error();
        assert_eq!(message(&error), text);
    }
    let error = gemini(&mock, GEMINI, &json!([])).await.error();
    assert!(message(&error).starts_with("Invalid JSON payload received."));
    let no_role = json!({ "contents": [{ "parts": [{ "text": "a fox" }] }] });
    let error = vertex(&mock, VERTEX, &no_role).await.error();
    assert_eq!(message(&error), "Please use a valid role: user, model.");
}

#[tokio::test]
async fn what_the_model_cannot_do_is_refused() {
    let ratio = refused(json!({ "imageConfig": { "aspectRatio": "7:3" } }), GEMINI).await;
    assert!(
        message(&ratio).contains("aspect_ratio must be one of '16:9', '1:1'")
            || message(&ratio).contains("aspect_ratio must be one of '1:1'"),
        "{}",
        message(&ratio)
    );
    let size = refused(json!({ "imageConfig": { "imageSize": "2K" } }), GEMINI).await;
    assert!(message(&size).contains("image_size"));
    let two = refused(json!({ "candidateCount": 2 }), GEMINI).await;
    assert_eq!(
        message(&two),
        "Multiple candidates is not enabled for this model"
    );
    let json_mode = refused(json!({ "responseMimeType": "application/json" }), GEMINI).await;
    assert_eq!(
        message(&json_mode),
        "JSON mode is not enabled for models/gemini-2.5-flash-image"
    );
    let text = GEMINI.replace("-image", "");
    let words = refused(json!({ "responseModalities": ["IMAGE"] }), &text).await;
    assert_eq!(
        message(&words),
        "Model does not support the requested response modalities: image"
    );
}

#[tokio::test]
async fn unknown_retired_and_misplaced_models_are_404() {
    let mock =
        start_with(|settings| settings.as_of = Some(time::macros::date!(2026 - 10 - 02))).await;
    let unknown = GEMINI.replace("2.5", "9");
    let (status, error) = gemini(&mock, &unknown, &asking("a fox")).await.error();
    assert_eq!((status, &error["status"]), (404, &json!("NOT_FOUND")));
    assert_eq!(
        error["message"],
        "models/gemini-9-flash-image is not found for API version v1beta, or is not supported for generateContent. Call ModelService.ListModels to see the list of available models and their supported methods."
    );
    let (status, error) = gemini(&mock, GEMINI, &asking("a fox")).await.error();
    let text = error["message"].as_str().unwrap();
    assert_eq!(status, 404);
    assert!(
        text.starts_with("This model models/gemini-2.5-flash-image is no longer available."),
        "{text}"
    );
    let regional = VERTEX
        .replace("global", "us-central1")
        .replace("2.5-flash", "3-pro");
    let (status, error) = vertex(&mock, &regional, &asking("a fox")).await.error();
    assert_eq!(status, 404);
    let text = error["message"].as_str().unwrap();
    assert!(text.starts_with("Publisher Model `projects/p1/locations/us-central1/publishers/google/models/gemini-3-pro-image` was not found"), "{text}");
    let html = vertex(&mock, "/v1/projects/p1/nothing", &json!({})).await;
    assert_eq!(
        (html.status, html.header("content-type")),
        (404, Some("text/html; charset=UTF-8"))
    );
}

#[tokio::test]
async fn an_echoed_image_needs_its_signature() {
    let mock = start().await;
    let path = "/v1beta/models/gemini-3-pro-image:generateContent";
    let first = parts(&gemini(&mock, path, &asking("a fox")).await);
    let turn = |parts: &[Value]| {
        json!({ "contents": [
        { "role": "user", "parts": [{ "text": "a fox" }] },
        { "role": "model", "parts": parts },
        { "role": "user", "parts": [{ "text": "make it blue" }] },
    ] })
    };
    assert_eq!(gemini(&mock, path, &turn(&first)).await.status, 200);
    let mut bare = first.clone();
    bare[1].as_object_mut().unwrap().remove("thoughtSignature");
    let error = gemini(&mock, path, &turn(&bare)).await.error();
    assert!(message(&error).starts_with(
        "Image part is missing a thought_signature in content position 2, part position 2."
    ));
}

#[tokio::test]
async fn blocks_are_successes_by_their_status() {
    let mock = start().await;
    let ask = async |text: &str| {
        let gemini = gemini(&mock, GEMINI, &asking(text)).await;
        let vertex = vertex(&mock, VERTEX, &asking(text)).await;
        [gemini, vertex].map(|reply: Reply| {
            assert_eq!(reply.status, 200);
            reply.json()
        })
    };
    for answer in ask("a fox [[mock:moderation-blocked;reason=SAFETY]]").await {
        assert_eq!(answer["promptFeedback"]["blockReason"], "SAFETY");
        assert_eq!(answer.get("candidates"), None);
        let ratings = &answer["promptFeedback"]["safetyRatings"];
        let hate = json!({ "category": "HARM_CATEGORY_HATE_SPEECH", "probability": "HIGH" });
        assert_eq!(ratings[1], hate);
        assert!(answer["usageMetadata"].is_object());
    }
    for (scenario, reason) in [
        ("output-blocked", "IMAGE_SAFETY"),
        ("no-image", "NO_IMAGE"),
        ("fewer-images", "NO_IMAGE"),
    ] {
        for answer in ask(&format!("a fox [[mock:{scenario}]]")).await {
            let candidate = &answer["candidates"][0];
            assert_eq!(candidate["finishReason"], reason);
            assert_eq!(candidate.get("content"), None);
        }
    }
    let vertex = vertex(&mock, VERTEX, &asking("a fox [[mock:moderation-blocked]]")).await;
    let usage = vertex.json()["usageMetadata"].take();
    assert_eq!(usage, json!({ "trafficType": "ON_DEMAND" }));
    let path = GEMINI.replace("2.5-flash", "3-pro");
    let answer = gemini(&mock, &path, &asking("a fox [[mock:output-blocked]]"))
        .await
        .json();
    let candidate = &answer["candidates"][0];
    let members = ["content", "finishReason", "index", "finishMessage"];
    assert_eq!(crate::support::names(candidate), members);
    assert_eq!(candidate["content"], json!({}));
    assert_eq!(answer["usageMetadata"].get("thoughtsTokenCount"), None);
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back_on_gemini_only() {
    let mock = start().await;
    let body = asking("a fox [[mock:rate-limit;retry-after=3]]");
    let reply = gemini(&mock, GEMINI, &body).await;
    assert_eq!(reply.header("retry-after"), None);
    let (status, error) = reply.error();
    assert_eq!(
        (status, &error["status"]),
        (429, &json!("RESOURCE_EXHAUSTED"))
    );
    assert_eq!(error["details"][2]["retryDelay"], "3s");
    assert_eq!(
        error["details"][1]["violations"][0]["quotaDimensions"]["model"],
        "gemini-2.5-flash-image"
    );
    let (status, error) = vertex(&mock, VERTEX, &body).await.error();
    assert_eq!((status, error.get("details")), (429, None));
}

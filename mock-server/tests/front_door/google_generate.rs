//! `generateContent` on both faces of Google: paths, credentials, pictures, usage.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{KEY, Mock, Picture, Reply, TOKEN, names, start, start_with};

pub(crate) const GEMINI: &str = "/v1beta/models/gemini-2.5-flash-image:generateContent";
pub(crate) const VERTEX: &str = "/v1/projects/p1/locations/global/publishers/google/models/gemini-2.5-flash-image:generateContent";

pub(crate) fn asking(prompt: &str) -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": prompt }] }] })
}

pub(crate) async fn gemini(mock: &Mock, path: &str, body: &Value) -> Reply {
    let request = mock.request(Method::POST, path).body(body.to_string());
    Reply::of(request.header("x-goog-api-key", KEY)).await
}

pub(crate) async fn vertex(mock: &Mock, path: &str, body: &Value) -> Reply {
    let request = mock.request(Method::POST, path).body(body.to_string());
    Reply::of(request.bearer_auth("ya29.token")).await
}

pub(crate) fn parts(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let parts = reply.json()["candidates"][0]["content"]["parts"].take();
    parts.as_array().cloned().unwrap_or_default()
}

pub(crate) fn picture(reply: &Reply) -> Picture {
    let parts = parts(reply);
    let image = parts.iter().find(|part| part.get("inlineData").is_some());
    Picture::of_base64(&image.unwrap()["inlineData"]["data"])
}

#[tokio::test]
async fn both_faces_answer_with_words_and_a_picture() {
    let mock = start().await;
    let body = asking(&format!("a fox [[case:{TOKEN}]]"));
    for face in ["gemini", "vertex"] {
        let reply = match face {
            "gemini" => gemini(&mock, GEMINI, &body).await,
            _ => vertex(&mock, VERTEX, &body).await,
        };
        let image = picture(&reply);
        assert_eq!((image.mime(), image.size()), ("image/png", (1024, 1024)));
        assert_eq!(image.metadata().token.unwrap().to_string(), TOKEN);
        assert!(parts(&reply)[0]["text"].is_string());
        let entry = mock.last_entry().await;
        assert_eq!(entry.provider.as_deref(), Some(face));
        assert_eq!(entry.operation.as_deref(), Some("models.generateContent"));
        assert_eq!(entry.effective["prompt"], format!("a fox [[case:{TOKEN}]]"));
        assert_eq!(entry.effective["size"], "1024x1024");
        assert_eq!(entry.sent.get("size"), None);
        assert_eq!(entry.answer.unwrap().summary.images, [image.sha256()]);
    }
}

#[tokio::test]
async fn members_stand_as_recorded() {
    let mock = start().await;
    let body = asking("a fox");
    let reply = gemini(&mock, GEMINI, &body).await;
    assert!(reply.text().starts_with("{\n  \"candidates\": [\n"));
    assert!(reply.text().ends_with("}\n"));
    let answer = reply.json();
    let top = ["candidates", "usageMetadata", "modelVersion", "responseId"];
    assert_eq!(names(&answer), top);
    let candidate = ["content", "finishReason", "index"];
    assert_eq!(names(&answer["candidates"][0]), candidate);
    assert_eq!(reply.header("server"), Some("scaffolding on HTTPServer2"));
    assert!(reply.header("server-timing").is_some());
    let usage = &answer["usageMetadata"];
    let image = json!([{ "modality": "IMAGE", "tokenCount": 1290 }]);
    assert_eq!(usage["candidatesTokensDetails"], image);

    let reply = vertex(&mock, VERTEX, &body).await;
    let answer = reply.json();
    assert!(answer["createTime"].is_string());
    let candidate = ["content", "finishReason", "safetyRatings"];
    assert_eq!(names(&answer["candidates"][0]), candidate);
    assert_eq!(answer["usageMetadata"]["trafficType"], "ON_DEMAND");
    let counts = [
        "promptTokenCount",
        "candidatesTokenCount",
        "totalTokenCount",
        "trafficType",
        "promptTokensDetails",
        "candidatesTokensDetails",
    ];
    assert_eq!(names(&answer["usageMetadata"]), counts);
    assert_eq!(reply.header("server-timing"), None);
}

#[tokio::test]
async fn aspect_ratio_and_image_size_decide_the_pixels() {
    let mock = start().await;
    let path = "/v1beta/models/gemini-3-pro-image:generateContent";
    let mut body = asking("a fox");
    body["generation_config"] = json!({ "image_config": { "aspect_ratio": "16:9", "imageSize": "2K" }, "responseModalities": ["Image"] });
    let reply = gemini(&mock, path, &body).await;
    let image = picture(&reply);
    assert_eq!((image.mime(), image.size()), ("image/jpeg", (2752, 1536)));
    assert_eq!(parts(&reply).len(), 1);
    assert!(parts(&reply)[0]["thoughtSignature"].is_string());
    let usage = reply.json()["usageMetadata"].take();
    assert_eq!(usage["candidatesTokenCount"], 1120);
    let total: u64 = [
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
    ]
    .iter()
    .map(|name| usage[name].as_u64().unwrap())
    .sum();
    assert_eq!(usage["totalTokenCount"], total);
}

#[tokio::test]
async fn tokens_go_with_the_size_and_differ_by_face() {
    let mock = start().await;
    let path = GEMINI.replace("2.5-flash", "3.1-flash");
    let on_vertex = VERTEX.replace("2.5-flash", "3.1-flash");
    for (size, edge, tokens) in [("512", 512, [747, 747]), ("2K", 2048, [1120, 1680])] {
        let mut body = asking("a fox");
        body["generationConfig"] =
            json!({ "imageConfig": { "imageSize": size }, "responseModalities": ["IMAGE"] });
        let replies = [
            gemini(&mock, &path, &body).await,
            vertex(&mock, &on_vertex, &body).await,
        ];
        for (reply, tokens) in replies.iter().zip(tokens) {
            assert_eq!(picture(reply).size(), (edge, edge));
            let usage = reply.json()["usageMetadata"].take();
            let image = json!([{ "modality": "IMAGE", "tokenCount": tokens }]);
            assert_eq!(usage["candidatesTokensDetails"], image);
        }
    }
}

#[tokio::test]
async fn an_input_image_counts_and_gives_the_ratio() {
    let mock = start().await;
    let wide = json!({ "contents": [{ "parts": [{ "text": "a fox" }] }], "generationConfig": { "imageConfig": { "aspectRatio": "21:9" } } });
    let first = picture(&gemini(&mock, GEMINI, &wide).await);
    let data = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &first.0);
    let edit = json!({ "contents": [{ "parts": [{ "text": "make it blue" }, { "inline_data": { "mime_type": "image/png", "data": data } }] }] });
    let reply = gemini(&mock, GEMINI, &edit).await;
    assert_eq!(picture(&reply).size(), (1536, 672));
    let usage = reply.json()["usageMetadata"].take();
    assert_eq!(
        usage["promptTokensDetails"][1],
        json!({ "modality": "IMAGE", "tokenCount": 258 })
    );
    let entry = mock.last_entry().await;
    assert_eq!(entry.sent["images"], json!([first.sha256()]));
}

#[tokio::test]
async fn the_tier_is_said_where_each_face_says_it() {
    let mock = start().await;
    let mut body = asking("a fox");
    let reply = gemini(&mock, GEMINI, &body).await;
    assert_eq!(reply.header("x-gemini-service-tier"), Some("standard"));
    body["serviceTier"] = json!("flex");
    let reply = gemini(&mock, GEMINI, &body).await;
    let usage = reply.json()["usageMetadata"].take();
    assert_eq!(usage["serviceTier"], "flex");
    assert_eq!(names(&usage).last(), Some(&"serviceTier"));
    for (name, value, tier) in [
        (
            "x-vertex-ai-llm-request-type",
            "dedicated",
            "PROVISIONED_THROUGHPUT",
        ),
        (
            "x-vertex-ai-llm-shared-request-type",
            "priority",
            "ON_DEMAND_PRIORITY",
        ),
        (
            "x-vertex-ai-llm-shared-request-type",
            "flex",
            "ON_DEMAND_FLEX",
        ),
    ] {
        let request = mock.request(Method::POST, VERTEX).bearer_auth("ya29.token");
        let request = request.header(name, value).body(body.to_string());
        let reply = Reply::of(request).await;
        assert_eq!(reply.json()["usageMetadata"]["trafficType"], tier);
    }
}

#[tokio::test]
async fn signatures_are_as_long_as_images_are_made() {
    let path = "/v1beta/models/gemini-3-pro-image:generateContent";
    let mock = start().await;
    let lengths = |reply: &Reply| -> Vec<usize> {
        let parts = parts(reply);
        let signatures = parts
            .iter()
            .map(|part| part["thoughtSignature"].as_str().unwrap());
        signatures.map(str::len).collect()
    };
    let reply = gemini(&mock, path, &asking("a fox")).await;
    assert_eq!(lengths(&reply), [1024, 1024]);
    let large = start_with(|settings| settings.image_bytes = Some(600_000)).await;
    let reply = gemini(&large, path, &asking("a fox")).await;
    assert_eq!(lengths(&reply), [800_000, 800_000]);
    let parts = parts(&reply);
    assert_ne!(parts[0]["thoughtSignature"], parts[1]["thoughtSignature"]);
    let again = json!({ "contents": [
        { "role": "user", "parts": [{ "text": "a fox" }] },
        { "role": "model", "parts": parts },
        { "role": "user", "parts": [{ "text": "make it blue" }] },
    ] });
    assert_eq!(gemini(&large, path, &again).await.status, 200);
}

#[tokio::test]
async fn system_parameters_decide_how_an_answer_is_written() {
    let mock = start().await;
    let ask =
        async |query: &str| gemini(&mock, &format!("{GEMINI}?{query}"), &asking("a fox")).await;
    let compact = ask("prettyPrint=false").await;
    assert!(compact.text().starts_with("{\"candidates\": [{\"content\""));
    assert_eq!(picture(&compact).size(), (1024, 1024));
    let masked = ask("fields=candidates(finishReason),usageMetadata/totalTokenCount")
        .await
        .json();
    assert_eq!(masked["candidates"], json!([{ "finishReason": "STOP" }]));
    assert_eq!(names(&masked), ["candidates", "usageMetadata"]);
    assert_eq!(names(&masked["usageMetadata"]), ["totalTokenCount"]);
    let sent = mock.last_entry().await.answer.unwrap().summary.images;
    assert_eq!(sent.len(), 0);
    let numbers = ask("alt=media&%24alt=json%3Benum-encoding%3Dint")
        .await
        .json();
    assert_eq!(numbers["candidates"][0]["finishReason"], 1);
    let query = "$.xgafv=1&prettyPrint=false";
    let body = asking("a fox [[mock:rate-limit]]");
    let reply = gemini(&mock, &format!("{GEMINI}?{query}"), &body).await;
    let error = reply.json()["error"].take();
    assert_eq!(names(&error)[..4], ["code", "message", "errors", "status"]);
    assert_eq!(error["errors"][0]["reason"], "rateLimitExceeded");
    assert_eq!(reply.text().lines().count(), 1);
}

#[tokio::test]
async fn credentials_are_judged_by_each_face() {
    let mock = start().await;
    let send = async |path: &str, header: Option<(&str, &str)>| {
        let mut request = mock
            .request(Method::POST, path)
            .body(asking("a fox").to_string());
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let reply = Reply::of(request).await;
        let error = match reply.status {
            200 => Value::Null,
            _ => reply.json()["error"].take(),
        };
        (
            reply.status,
            error["status"].clone(),
            error["details"][0]["reason"].clone(),
        )
    };
    let refused = |status: u16, name: &str, reason: Value| (status, json!(name), reason);
    let express = "/v1beta1/publishers/google/models/gemini-2.5-flash-image:generateContent";
    let key = Some(("x-goog-api-key", KEY));
    assert_eq!(send(GEMINI, key).await.0, 200);
    assert_eq!(send(&format!("{GEMINI}?key=abc"), None).await.0, 200);
    assert_eq!(send(&GEMINI.replace("v1beta", "v1"), key).await.0, 200);
    assert_eq!(send(&express.replace(':', "%3A"), key).await.0, 200);
    assert_eq!(
        send(GEMINI, None).await,
        refused(403, "PERMISSION_DENIED", Value::Null)
    );
    let bad = Some(("x-goog-api-key", "invalid"));
    assert_eq!(
        send(GEMINI, bad).await,
        refused(400, "INVALID_ARGUMENT", json!("API_KEY_INVALID"))
    );
    assert_eq!(send(express, bad).await.2, "API_KEY_INVALID");
    let bearer = Some(("authorization", "Bearer invalid"));
    let unauthenticated = |reason: &str| refused(401, "UNAUTHENTICATED", json!(reason));
    assert_eq!(
        send(GEMINI, bearer).await,
        unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED")
    );
    assert_eq!(
        send(VERTEX, bearer).await,
        unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED")
    );
    assert_eq!(
        send(VERTEX, key).await,
        unauthenticated("CREDENTIALS_MISSING")
    );
    assert_eq!(
        send(VERTEX, None).await,
        unauthenticated("CREDENTIALS_MISSING")
    );
    let open = start_with(|settings| settings.anonymous = true).await;
    let request = open
        .request(Method::POST, VERTEX)
        .body(asking("a fox").to_string());
    assert_eq!(Reply::of(request).await.status, 200);
}

#[tokio::test]
async fn a_key_in_header_or_query_is_not_in_the_journal() {
    let mock = start().await;
    gemini(
        &mock,
        &format!("{GEMINI}?key=AIza-secret-1"),
        &asking("a fox"),
    )
    .await;
    let entry = serde_json::to_string(&mock.last_entry().await).unwrap();
    assert!(
        !entry.contains("AIza-secret-1") && !entry.contains(KEY),
        "{entry}"
    );
}

//! Paths of Google's faces: endpoints, tuned models, express mode, locations, names that are none.

use serde_json::{Value, json};

use crate::google_generate::{GEMINI, VERTEX, asking, gemini, picture, vertex};
use crate::support::start;

fn text(error: &(u16, Value)) -> &str {
    error.1["message"].as_str().unwrap()
}

#[tokio::test]
async fn endpoints_and_tuned_models_answer() {
    let mock = start().await;
    let endpoint = "/v1/projects/p1/locations/us-central1/endpoints/4567890:generateContent";
    let reply = vertex(&mock, endpoint, &asking("a fox")).await;
    assert_eq!(picture(&reply).size(), (1024, 1024));
    assert_eq!(reply.json()["modelVersion"], "4567890");
    let predict = endpoint.replace("generateContent", "predict");
    let body = json!({ "instances": [{ "prompt": "a fox" }], "parameters": { "sampleCount": 1 } });
    let reply = vertex(&mock, &predict, &body).await;
    assert_eq!(reply.json()["predictions"].as_array().unwrap().len(), 1);
    for kind in ["tunedModels/my-tune", "dynamic/d1"] {
        let path = format!("/v1beta/{kind}:generateContent");
        let reply = gemini(&mock, &path, &asking("a fox")).await;
        assert_eq!(picture(&reply).size(), (1024, 1024));
    }
}

#[tokio::test]
async fn names_that_are_no_names_are_refused() {
    let mock = start().await;
    for name in ["models/models/gemini-2.5-flash-image", "models/"] {
        let path = format!("/v1beta/{name}:generateContent");
        let error = gemini(&mock, &path, &asking("a fox")).await.error();
        assert_eq!(error.0, 400);
        assert_eq!(
            text(&error),
            "* GenerateContentRequest.model: unexpected model name format\n"
        );
    }
    let doubled = VERTEX.replace("google/models/", "google/models/models/");
    let error = vertex(&mock, &doubled, &asking("a fox")).await.error();
    assert_eq!(error.0, 404);
    assert!(text(&error).contains("models/models/gemini-2.5-flash-image` was not found"));
}

#[tokio::test]
async fn there_is_no_host_for_what_is_no_location() {
    let mock = start().await;
    let three = VERTEX.replace("2.5-flash", "3-pro");
    for (path, location, status) in [
        (VERTEX, "us-central1", 200),
        (VERTEX, "northamerica-northeast1", 200),
        (&three, "eu", 200),
        (&three, "europe-west4", 404),
        (VERTEX, "invalid-location", 404),
        (VERTEX, "US-CENTRAL1", 404),
    ] {
        let path = path.replace("global", location);
        let reply = vertex(&mock, &path, &asking("a fox")).await;
        assert_eq!(reply.status, status, "{path}");
        let page = reply.header("content-type") == Some("text/html; charset=UTF-8");
        assert_eq!(
            page,
            location.starts_with("inv") || location.starts_with("US"),
            "{path}"
        );
        if page {
            assert!(
                reply.text().contains(&format!("<code>{path}</code>")),
                "{}",
                reply.text()
            );
        }
    }
}

#[tokio::test]
async fn projects_that_cannot_be_are_refused() {
    let mock = start().await;
    for (project, status) in [
        ("p1", 200),
        ("example.com:p1", 200),
        ("12345678", 200),
        ("", 400),
        ("{project}", 400),
    ] {
        let path = VERTEX.replace("/p1/", &format!("/{project}/"));
        let reply = vertex(&mock, &path, &asking("a fox")).await;
        assert_eq!(reply.status, status, "{path}");
        if status == 400 {
            assert_eq!(
                reply.error().1["details"][0]["reason"],
                "RESOURCE_PROJECT_INVALID"
            );
        }
    }
}

#[tokio::test]
async fn express_mode_takes_keys_and_has_no_location() {
    let mock = start().await;
    let express = "/v1/publishers/google/models/gemini-3-pro-image:generateContent";
    let reply = gemini(&mock, express, &asking("a fox")).await;
    assert_eq!(picture(&reply).mime(), "image/jpeg");
    assert!(reply.json()["createTime"].is_string());
    let bare = express.trim_start_matches("/v1");
    assert_eq!(gemini(&mock, bare, &asking("a fox")).await.status, 200);
    let by_query = mock.request(
        reqwest::Method::POST,
        &format!("{express}?key=AIzaX&prettyPrint=false"),
    );
    let reply = crate::support::Reply::of(by_query.body(asking("a fox").to_string())).await;
    assert_eq!(reply.status, 200);
    assert_eq!(mock.last_entry().await.provider.as_deref(), Some("vertex"));
    let other = GEMINI.replace("v1beta", "v2");
    assert_eq!(gemini(&mock, &other, &asking("a fox")).await.status, 404);
}

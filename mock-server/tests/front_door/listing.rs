//! The list of models, single models, and what known paths answer to other methods.

use reqwest::Method;
use serde_json::json;

use crate::support::{Mock, Reply, names, start, start_with};

async fn ids(mock: &Mock) -> Vec<String> {
    let body = mock.get_with_key("/v1/models").await.json();
    assert_eq!(
        (names(&body), &body["object"]),
        (vec!["object", "data"], &json!("list"))
    );
    let models = body["data"].as_array().unwrap().iter();
    models
        .map(|model| {
            assert_eq!(names(model), ["id", "object", "created", "owned_by"]);
            assert!(
                model["created"].as_i64().unwrap() > 1_577_836_800,
                "{model}"
            );
            model["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_list_holds_what_is_served() {
    let now = ids(&start().await).await;
    for id in [
        "gpt-image-1",
        "gpt-image-2-2026-04-21",
        "gpt-4o",
        "gpt-chat-image",
    ] {
        assert!(now.iter().any(|listed| listed == id), "{id}");
    }
    assert!(!now.iter().any(|id| id.starts_with("dall-e")));
    let legacy = start_with(|settings| settings.legacy_models = true).await;
    assert!(ids(&legacy).await.iter().any(|id| id == "dall-e-2"));
}

#[tokio::test]
async fn one_model_by_its_id_encoded_or_not() {
    let mock = start().await;
    for (path, id) in [
        ("gpt-image-1", "gpt-image-1"),
        (
            "vertex%2Fgoogle%2fgemini-2.5-flash-image-preview",
            "vertex/google/gemini-2.5-flash-image-preview",
        ),
        (
            "google/gemini-2.5-flash-image",
            "google/gemini-2.5-flash-image",
        ),
    ] {
        let reply = mock.get_with_key(&format!("/v1/models/{path}")).await;
        assert_eq!((reply.status, &reply.json()["id"]), (200, &json!(id)));
    }
    let error = json!({
        "message": "The model 'a+b c' does not exist", "type": "invalid_request_error",
        "param": "model", "code": "model_not_found",
    });
    assert_eq!(
        mock.get_with_key("/v1/models/a+b%20c").await.error(),
        (404, error)
    );
    assert_eq!(mock.get("/v1/models").await.status, 401);
    assert_eq!(mock.get("/v1/models/gpt-image-1").await.status, 401);
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    let mock = start().await;
    for (method, path, allow) in [
        (Method::GET, "/v1/images/edits", "POST"),
        (Method::PUT, "/v1/images/variations", "POST"),
        (Method::HEAD, "/v1/images/generations", "POST"),
        (Method::POST, "/v1/models", "GET, HEAD"),
        (Method::DELETE, "/v1/models/x", "GET, HEAD"),
    ] {
        let reply = Reply::of(mock.request(method.clone(), path).bearer_auth("k")).await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
    }
    let head = Reply::of(mock.request(Method::HEAD, "/v1/models").bearer_auth("k")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(
        head.header("content-length")
            .unwrap()
            .parse::<usize>()
            .unwrap()
            > 100
    );
    assert_eq!(mock.get_with_key("/v1/models/").await.status, 404);
}

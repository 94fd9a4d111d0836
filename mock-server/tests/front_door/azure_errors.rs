//! Azure's errors: the gateway's one-line bodies, its 404s, content policy, rate limits, errors in streams.

use reqwest::Method;
use serde_json::json;

use crate::azure::{V1, VERSION, ask, path};
use crate::support::{Mock, Reply, small, start, start_with, streamed};

const NOT_FOUND: &str = r#"{"error":{"code":"404","message": "Resource not found"}}"#;

async fn with_header(mock: &Mock, header: Option<(&str, &str)>) -> Reply {
    let mut request = mock.request(Method::POST, &path("gpt-image-1"));
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    Reply::of(request.body(small("a fox").to_string())).await
}

#[tokio::test]
async fn keys_and_tokens_are_taken_and_refused_in_different_words() {
    let mock = start().await;
    for good in [("api-key", "k"), ("authorization", "Bearer ey.J.x")] {
        assert_eq!(with_header(&mock, Some(good)).await.status, 200);
    }
    for bad in ["", "invalid"] {
        let reply = with_header(&mock, Some(("api-key", bad))).await;
        assert_eq!((reply.status, reply.body.len()), (401, 224), "{bad}");
        assert_eq!(reply.outcome(), "401");
        let (_, error) = reply.error();
        assert_eq!(error.as_object().unwrap().len(), 2);
        for name in ["x-ms-region", "x-request-id", "strict-transport-security"] {
            assert_eq!(reply.header(name), None);
        }
        assert!(reply.header("apim-request-id").is_some());
    }
    for bad in [None, Some(("authorization", "Bearer invalid"))] {
        let reply = with_header(&mock, bad).await;
        let body = reply.json();
        assert_eq!((reply.status, &body["statusCode"]), (401, &json!(401)));
        assert_eq!(body.get("error"), None);
    }
    let listed = start_with(|settings| settings.api_keys = vec!["one".to_owned()]).await;
    assert_eq!(
        with_header(&listed, Some(("api-key", "one"))).await.status,
        200
    );
    assert_eq!(
        with_header(&listed, Some(("api-key", "two"))).await.status,
        401
    );
}

#[tokio::test]
async fn wrong_paths_and_versions_are_not_found() {
    let mock = start().await;
    let plain = path("gpt-image-1").replace(VERSION, "");
    for wrong in [
        plain.clone(),
        format!("{plain}?api-version="),
        format!("{plain}?api-version=2020-01-01"),
        // A version from before there were images.
        format!("{plain}?api-version=2023-05-15"),
        format!("/openai/images/variations{VERSION}"),
        format!("/openai/deployments//images/generations{VERSION}"),
        "/openai/v1/images/nothing".to_owned(),
    ] {
        let reply = ask(&mock, &wrong, &small("a fox")).await;
        assert_eq!((reply.status, reply.text()), (404, NOT_FOUND), "{wrong}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert!(reply.header("apim-request-id").is_some());
        assert_eq!(reply.header("x-ms-region"), None);
    }
    assert_eq!(mock.get_with_key(V1).await.text(), NOT_FOUND);
    let reply = ask(&mock, &path("nothing"), &json!({})).await;
    assert!(reply.text().starts_with(
        "{\n  \"error\": {\n    \"type\": \"invalid_request_error\",\n    \"code\": \"DeploymentNotFound\","
    ));
    assert_eq!(reply.header("x-ms-region"), Some("East US 2"));
    assert_eq!(reply.header("content-type"), None);
}

#[tokio::test]
async fn a_model_of_texts_makes_no_images() {
    let mock = start().await;
    let (status, error) = ask(&mock, &path("gpt-4o"), &small("a fox")).await.error();
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("OperationNotSupported"))
    );
    let text = error["message"].as_str().unwrap();
    assert!(text.starts_with(
        "The imageGenerations operation does not work with the specified model, gpt-4o."
    ));
}

#[tokio::test]
async fn a_rate_limit_says_in_its_text_when_to_come_back() {
    let mock = start().await;
    let body = small("a fox [[mock:rate-limit;retry-after=7]]");
    let edits = |path: String| path.replace("generations", "edits");
    let images = path("gpt-image-1");
    for (path, operation, version) in [
        (
            images.clone(),
            "ImageGenerations_Create",
            "2025-04-01-preview",
        ),
        (edits(images), "ImageGenerations_Edit", "2025-04-01-preview"),
        (V1.to_owned(), "ImageGenerations_Create", "v1"),
        (edits(V1.to_owned()), "ImageGenerations_Edit", "v1"),
    ] {
        let reply = ask(&mock, &path, &body).await;
        assert_eq!(reply.header("retry-after"), Some("7"));
        assert_eq!(reply.header("retry-after-ms"), Some("7000"));
        let (status, error) = reply.error();
        assert_eq!((status, &error["code"]), (429, &json!("429")));
        let text = error["message"].as_str().unwrap();
        assert!(
            text.starts_with(&format!(
                "Requests to the {operation} Operation under Azure OpenAI API version {version} have exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after 7 seconds."
            )),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_missing_role_names_the_action() {
    let mock = start().await;
    let body = small("a fox [[mock:scope-missing]]");
    for (path, action) in [
        (path("gpt-image-1"), "images/generations"),
        (V1.replace("generations", "edits"), "images/edits"),
    ] {
        let (status, error) = ask(&mock, &path, &body).await.error();
        assert_eq!((status, &error["code"]), (401, &json!("PermissionDenied")));
        let text = error["message"].as_str().unwrap();
        assert!(text.ends_with(&format!(
            "`Microsoft.CognitiveServices/accounts/OpenAI/deployments/{action}/action` to perform `POST /openai/deployments/{{deployment-id}}/{action}` operation."
        )), "{text}");
    }
}

#[tokio::test]
async fn refused_content_is_told_in_the_words_of_the_model() {
    let mock = start_with(|settings| settings.legacy_models = true).await;
    for condition in ["moderation-blocked", "output-blocked"] {
        let body = small(&format!("a fox [[mock:{condition}]]"));
        let reply = ask(&mock, &path("gpt-image-1"), &body).await;
        assert_eq!(reply.header("x-ms-deployment-name"), Some("gpt-image-1"));
        let (status, error) = reply.error();
        assert_eq!(
            (status, &error["code"]),
            (400, &json!("moderation_blocked"))
        );
        let id = reply.header("x-request-id").unwrap();
        let text = error["message"].as_str().unwrap();
        assert!(
            text.contains("contact us at Azure support ticket") && text.contains(id),
            "{text}"
        );
    }
    let body = json!({ "prompt": "a fox [[mock:moderation-blocked]]" });
    let (status, error) = ask(&mock, &path("dall-e-3"), &body).await.error();
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("content_policy_violation"))
    );
    assert_eq!(error["inner_error"]["code"], "ResponsibleAIPolicyViolation");
    assert!(error["inner_error"]["content_filter_results"]["violence"].is_object());
    assert_eq!(
        mock.last_entry().await.answer.unwrap().summary.condition,
        "moderation-blocked"
    );
    let body = json!({ "prompt": "a fox [[mock:output-blocked]]" });
    let reply = ask(&mock, &path("dall-e-3"), &body).await;
    assert_eq!(reply.outcome(), "contentFilter");
}

#[tokio::test]
async fn every_condition_is_answered() {
    let mock = start().await;
    let words = mock.get("/_mock/conditions").await.json();
    let words = words.as_array().unwrap().iter();
    let conditions = words.filter(|word| word["kind"] == "condition");
    let mut seen = 0;
    for word in conditions {
        let name = word["name"].as_str().unwrap();
        let body = small(&format!("a fox [[mock:{name}]]"));
        let reply = ask(&mock, &path("gpt-image-1"), &body).await;
        let answers = word["answers"].as_array().unwrap().iter();
        let stated = answers.clone().find(|answer| answer["provider"] == "azure");
        assert_eq!(json!(reply.status), stated.unwrap()["status"], "{name}");
        assert!(!reply.text().contains("openai-"), "{name}");
        assert!(!reply.text().contains("help.openai.com"), "{name}");
        seen += 1;
    }
    assert!(seen > 10);
}

#[tokio::test]
async fn a_stream_can_break_off_with_an_error() {
    let mock = start().await;
    let body = streamed("a fox [[mock:stream-error=moderation-blocked]]", 1);
    let reply = ask(&mock, &path("gpt-image-1"), &body).await;
    let text = reply.text();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("event: error\ndata: "), "{last}");
    assert!(last.contains("Azure support ticket"), "{last}");
}

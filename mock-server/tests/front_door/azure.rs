//! Azure: paths, deployments, versions, members that the deployment's name decides, headers.

use mock_server::settings::Settings;
use mock_server::{MockServer, StartError};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Form, KEY, Mock, Picture, Reply, drawn, events, names, running, small, start, start_with,
};

pub(crate) const VERSION: &str = "?api-version=2025-04-01-preview";
pub(crate) const V1: &str = "/openai/v1/images/generations";

pub(crate) fn path(deployment: &str) -> String {
    format!("/openai/deployments/{deployment}/images/generations{VERSION}")
}

pub(crate) async fn ask(mock: &Mock, path: &str, body: &Value) -> Reply {
    let request = mock.request(Method::POST, path).header("api-key", KEY);
    let request = request.header("content-type", "application/json");
    Reply::of(request.body(body.to_string())).await
}

fn pictures(settings: &mut Settings) {
    settings.deployments = vec!["pictures=gpt-image-1".parse().unwrap()];
}

#[tokio::test]
async fn a_deployment_answers_with_its_model_whatever_the_body_names() {
    let mock = start_with(pictures).await;
    let mut body = small("a fox");
    body["model"] = json!("something-else");
    let reply = ask(&mock, &path("pictures"), &body).await;
    assert_eq!(reply.images()[0].metadata().v, 1);
    let entry = mock.last_entry().await;
    assert_eq!(entry.provider.as_deref(), Some("azure"));
    assert_eq!(entry.operation.as_deref(), Some("images.generations"));
    for digest in [&entry.sent, &entry.effective] {
        assert_eq!(digest["provider"], "azure");
        assert_eq!(digest["model"], "gpt-image-1");
        assert_eq!(digest["deployment"], "pictures");
    }
    body["model"] = Value::Null;
    assert_eq!(ask(&mock, &path("pictures"), &body).await.status, 200);
    body.as_object_mut().unwrap().remove("model");
    assert_eq!(ask(&mock, &path("pictures"), &body).await.status, 200);
    assert_eq!(mock.last_entry().await.sent["model"], "gpt-image-1");
}

#[tokio::test]
async fn a_deployment_of_an_unknown_model_is_an_error_of_the_start() {
    let builder = MockServer::builder().deployment("pictures", "gpt-image-9");
    let error = builder.start().await.err().unwrap();
    let text = error.to_string();
    assert!(matches!(error, StartError::Deployment(_)), "{text}");
    assert!(text.contains("'pictures'") && text.contains("gpt-image-2-2026-04-21"));
    let builder = MockServer::builder().deployment("texts", "gpt-4o");
    builder.start().await.unwrap();
}

#[tokio::test]
async fn a_name_stands_for_the_longest_model_in_it() {
    let mock = start().await;
    for (name, model) in [
        ("my-gpt-image-1-mini-eu", "gpt-image-1-mini"),
        ("gpt-image-2-2026-04-21", "gpt-image-2"),
        ("the%20gpt-image-1", "gpt-image-1"),
    ] {
        assert_eq!(ask(&mock, &path(name), &small("a fox")).await.status, 200);
        assert_eq!(mock.last_entry().await.sent["model"], model, "{name}");
    }
    let reply = ask(&mock, &path("pictures"), &small("a fox")).await;
    assert_eq!(
        (reply.status, reply.outcome().as_str()),
        (404, "DeploymentNotFound")
    );
    let entry = mock.last_entry().await;
    assert_eq!(entry.sent.get("model"), None);
    assert_eq!(entry.sent["deployment"], "pictures");
}

#[tokio::test]
async fn v1_names_the_deployment_in_the_body() {
    let mock = start_with(pictures).await;
    let mut body = small("a fox");
    body["model"] = json!("pictures");
    for query in ["", "?api-version=preview", "?api-version=v1"] {
        let reply = ask(&mock, &format!("{V1}{query}"), &body).await;
        assert_eq!(reply.status, 200, "{query}");
    }
    assert_eq!(mock.last_entry().await.sent["model"], "gpt-image-1");
    assert_eq!(mock.last_entry().await.sent["deployment"], "pictures");
    let reply = ask(&mock, &format!("{V1}{VERSION}"), &body).await;
    assert_eq!(
        (reply.status, reply.text()),
        (
            400,
            r#"{"error":{"code":"BadRequest","message":"API version not supported"}}"#
        )
    );
    body["model"] = json!("nothing");
    assert_eq!(ask(&mock, V1, &body).await.outcome(), "DeploymentNotFound");
    body["model"] = json!(5);
    assert_eq!(ask(&mock, V1, &body).await.outcome(), "invalid_type");
    body["model"] = Value::Null;
    assert_eq!(
        ask(&mock, V1, &body).await.outcome(),
        "missing_required_parameter"
    );
}

#[tokio::test]
async fn response_format_is_judged_by_the_name_of_the_deployment() {
    let mock = start_with(pictures).await;
    let mut body = small("a fox");
    for format in ["b64_json", "url"] {
        body["response_format"] = json!(format);
        for name in ["pictures", "my-gpt-image-1"] {
            let reply = ask(&mock, &path(name), &body).await;
            assert_eq!(reply.images().len(), 1, "{name}");
        }
        assert_eq!(mock.last_entry().await.sent["response_format"], format);
        let (status, error) = ask(&mock, &path("gpt-image-1"), &body).await.error();
        assert_eq!((status, &error["param"]), (400, &json!("response_format")));
        assert_eq!(error["message"], "Unknown parameter: 'response_format'.");
    }
    body["model"] = json!("gpt-image-1");
    assert_eq!(ask(&mock, V1, &body).await.outcome(), "unknown_parameter");
}

#[tokio::test]
async fn webp_is_not_made_and_other_parameters_are_judged_as_by_openai() {
    let mock = start().await;
    let mut body = small("a fox");
    body["output_format"] = json!("webp");
    let (_, error) = ask(&mock, &path("gpt-image-1"), &body).await.error();
    assert_eq!(
        error["message"],
        "Invalid value: 'webp'. Supported values are: 'png' and 'jpeg'."
    );
    body["output_format"] = json!("jpeg");
    let reply = ask(&mock, &path("gpt-image-1"), &body).await;
    assert_eq!(reply.images()[0].mime(), "image/jpeg");
    body["size"] = json!("1x1");
    let azure = ask(&mock, &path("gpt-image-1"), &body).await;
    assert_eq!(azure.error(), mock.generate(&body).await.error());
}

#[tokio::test]
async fn edits_and_streams_are_those_of_openai() {
    let mock = start().await;
    let file = drawn(8, 8, image::ImageFormat::Png);
    let form = Form::new()
        .text("prompt", "a fox")
        .text("quality", "low")
        .file("image[]", "a.png", "image/png", &file);
    let edits = path("gpt-image-1").replace("generations", "edits");
    let reply = mock.submit(&edits, form).await;
    assert_eq!(reply.images()[0].size(), (1024, 1024));
    assert_eq!(mock.last_entry().await.sent["model"], "gpt-image-1");
    let mut body = small("a fox");
    body["stream"] = json!(true);
    body["partial_images"] = json!(1);
    let reply = ask(&mock, &path("gpt-image-1"), &body).await;
    let all = events(reply.text());
    assert_eq!(all.len(), 2);
    let text = reply.text();
    assert!(
        text.starts_with("event: image_generation.partial_image\n"),
        "{text:.80}"
    );
    let last = text.trim_end().rsplit("data: ").next().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["type"], "image_generation.completed");
    assert_eq!(Picture::of_base64(&last["b64_json"]).size(), (1024, 1024));
}

#[tokio::test]
async fn the_headers_are_azures() {
    let mock = start_with(pictures).await;
    let reply = ask(&mock, &path("pictures"), &small("a fox")).await;
    let ids = ["x-request-id", "apim-request-id"].map(|name| reply.header(name).unwrap());
    for id in ids {
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(reply.header("x-ms-middleware-request-id"), Some(ids[1]));
    assert_eq!(reply.header("x-ms-deployment-name"), Some("pictures"));
    assert_eq!(reply.header("x-ms-region"), Some("East US 2"));
    for name in [
        "azureml-model-session",
        "cf-ray",
        "openai-organization",
        "server",
        "set-cookie",
        "x-ms-client-request-id",
        "x-ratelimit-remaining-requests",
    ] {
        assert_eq!(reply.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_clients_own_request_id_comes_back() {
    let mock = start().await;
    let mut body = small("a fox");
    let request = mock
        .request(Method::POST, &path("gpt-image-1"))
        .header("api-key", KEY)
        .header("x-ms-client-request-id", "mine")
        .header("content-type", "application/json");
    let reply = Reply::of(request.body(body.to_string())).await;
    assert_eq!(reply.header("x-ms-client-request-id"), Some("mine"));
    body["model"] = json!("gpt-image-1");
    let reply = ask(&mock, V1, &body).await;
    assert_eq!(reply.header("x-ms-client-request-id"), Some("Not-Set"));
}

#[tokio::test]
async fn dall_e_3_says_what_the_filters_found_in_every_item() {
    let mock = start_with(|settings| settings.legacy_models = true).await;
    let body = json!({ "prompt": "a fox" });
    let reply = ask(&mock, &path("my-dall-e-3"), &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some("49"));
    assert_eq!(reply.header("x-ms-deployment-name"), None);
    let answer = reply.json();
    let item = &answer["data"][0];
    assert_eq!(item["revised_prompt"], "a fox");
    let safe = json!({ "filtered": false, "severity": "safe" });
    let found = json!({ "hate": safe, "self_harm": safe, "sexual": safe, "violence": safe });
    assert_eq!(item["content_filter_results"], found);
    let mut found = found;
    found["profanity"] = json!({ "detected": false, "filtered": false });
    assert_eq!(item["prompt_filter_results"], found);
    // The address is signed and lasts a day.
    let url = reqwest::Url::parse(item["url"].as_str().unwrap()).unwrap();
    let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    let form = &time::format_description::well_known::Rfc3339;
    let expires = time::OffsetDateTime::parse(&query["se"], form).unwrap();
    let created = answer["created"].as_i64().unwrap();
    assert_eq!(expires.unix_timestamp() - created, 24 * 60 * 60);
    assert!(!query["sig"].is_empty());
    let file = mock.fetch(url.as_str()).await;
    assert_eq!(Picture(file.body).size(), (1024, 1024));
    let mut body = body;
    body["response_format"] = json!("b64_json");
    let reply = ask(&mock, &path("my-dall-e-3"), &body).await;
    assert_eq!(reply.images().len(), 1);
    assert!(reply.json()["data"][0]["content_filter_results"].is_object());
    // GPT image models and OpenAI itself say nothing of the kind.
    let reply = ask(&mock, &path("gpt-image-1"), &small("a fox")).await;
    assert_eq!(names(&reply.json()["data"][0]), ["b64_json"]);
    let mut body = body;
    body["model"] = json!("dall-e-3");
    let item = mock.generate(&body).await.json()["data"][0].take();
    assert_eq!(names(&item), ["b64_json", "revised_prompt"]);
}

#[tokio::test]
async fn a_strict_deployment_takes_only_its_model_in_the_body() {
    let mock = start_with(pictures).await;
    let mut body = small("a fox [[mock:strict-model]]");
    assert_eq!(ask(&mock, &path("pictures"), &body).await.status, 200);
    body["model"] = json!("pictures");
    let (status, error) = ask(&mock, &path("pictures"), &body).await.error();
    assert_eq!(
        (status, &error["message"], &error["param"]),
        (
            400,
            &json!("The model 'pictures' does not exist."),
            &json!("model")
        )
    );
    let seen = mock.last_entry().await.scenario.unwrap();
    assert_eq!(seen.applied, "strict-model");
    body.as_object_mut().unwrap().remove("model");
    assert_eq!(ask(&mock, &path("pictures"), &body).await.status, 200);
    // Below v1 the deployment's name is right; OpenAI has no deployments.
    body["model"] = json!("pictures");
    assert_eq!(ask(&mock, V1, &body).await.status, 200);
    body["model"] = json!("gpt-image-1");
    assert_eq!(mock.generate(&body).await.status, 200);
}

#[tokio::test]
async fn limits_are_counted_by_deployment_wherever_it_is_named() {
    let limit = "requests=2".parse().unwrap();
    let mock = start_with(|settings| {
        pictures(settings);
        settings.rate_limit = limit;
    })
    .await;
    let mut body = small("a fox");
    assert_eq!(ask(&mock, &path("pictures"), &body).await.status, 200);
    body["model"] = json!("pictures");
    assert_eq!(ask(&mock, V1, &body).await.status, 200);
    for limited in [path("pictures"), V1.to_owned()] {
        let reply = ask(&mock, &limited, &body).await;
        assert_eq!(reply.status, 429);
        let wait = reply.header("retry-after").unwrap().to_owned();
        assert_eq!(
            reply.header("retry-after-ms"),
            Some(format!("{wait}000").as_str())
        );
        let (_, error) = reply.error();
        let text = error["message"].as_str().unwrap();
        assert!(text.contains(&format!("Please retry after {wait} seconds.")));
    }
    body["model"] = json!("gpt-image-2");
    assert_eq!(ask(&mock, V1, &body).await.status, 200);
}

#[tokio::test]
async fn models_are_listed() {
    let mock = start().await;
    for path in [
        format!("/openai/models{VERSION}"),
        "/openai/v1/models".to_owned(),
    ] {
        let reply = mock.get_with_key(&path).await;
        let body = reply.json();
        let ids: Vec<_> = body["data"].as_array().unwrap().iter().collect();
        assert!(ids.iter().any(|model| model["id"] == "gpt-image-1"));
        assert!(!ids.iter().any(|model| model["id"] == "gpt-chat-image"));
        assert_eq!(reply.header("x-ms-deployment-name"), None);
    }
    assert_eq!(mock.get_with_key("/openai/models").await.status, 404);
    for path in [
        format!("/openai/models/gpt-image-1{VERSION}"),
        "/openai/v1/models/gpt-image-1".to_owned(),
    ] {
        let reply = mock.get_with_key(&path).await;
        assert_eq!(
            (reply.status, &reply.json()["id"]),
            (200, &json!("gpt-image-1"))
        );
    }
    let reply = mock.get_with_key("/openai/v1/models/nothing").await;
    assert_eq!(
        (reply.status, reply.outcome().as_str()),
        (404, "model_not_found")
    );
}

#[tokio::test]
async fn a_deployment_lives_as_long_as_its_model() {
    let day = time::macros::date!(2026 - 12 - 15);
    for (later, status) in [(0, 200), (1, 404)] {
        let day = day + time::Duration::days(later);
        let builder = MockServer::builder().deployment("pictures", "gpt-image-1.5");
        let builder = builder.configure(|settings| settings.as_of = Some(day));
        let mock = running(builder.start().await.unwrap());
        let reply = ask(&mock, &path("pictures"), &small("a fox")).await;
        assert_eq!(reply.status, status, "{day}");
        // OpenAI switches it off earlier.
        let mut body = small("a fox");
        body["model"] = json!("gpt-image-1.5");
        assert_eq!(mock.generate(&body).await.status, 400);
    }
}

//! Image tasks of the platform: submitted, asked for, listened to, forgotten.

use std::time::Duration;

use reference_gateway::Handle;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use wiremock::ResponseTemplate;

use crate::support::{
    BareUpstream, PNG, client, config, error_of, image_answer, in_front_of, launch,
};

const TASKS: &str = "/v1/images/tasks";

async fn submit(gateway: &Handle, key: &str, body: Value) -> Response {
    client()
        .post(format!("{}{TASKS}", gateway.url()))
        .bearer_auth(key)
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .unwrap()
}

async fn get(gateway: &Handle, key: &str, path: &str) -> Response {
    let request = client().get(format!("{}{path}", gateway.url()));
    request.bearer_auth(key).send().await.unwrap()
}

async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// Asks until the task is no longer under way.
async fn outcome(gateway: &Handle, path: &str) -> Value {
    for _ in 0..500 {
        let shown = json_of(get(gateway, "key-openai", path).await).await;
        if shown["status"] != "processing" {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{path} is not done");
}

#[tokio::test]
async fn a_task_is_taken_at_once_and_done_in_the_end() {
    let (gateway, upstream) = in_front_of(image_answer()).await;
    let response = submit(&gateway, "key-openai", json!({ "prompt": "a fox" })).await;
    assert_eq!(response.status(), 202);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let task = json_of(response).await;
    assert_eq!(task["object"], "image.generation.task");
    assert_eq!(task["status"], "processing");
    assert_eq!(task["poll_url"], location);
    let life = task["expires_at"].as_i64().unwrap() - task["created_at"].as_i64().unwrap();
    assert_eq!(life, 3600);
    let done = outcome(&gateway, &location).await;
    assert_eq!(
        (&done["status"], &done["http_status"]),
        (&json!("completed"), &json!(200))
    );
    assert_eq!(done["result"]["data"][0]["b64_json"], PNG);
    assert_eq!(upstream.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_the_provider_refuses_is_the_outcome() {
    let refused =
        json!({ "error": { "message": "no", "type": "t", "param": "size", "code": "c" } });
    let template = ResponseTemplate::new(400).set_body_raw(refused.to_string(), "application/json");
    let (gateway, _upstream) = in_front_of(template).await;
    let task = json_of(submit(&gateway, "key-openai", json!({ "prompt": "a fox" })).await).await;
    let done = outcome(&gateway, task["poll_url"].as_str().unwrap()).await;
    assert_eq!(
        (&done["status"], &done["http_status"]),
        (&json!("failed"), &json!(400))
    );
    assert_eq!(done["error"], refused["error"]);
    assert!(done.get("result").is_none());
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_at_once() {
    let (gateway, upstream) = in_front_of(image_answer()).await;
    for (key, body, status, code) in [
        (
            "key-openai",
            json!({}),
            400,
            json!("missing_required_parameter"),
        ),
        (
            "key-openai",
            json!({ "prompt": "x", "stream": true }),
            400,
            json!("invalid_value"),
        ),
        (
            "key-openai",
            json!({ "prompt": "x", "n": 0 }),
            400,
            json!("integer_below_min_value"),
        ),
        (
            "key-openai",
            json!({ "prompt": "x", "images": [] }),
            400,
            json!("missing_required_parameter"),
        ),
        (
            "key-openai-no-images",
            json!({ "prompt": "x" }),
            403,
            json!(null),
        ),
        ("key-gemini", json!({ "prompt": "x" }), 404, json!(null)),
        (
            "wrong",
            json!({ "prompt": "x" }),
            401,
            json!("invalid_api_key"),
        ),
    ] {
        let (found, error) = error_of(submit(&gateway, key, body.clone()).await).await;
        assert_eq!((found, &error["code"]), (status, &code), "{key} {body}");
    }
    assert!(upstream.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_sees_another_customers_task() {
    let upstream = BareUpstream::start().await;
    let mut settings = config(&upstream.url);
    if let reference_gateway::Clients::Listed(keys) = &mut settings.clients {
        keys.push((
            "key-second".parse().unwrap(),
            reference_gateway::Group::OpenAi,
        ));
    }
    let gateway = launch(settings).await;
    let task = json_of(submit(&gateway, "key-openai", json!({ "prompt": "a fox" })).await).await;
    let path = task["poll_url"].as_str().unwrap();
    for (key, path) in [
        ("key-second", path),
        ("key-openai", "/v1/images/tasks/imgtask_0"),
    ] {
        let (status, error) = error_of(get(&gateway, key, path).await).await;
        assert_eq!(
            (status, &error["code"]),
            (404, &json!("image_task_not_found"))
        );
    }
    assert_eq!(get(&gateway, "key-openai", path).await.status(), 200);
    assert_eq!(get(&gateway, "wrong", path).await.status(), 401);
}

#[tokio::test]
async fn a_listener_hears_of_its_own_tasks_as_they_change() {
    let mut upstream = BareUpstream::start().await;
    let gateway = launch(config(&upstream.url)).await;
    let task = json_of(submit(&gateway, "key-openai", json!({ "prompt": "a fox" })).await).await;
    let mut events = get(&gateway, "key-openai", "/v1/images/tasks/events").await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let first = String::from_utf8(events.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(
        first.starts_with("event: image_task.processing\ndata: {"),
        "{first}"
    );
    assert!(first.contains(task["id"].as_str().unwrap()), "{first}");
    let mut call = upstream.call().await;
    let answer = "HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n";
    call.write_all(answer.as_bytes()).await.unwrap();
    let second = String::from_utf8(events.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(
        second.starts_with("event: image_task.failed\ndata: {"),
        "{second}"
    );
}

#[tokio::test]
async fn tasks_are_bounded_in_number_and_time() {
    let upstream = BareUpstream::start().await;
    let mut settings = config(&upstream.url);
    settings.limits.hosted_images = 1;
    let gateway = launch(settings).await;
    let body = json!({ "prompt": "a fox" });
    assert_eq!(
        submit(&gateway, "key-openai", body.clone()).await.status(),
        202
    );
    let (status, error) = error_of(submit(&gateway, "key-openai", body.clone()).await).await;
    assert_eq!(
        (status, &error["code"]),
        (429, &json!("too_many_image_tasks"))
    );

    let (_, mock) = in_front_of(image_answer()).await;
    let mut settings = config(&mock.uri());
    settings.limits.hosted_for = Duration::ZERO;
    let gateway = launch(settings).await;
    let task = json_of(submit(&gateway, "key-openai", body).await).await;
    let path = task["poll_url"].as_str().unwrap();
    for _ in 0..500 {
        if get(&gateway, "key-openai", path).await.status() == 404 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("a task outlived its time");
}

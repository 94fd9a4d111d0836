//! Azure's responses: the image generation tool under both paths, headers, models.

use serde_json::{Value, json};

use crate::azure::{VERSION, ask};
use crate::support::{Picture, events, start, start_with};

const V1: &str = "/openai/v1/responses";

fn dated() -> String {
    format!("/openai/responses{VERSION}")
}

fn asked(model: &str) -> Value {
    let tool = json!({ "type": "image_generation", "quality": "low" });
    json!({ "model": model, "input": "a fox", "tools": [tool] })
}

#[tokio::test]
async fn the_tool_makes_an_image_under_both_paths() {
    let mock =
        start_with(|settings| settings.deployments = vec!["talker=gpt-4o".parse().unwrap()]).await;
    for path in [dated(), V1.to_owned()] {
        let reply = ask(&mock, &path, &asked("talker")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let body = reply.json();
        assert_eq!(body.get("content_filters"), Some(&Value::Null));
        let image = Picture::of_base64(&body["output"][0]["result"]);
        assert_eq!(image.size(), (1024, 1024));
        assert_eq!(reply.header("azureai-processed-tier"), Some("default"));
        assert_eq!(reply.header("x-ratelimit-limit-tokens"), Some("-1"));
        assert_eq!(reply.header("x-ms-deployment-name"), None);
        let entry = mock.last_entry().await;
        assert_eq!(
            (&entry.sent["deployment"], &entry.sent["model"]),
            (&json!("talker"), &json!("gpt-4o"))
        );
    }
    // OpenAI's own has no such member.
    let reply = mock.send("/v1/responses", &asked("gpt-4o")).await;
    assert_eq!(reply.json().get("content_filters"), None);
}

#[tokio::test]
async fn a_stream_says_the_same() {
    let mock = start().await;
    let mut body = asked("gpt-4o");
    body["stream"] = json!(true);
    let reply = ask(&mock, &dated(), &body).await;
    let all = events(reply.text());
    for (kind, data) in [&all[0], all.last().unwrap()] {
        assert!(kind.starts_with("response."), "{kind}");
        assert_eq!(data["response"].get("content_filters"), Some(&Value::Null));
    }
    let done = all
        .iter()
        .find(|(_, data)| data["item"]["result"].is_string());
    assert_eq!(
        Picture::of_base64(&done.unwrap().1["item"]["result"]).mime(),
        "image/png"
    );
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let mock = start().await;
    let outcome = async |body: Value| ask(&mock, V1, &body).await.outcome();
    assert_eq!(outcome(asked("nothing")).await, "DeploymentNotFound");
    assert_eq!(outcome(asked("gpt-image-1")).await, "OperationNotSupported");
    let mut body = asked("gpt-4o");
    body["model"] = Value::Null;
    assert_eq!(outcome(body).await, "missing_required_parameter");
    let mut body = asked("gpt-4o");
    body["tools"][0]["model"] = json!("gpt-image-2");
    let (status, error) = ask(&mock, V1, &body).await.error();
    assert_eq!(
        (status, &error["message"]),
        (
            400,
            &json!(
                "Model not supported with Responses API. Supported models are: ['gpt-image-1', 'gpt-image-1-mini', 'gpt-image-1.5']"
            )
        )
    );
    body["tools"][0]["model"] = json!("gpt-image-1.5");
    assert_eq!(outcome(body).await, "ok");
    let mut body = asked("gpt-4o");
    body["input"] = json!("a fox [[mock:moderation-blocked]]");
    assert_eq!(outcome(body).await, "content_filter");
    // Without a version there is no such path.
    let reply = ask(&mock, "/openai/responses", &asked("gpt-4o")).await;
    assert_eq!((reply.status, reply.outcome().as_str()), (404, "404"));
}

//! Azure's chat completions: results of the filters, the first chunk, headers, models that make images, errors.

use serde_json::{Value, json};

use crate::azure::{VERSION, ask};
use crate::support::{Mock, Reply, names, start, start_with};

const V1: &str = "/openai/v1/chat/completions";

fn path(deployment: &str) -> String {
    format!("/openai/deployments/{deployment}/chat/completions{VERSION}")
}

fn said(text: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": text }] })
}

async fn talking() -> Mock {
    start_with(|settings| settings.deployments = vec!["talker=gpt-4o".parse().unwrap()]).await
}

/// The chunks of a stream, without its end.
fn chunks(reply: &Reply) -> Vec<Value> {
    let frames = reply.text().strip_suffix("data: [DONE]\n\n").unwrap();
    let frames = frames.split_terminator("\n\n");
    frames
        .map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn an_answer_carries_what_the_filters_found() {
    let mock = talking().await;
    let reply = ask(&mock, &path("talker"), &said("hello")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    // On one line, and the members in the order of their names, as recorded.
    assert_eq!(reply.text().find('\n'), Some(reply.body.len() - 1));
    let body = reply.json();
    assert_eq!(
        names(&body),
        [
            "choices",
            "created",
            "id",
            "model",
            "object",
            "prompt_filter_results",
            "system_fingerprint",
            "usage"
        ]
    );
    let model = body["model"].as_str().unwrap();
    assert!(model.starts_with("gpt-4o-20"), "{model}");
    assert_eq!(body["prompt_filter_results"][0]["prompt_index"], 0);
    let prompt = &body["prompt_filter_results"][0]["content_filter_results"];
    assert_eq!(prompt["jailbreak"]["detected"], false);
    let choice = &body["choices"][0];
    assert_eq!(
        names(choice),
        [
            "content_filter_results",
            "finish_reason",
            "index",
            "logprobs",
            "message"
        ]
    );
    let found = &choice["content_filter_results"];
    assert_eq!(found["protected_material_code"]["detected"], false);
    assert_eq!(
        names(&choice["message"]),
        ["annotations", "content", "refusal", "role"]
    );
    let entry = mock.last_entry().await;
    assert_eq!(entry.operation.as_deref(), Some("chat.completions"));
    assert_eq!(
        (&entry.sent["deployment"], &entry.sent["model"]),
        (&json!("talker"), &json!("gpt-4o"))
    );
}

#[tokio::test]
async fn the_headers_are_those_of_a_deployment() {
    let mock = talking().await;
    let mut body = said("hello");
    let reply = ask(&mock, &path("talker"), &body).await;
    let used = reply.json()["usage"]["total_tokens"].as_u64().unwrap();
    for (name, value) in [
        ("x-ms-deployment-name", "talker"),
        ("x-ms-rai-invoked", "true"),
        ("x-ms-region", "East US 2"),
        ("x-ratelimit-limit-requests", "50"),
        ("x-ratelimit-remaining-requests", "49"),
        ("x-ratelimit-limit-tokens", "50000"),
        ("x-ratelimit-remaining-tokens", &(50_000 - used).to_string()),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    assert_eq!(reply.header("x-ms-client-request-id"), None);
    assert!(reply.header("azureml-model-session").is_some());
    body["model"] = json!("talker");
    let reply = ask(&mock, V1, &body).await;
    assert_eq!(reply.header("x-ms-deployment-name"), Some("talker"));
    assert_eq!(reply.header("x-ms-client-request-id"), Some("Not-Set"));
}

#[tokio::test]
async fn the_headers_count_what_the_limit_leaves() {
    let limit = "requests=3".parse().unwrap();
    let mock = start_with(|settings| settings.rate_limit = limit).await;
    for left in ["2", "1", "0"] {
        let reply = ask(&mock, &path("gpt-4o"), &said("hello")).await;
        assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("3"));
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some(left));
    }
    let reply = ask(&mock, &path("gpt-4o"), &said("hello")).await;
    assert_eq!((reply.status, reply.outcome().as_str()), (429, "429"));
}

#[tokio::test]
async fn a_stream_begins_with_what_became_of_the_prompt() {
    let mock = talking().await;
    let mut body = said("hello");
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    let reply = ask(&mock, &path("talker"), &body).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    let chunks = chunks(&reply);
    let first = &chunks[0];
    assert_eq!(
        names(first),
        [
            "choices",
            "created",
            "id",
            "model",
            "object",
            "prompt_filter_results"
        ]
    );
    assert_eq!(
        (&first["choices"], &first["created"], &first["object"]),
        (&json!([]), &json!(0), &json!(""))
    );
    let found = |chunk: &Value| chunk["choices"][0]["content_filter_results"].clone();
    assert_eq!(found(&chunks[1]), json!({}));
    assert_eq!(chunks[1]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(found(&chunks[2])["hate"]["severity"], "safe");
    let usage = &chunks[chunks.len() - 1];
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["total_tokens"].is_u64());
    assert_eq!(found(&chunks[chunks.len() - 2]), json!({}));
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.get("service_tier").is_none())
    );
}

#[tokio::test]
async fn a_stream_can_break_off_with_an_error() {
    let mock = start().await;
    let mut body = said("hello [[mock:stream-error]]");
    body["stream"] = json!(true);
    let reply = ask(&mock, &path("gpt-4o"), &body).await;
    let text = reply.text();
    assert!(
        text.starts_with("data: {\"choices\":[],\"created\":0,"),
        "{text}"
    );
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("data: {\"error\":"), "{last}");
}

#[tokio::test]
async fn what_does_not_fit_the_deployment_is_refused() {
    let mock = start().await;
    let (status, error) = ask(&mock, &path("my-gpt-image-1"), &said("hello"))
        .await
        .error();
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("OperationNotSupported"))
    );
    let text = error["message"].as_str().unwrap();
    assert!(text.starts_with(
        "The chatCompletion operation does not work with the specified model, gpt-image-1."
    ));
    let reply = ask(&mock, &path("nothing"), &said("hello")).await;
    assert_eq!(reply.header("content-type"), None);
    assert!(reply.text().starts_with("{\n  \"error\": {\n    \"type\""));
    assert!(reply.text().ends_with('}'));
    // No model of a gateway's is deployed here.
    let mut body = said("hello");
    body["model"] = json!("gpt-chat-image");
    assert_eq!(ask(&mock, V1, &body).await.outcome(), "DeploymentNotFound");
    let reply = ask(&mock, &path("gpt-4o"), &json!({ "messages": [] })).await;
    assert_eq!(reply.outcome(), "empty_array");
    assert_eq!(
        reply.header("ms-azureml-model-error-statuscode"),
        Some("400")
    );
    // Older versions have no images, but conversations.
    let old = path("gpt-4o").replace("2025-04-01-preview", "2023-05-15");
    assert_eq!(ask(&mock, &old, &said("hello")).await.status, 200);
}

#[tokio::test]
async fn conditions_have_azures_words() {
    let mock = start().await;
    let body = said("hello [[mock:moderation-blocked]]");
    let (status, error) = ask(&mock, &path("gpt-4o"), &body).await.error();
    assert_eq!(
        (status, &error["code"], &error["param"], &error["status"]),
        (400, &json!("content_filter"), &json!("prompt"), &json!(400))
    );
    let inner = &error["innererror"];
    assert_eq!(inner["code"], "ResponsibleAIPolicyViolation");
    assert_eq!(inner["content_filter_result"]["violence"]["filtered"], true);
    let body = said("hello [[mock:rate-limit;retry-after=3]]");
    let (status, error) = ask(&mock, &path("gpt-4o"), &body).await.error();
    assert_eq!((status, &error["code"]), (429, &json!("429")));
    let text = error["message"].as_str().unwrap();
    assert!(text.starts_with(
        "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2025-04-01-preview have exceeded call rate limit"
    ));
}

//! Chat completions and models of Google's OpenAI-compatible endpoints.

use serde_json::{Value, json};

use crate::support::{Mock, Reply, TOKEN, names, start};

const GEMINI: &str = "/v1beta/openai/chat/completions";
const VERTEX: &str = "/v1/projects/p1/locations/global/endpoints/openapi/chat/completions";

fn asking(model: &str) -> Value {
    let content = format!("hello [[case:{TOKEN}]]");
    json!({ "model": model, "messages": [{ "role": "user", "content": content }] })
}

/// The only item of the list.
fn error(reply: &Reply) -> (u16, Value) {
    let list = reply.json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 1, "{}", reply.text());
    (reply.status, list[0]["error"].clone())
}

async fn refused(mock: &Mock, path: &str, body: &Value) -> (u16, String) {
    let (status, error) = error(&mock.send(path, body).await);
    (status, error["message"].as_str().unwrap().to_owned())
}

fn chunks(reply: &Reply) -> Vec<Value> {
    let text = reply.text().strip_suffix("data: [DONE]\n\n").unwrap();
    let events = text.split_terminator("\n\n");
    events
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn text_models_answer_in_words_on_one_line() {
    let mock = start().await;
    for (path, model, provider) in [
        (GEMINI, "gemini-2.5-flash", "gemini"),
        (VERTEX, "google/gemini-2.5-flash", "vertex"),
    ] {
        let mut body = asking(model);
        body["n"] = json!(2);
        let reply = mock.send(path, &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.text().lines().count(), 1);
        let answer = reply.json();
        let members = ["choices", "created", "id", "model", "object", "usage"];
        assert_eq!(names(&answer), members);
        assert_eq!(answer["model"], model);
        assert_eq!(answer["object"], "chat.completion");
        let choice = &answer["choices"][1];
        assert_eq!(names(choice), ["finish_reason", "index", "message"]);
        assert_eq!(names(&choice["message"]), ["content", "role"]);
        assert_eq!(
            (&choice["finish_reason"], &choice["index"]),
            (&json!("stop"), &json!(1))
        );
        let usage = &answer["usage"];
        let count = |name: &str| usage[name].as_u64().unwrap();
        assert_eq!(
            count("total_tokens"),
            count("prompt_tokens") + count("completion_tokens")
        );
        let entry = mock.last_entry().await;
        assert_eq!(entry.provider.as_deref(), Some(provider));
        assert_eq!(entry.operation.as_deref(), Some("chat.completions"));
        assert_eq!(entry.token.as_deref(), Some(TOKEN));
        assert_eq!(entry.sent["model"], "gemini-2.5-flash");
        assert_eq!(entry.answer.unwrap().summary.usage, Some(usage.clone()));
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_counts_if_they_are_wanted() {
    let mock = start().await;
    let mut body = asking("models/gemini-2.5-flash");
    body["stream"] = json!(true);
    let reply = mock.send(GEMINI, &body).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    let plain = chunks(&reply);
    assert!(plain.iter().all(|chunk| chunk.get("usage").is_none()));
    body["stream_options"] = json!({ "include_usage": true });
    let counted = chunks(&mock.send(GEMINI, &body).await);
    assert_eq!(counted.len(), 2);
    let last = &counted[1];
    assert_eq!(
        names(&last["choices"][0]),
        ["delta", "finish_reason", "index"]
    );
    assert!(last["usage"]["completion_tokens"].is_u64());
    assert_eq!(counted[0]["choices"][0].get("finish_reason"), None);
    let words = counted.iter().map(|chunk| {
        let delta = &chunk["choices"][0]["delta"];
        assert_eq!(delta["role"], "assistant");
        delta["content"].as_str().unwrap().to_owned()
    });
    assert_eq!(
        words.collect::<String>(),
        "Here is a short answer in words."
    );
}

#[tokio::test]
async fn images_are_not_yet_supported() {
    let mock = start().await;
    let mut modal = asking("gemini-2.5-flash");
    modal["modalities"] = json!(["text", "image"]);
    let vertex = asking("google/gemini-3-pro-image");
    for (path, body) in [
        (GEMINI, &asking("gemini-2.5-flash-image")),
        (GEMINI, &modal),
        (VERTEX, &vertex),
    ] {
        let (status, text) = refused(&mock, path, body).await;
        assert_eq!(status, 400);
        assert!(text.contains("not yet supported"), "{text}");
    }
}

#[tokio::test]
async fn refusals_are_lists_of_one_in_googles_words() {
    let mock = start().await;
    let mut unknown = asking("gemini-2.5-flash");
    unknown["reasoning"] = json!({});
    let reply = mock.send(GEMINI, &unknown).await;
    assert!(
        reply
            .text()
            .starts_with("[{\n  \"error\": {\n    \"code\": 400")
    );
    assert!(reply.text().ends_with("}\n]"));
    let (_, told) = error(&reply);
    let text = "Invalid JSON payload received. Unknown name \"reasoning\": Cannot find field.";
    assert_eq!(told["message"], text);
    assert_eq!(
        told["details"][0]["fieldViolations"],
        json!([{ "description": text }])
    );
    let (status, text) = refused(&mock, GEMINI, &asking("gpt-4o")).await;
    assert_eq!(status, 404);
    assert!(
        text.starts_with("models/gpt-4o is not found for API version v1main, or is not"),
        "{text}"
    );
    let (status, text) = refused(&mock, VERTEX, &asking("gemini-2.5-flash")).await;
    assert_eq!(status, 400);
    assert_eq!(
        text,
        "Malformed publisher model (`model`: 'gemini-2.5-flash') for the 'openapi' request endpoint ID; expected '<publisher>/<model>'."
    );
    let (status, text) = refused(&mock, VERTEX, &asking("meta/llama-9")).await;
    assert_eq!(status, 404);
    assert!(text.starts_with("Publisher Model `projects/p1/locations/global/publishers/meta/models/llama-9` was not found"), "{text}");
    let mut system = asking("gemini-2.5-flash");
    system["messages"][0]["role"] = json!("system");
    let (_, text) = refused(&mock, GEMINI, &system).await;
    assert_eq!(
        text,
        "* GenerateContentRequest.contents: contents is not specified\n"
    );
    let mut many = asking("gemini-2.5-flash");
    many["n"] = json!(9);
    assert_eq!(refused(&mock, GEMINI, &many).await.0, 400);
    let request = mock
        .request(reqwest::Method::POST, VERTEX)
        .header("x-goog-api-key", "AIza");
    let reply = Reply::of(request.body(asking("google/gemini-2.5-flash").to_string())).await;
    assert_eq!(error(&reply).0, 401);
}

#[tokio::test]
async fn conditions_show_in_both_forms() {
    let mock = start().await;
    mock.script(&json!([
        "rate-limit",
        "moderation-blocked",
        "output-blocked",
        "no-image",
        "stream-error=overloaded"
    ]))
    .await;
    let body = asking("gemini-2.5-flash");
    let (status, told) = error(&mock.send(GEMINI, &body).await);
    assert_eq!(
        (status, &told["status"]),
        (429, &json!("RESOURCE_EXHAUSTED"))
    );
    for _ in 0..2 {
        let answer = mock.send(GEMINI, &body).await.json();
        assert_eq!(names(&answer["choices"][0]), ["finish_reason", "index"]);
        assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
        assert_eq!(answer["usage"].get("completion_tokens"), None);
    }
    let answer = mock.send(GEMINI, &body).await.json();
    assert!(answer["choices"][0]["message"]["content"].is_string());
    let mut stream = body.clone();
    stream["stream"] = json!(true);
    let reply = mock.send(GEMINI, &stream).await;
    let (_, told) = reply.text().rsplit_once("\n\n").unwrap();
    let told: Value = serde_json::from_str(told).unwrap();
    assert_eq!(told[0]["error"]["status"], "UNAVAILABLE");
}

#[tokio::test]
async fn models_are_listed_in_openais_form() {
    let mock = start().await;
    let list = mock.get_with_key("/v1beta/openai/models").await.json();
    assert_eq!(names(&list), ["object", "data"]);
    let ids: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].clone())
        .collect();
    assert!(
        ids.contains(&json!("models/gemini-3-pro-image-preview")),
        "{ids:?}"
    );
    for id in [
        "gemini-2.5-flash-image",
        "models/gemini-2.5-flash-image",
        "models%2Fgemini-2.5-flash-image",
    ] {
        let model = mock
            .get_with_key(&format!("/v1beta/openai/models/{id}"))
            .await
            .json();
        assert_eq!(model["id"], "models/gemini-2.5-flash-image");
        assert_eq!(
            (&model["object"], &model["owned_by"]),
            (&json!("model"), &json!("google"))
        );
    }
    let entry = mock.last_entry().await;
    assert_eq!(entry.operation.as_deref(), Some("models.get"));
    let reply = mock.get_with_key("/v1beta/openai/models/gpt-9").await;
    assert_eq!(error(&reply).0, 404);
    assert_eq!(error(&mock.get("/v1beta/openai/models").await).0, 403);
}

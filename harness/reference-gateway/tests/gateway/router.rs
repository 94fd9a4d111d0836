//! The router: models by name, images by Azure OpenAI, chats by Vertex AI.

use reference_gateway::{Config, Handle, Profile, Provider, ServiceAccount};
use reqwest::Response;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{PNG, UPSTREAM_KEY, client, config, error_of, image_answer, launch};

const IMAGES: &str = "/v1/images/generations";
const EDITS: &str = "/v1/images/edits";
const CHAT: &str = "/v1/chat/completions";
const CHAT_MODEL: &str = "vertex/google/gemini-2.5-flash-image-preview";

fn settings(upstream: &str) -> Config {
    let mut config = config(upstream);
    config.profile = Profile::Router;
    config.vertex.project = "a-project".to_owned();
    config.vertex.location = "global".to_owned();
    config
}

/// A router in front of a server that answers everything with `answer`.
async fn in_front_of(answer: ResponseTemplate) -> (Handle, MockServer) {
    let upstream = MockServer::start().await;
    let always = Mock::given(method("POST")).respond_with(answer);
    always.mount(&upstream).await;
    (launch(settings(&upstream.uri())).await, upstream)
}

async fn post(gateway: &Handle, path: &str, body: &Value) -> Response {
    client()
        .post(format!("{}{path}", gateway.url()))
        .bearer_auth("key-openai")
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .unwrap()
}

async fn only_call(upstream: &MockServer) -> Request {
    let mut calls = upstream.received_requests().await.unwrap();
    assert_eq!(calls.len(), 1);
    calls.remove(0)
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn google(answer: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(answer.to_string(), "application/json; charset=UTF-8")
}

fn picture() -> Value {
    json!({
        "candidates": [{ "index": 0, "finishReason": "STOP", "content": { "role": "model", "parts": [
            { "text": "thinking", "thought": true },
            { "text": "Here " }, { "inlineData": { "mimeType": "image/png", "data": PNG } }, { "text": "it is." }
        ] } }],
        "usageMetadata": {
            "promptTokenCount": 7, "candidatesTokenCount": 1300, "thoughtsTokenCount": 5, "totalTokenCount": 1312,
            "candidatesTokensDetails": [{ "modality": "IMAGE", "tokenCount": 1290 }]
        }
    })
}

#[tokio::test]
async fn an_image_is_made_by_its_deployment_and_comes_as_a_link() {
    let (gateway, upstream) = in_front_of(image_answer()).await;
    let request =
        json!({ "model": "azure/openai/gpt-image-1.5", "prompt": "a fox", "quality": "low" });
    let response = post(&gateway, IMAGES, &request).await;
    assert_eq!(response.status(), 200);
    let answer = json_of(&response.bytes().await.unwrap());
    let link = answer["data"][0]["url"].as_str().unwrap();
    assert!(
        link.starts_with(&format!("{}/files/", gateway.url())),
        "{link}"
    );
    let file = client().get(link).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "image/png");

    let call = only_call(&upstream).await;
    assert_eq!(
        call.url.path(),
        "/openai/deployments/gpt-image-1.5/images/generations"
    );
    assert_eq!(call.url.query(), Some("api-version=2025-04-01-preview"));
    assert_eq!(call.headers["api-key"], UPSTREAM_KEY);
    assert!(!call.headers.contains_key("authorization"));
    assert_eq!(
        json_of(&call.body),
        json!({ "prompt": "a fox", "quality": "low" })
    );
}

#[tokio::test]
async fn models_are_told_apart_by_name_and_endpoint() {
    let (gateway, upstream) = in_front_of(image_answer()).await;
    let chat = json!([{ "role": "user", "content": "a fox" }]);
    for (path, model, expected) in [
        (IMAGES, json!(null), (400, "missing_required_parameter")),
        (IMAGES, json!(" "), (400, "missing_required_parameter")),
        (IMAGES, json!("gpt-image-1"), (404, "model_not_found")),
        (IMAGES, json!(CHAT_MODEL), (400, "invalid_value")),
        (
            CHAT,
            json!("azure/openai/gpt-image-1"),
            (400, "invalid_value"),
        ),
        (CHAT, json!(7), (400, "invalid_type")),
    ] {
        let request = json!({ "model": model, "prompt": "a fox", "messages": chat });
        let (status, error) = error_of(post(&gateway, path, &request).await).await;
        assert_eq!(error["param"], "model", "{model}");
        assert_eq!(
            (status, error["code"].as_str().unwrap()),
            expected,
            "{model}"
        );
    }
    assert!(upstream.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_edit_is_passed_on_part_by_part() {
    let (gateway, upstream) = in_front_of(image_answer()).await;
    let part = |head: &str, body: &str| {
        format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n")
    };
    let form = [
        part("name=\"prompt\"", "a fox"),
        part("name=\"model\"", "azure/openai/gpt-image-1"),
        part(
            "name=\"image[]\"; filename=\"ä.png\"\r\nContent-Type: image/png",
            "one\r\n",
        ),
        part("name=\"image[]\"; filename=b.png", "two"),
        part("name=\"response_format\"", "b64_json"),
    ];
    let response = client()
        .post(format!("{}{EDITS}", gateway.url()))
        .bearer_auth("key-openai")
        .header("content-type", "multipart/form-data; boundary=x")
        .body(format!("{}--x--\r\n", form.concat()))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let call = only_call(&upstream).await;
    assert_eq!(
        call.url.path(),
        "/openai/deployments/gpt-image-1/images/edits"
    );
    let kind = call.headers["content-type"].to_str().unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let sent = String::from_utf8(call.body).unwrap().replace(boundary, "x");
    assert_eq!(sent, format!("{}{}{}--x--\r\n", form[0], form[2], form[3]));
}

#[tokio::test]
async fn a_chat_becomes_one_of_googles_and_its_answer_one_of_openais() {
    let (gateway, upstream) = in_front_of(google(&picture())).await;
    let request = json!({
        "model": CHAT_MODEL, "temperature": 0, "max_tokens": 64, "stop": "END", "user": "u", "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [
                { "type": "text", "text": "More \"sky\"." },
                { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{PNG}"), "detail": "low" } },
                { "type": "image_url", "image_url": { "url": "https://pictures.example/a.jpg?x=1" } }
            ] },
            { "role": "assistant", "content": null, "images": [
                { "type": "image_url", "image_url": { "url": "data:image/webp;base64,QUJD" } }
            ] },
            { "role": "user", "content": "Again." }
        ]
    });
    let response = post(&gateway, CHAT, &request).await;
    assert_eq!(response.status(), 200);
    let answer = json_of(&response.bytes().await.unwrap());
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], CHAT_MODEL);
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(
        answer["choices"],
        json!([{
            "index": 0, "finish_reason": "stop", "native_finish_reason": "STOP",
            "message": { "role": "assistant", "content": "Here it is.", "images": [
                { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{PNG}") } }
            ] }
        }])
    );
    assert_eq!(answer["usage"]["prompt_tokens"], 7);
    assert_eq!(answer["usage"]["completion_tokens"], 1305);
    assert_eq!(answer["usage"]["total_tokens"], 1312);
    assert_eq!(
        answer["usage"]["completion_tokens_details"]["image_tokens"],
        1290
    );

    let call = only_call(&upstream).await;
    assert_eq!(
        call.url.path(),
        "/v1/projects/a-project/locations/global/publishers/google/models/gemini-2.5-flash-image-preview:generateContent"
    );
    assert_eq!(
        call.headers["authorization"],
        format!("Bearer {UPSTREAM_KEY}")
    );
    assert_eq!(
        json_of(&call.body),
        json!({
            "contents": [
                { "role": "user", "parts": [
                    { "text": "More \"sky\"." },
                    { "inlineData": { "mimeType": "image/png", "data": PNG } },
                    { "fileData": { "mimeType": "image/jpeg", "fileUri": "https://pictures.example/a.jpg?x=1" } }
                ] },
                { "role": "model", "parts": [{ "inlineData": { "mimeType": "image/webp", "data": "QUJD" } }] },
                { "role": "user", "parts": [{ "text": "Again." }] }
            ],
            "systemInstruction": { "parts": [{ "text": "Be brief." }] },
            "generationConfig": {
                "maxOutputTokens": 64, "stopSequences": ["END"], "temperature": 0, "responseModalities": ["TEXT", "IMAGE"]
            }
        })
    );
}

#[tokio::test]
async fn a_hosted_image_goes_back_into_a_chat_without_being_fetched() {
    let upstream = MockServer::start().await;
    let images = Mock::given(path("/openai/deployments/gpt-image-1/images/generations"));
    images.respond_with(image_answer()).mount(&upstream).await;
    let chats = Mock::given(method("POST")).respond_with(google(&picture()));
    chats.mount(&upstream).await;
    let gateway = launch(settings(&upstream.uri())).await;
    let made = json!({ "model": "azure/openai/gpt-image-1", "prompt": "a fox" });
    let made = post(&gateway, IMAGES, &made).await.bytes().await.unwrap();
    let link = json_of(&made)["data"][0]["url"].clone();
    let request = json!({ "model": CHAT_MODEL, "messages": [
        { "role": "user", "content": [{ "type": "image_url", "image_url": { "url": link } }] }
    ] });
    assert_eq!(post(&gateway, CHAT, &request).await.status(), 200);
    let calls = upstream.received_requests().await.unwrap();
    let sent = json_of(&calls[1].body);
    assert_eq!(
        sent["contents"][0]["parts"][0],
        json!({ "inlineData": { "mimeType": "image/png", "data": PNG } })
    );
}

#[tokio::test]
async fn what_a_chat_cannot_mean_is_refused_with_its_place() {
    let (gateway, upstream) = in_front_of(google(&picture())).await;
    let user = |content: Value| json!([{ "role": "user", "content": content }]);
    let image = |url: &str| user(json!([{ "type": "image_url", "image_url": { "url": url } }]));
    for (member, value, param) in [
        ("messages", json!(null), "messages"),
        ("messages", json!([]), "messages"),
        ("messages", json!({}), "messages"),
        ("messages", json!([7]), "messages[0]"),
        (
            "messages",
            json!([{ "role": "tool", "content": "x" }]),
            "messages[0].role",
        ),
        (
            "messages",
            json!([{ "role": "assistant", "content": null }]),
            "messages",
        ),
        ("messages", user(json!(7)), "messages[0].content"),
        (
            "messages",
            user(json!([{ "type": "text" }])),
            "messages[0].content[0].text",
        ),
        (
            "messages",
            user(json!([{ "type": "input_audio" }])),
            "messages[0].content[0].type",
        ),
        (
            "messages",
            image("file:///etc/passwd"),
            "messages[0].content[0].image_url.url",
        ),
        (
            "messages",
            image("data:image/png,raw"),
            "messages[0].content[0].image_url.url",
        ),
        ("tools", json!([{ "type": "function" }]), "tools"),
        ("stream", json!("yes"), "stream"),
        ("temperature", json!("hot"), "temperature"),
        ("stop", json!(1), "stop"),
    ] {
        let mut request = json!({ "model": CHAT_MODEL, "messages": user(json!("a fox")) });
        request[member] = value.clone();
        let (status, error) = error_of(post(&gateway, CHAT, &request).await).await;
        assert_eq!(
            (status, error["param"].as_str().unwrap()),
            (400, param),
            "{value}"
        );
    }
    assert!(upstream.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_withheld_is_said_as_clients_expect_it() {
    let blocked = json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" } });
    let (gateway, _upstream) = in_front_of(google(&blocked)).await;
    let request = json!({ "model": CHAT_MODEL, "messages": [{ "role": "user", "content": "x" }] });
    let (status, error) = error_of(post(&gateway, CHAT, &request).await).await;
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("content_policy_violation"))
    );

    let withheld =
        json!({ "candidates": [{ "finishReason": "IMAGE_SAFETY", "finishMessage": "No." }] });
    let (gateway, _upstream) = in_front_of(google(&withheld)).await;
    let answer = post(&gateway, CHAT, &request).await;
    assert_eq!(answer.status(), 200);
    let answer = json_of(&answer.bytes().await.unwrap());
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "content_filter");
    assert_eq!(
        choice["message"],
        json!({ "role": "assistant", "content": null, "refusal": "No." })
    );

    let nothing = json!({ "candidates": [{ "finishReason": "NO_IMAGE" }] });
    let (gateway, _upstream) = in_front_of(google(&nothing)).await;
    let (status, error) = error_of(post(&gateway, CHAT, &request).await).await;
    assert_eq!(
        (status, &error["code"]),
        (502, &json!("upstream_invalid_response"))
    );
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_as_a_whole() {
    let upstream = MockServer::start().await;
    let large = Mock::given(method("POST")).respond_with(google(&picture()));
    large.mount(&upstream).await;
    let mut config = settings(&upstream.uri());
    config.limits.answer_body = 64;
    let gateway = launch(config).await;
    let request = json!({ "model": CHAT_MODEL, "messages": [{ "role": "user", "content": "x" }] });
    let (status, error) = error_of(post(&gateway, CHAT, &request).await).await;
    assert_eq!(
        (status, &error["code"]),
        (422, &json!("response_too_large"))
    );
}

async fn streamed(events: &str) -> Vec<String> {
    let answer = ResponseTemplate::new(200).set_body_raw(events, "text/event-stream");
    let (gateway, upstream) = in_front_of(answer).await;
    let request = json!({
        "model": CHAT_MODEL, "stream": true, "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": "x" }]
    });
    let response = post(&gateway, CHAT, &request).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    assert_eq!(only_call(&upstream).await.url.query(), Some("alt=sse"));
    let events = text.split_terminator("\n\n");
    events
        .map(|event| event.strip_prefix("data: ").unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_stream_ends_with_usage_and_done() {
    let piece = |parts: Value, end: Value| {
        let event =
            json!({ "candidates": [{ "content": { "parts": parts }, "finishReason": end }] });
        format!("data: {event}\r\n\r\n")
    };
    let usage = json!({ "usageMetadata": { "promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3 } });
    let image = json!([{ "inlineData": { "mimeType": "image/png", "data": PNG } }]);
    let events = [
        piece(json!([{ "text": "a" }]), json!(null)),
        piece(image, json!(null)),
        piece(json!([]), json!("STOP")),
        format!("data: {usage}\r\n\r\n"),
    ];
    let mut found = streamed(&events.concat()).await;
    assert_eq!(found.pop().unwrap(), "[DONE]");
    let chunks: Vec<Value> = found
        .iter()
        .map(|chunk| json_of(chunk.as_bytes()))
        .collect();
    let delta = |index: usize| &chunks[index]["choices"][0]["delta"];
    assert_eq!(delta(0), &json!({ "role": "assistant", "content": "a" }));
    assert_eq!(
        delta(1)["images"][0]["image_url"]["url"],
        format!("data:image/png;base64,{PNG}")
    );
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["total_tokens"], 3);
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
}

#[tokio::test]
async fn a_stream_that_fails_says_so_and_is_not_done() {
    let begun = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\r\n\r\n";
    let error = "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"overloaded\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
    let framed = "data: {\"error\":{\"code\":429,\"message\":\"slow down\",\"status\":\"RESOURCE_EXHAUSTED\"}}\r\n\r\n";
    for (end, expected) in [
        ("", json!("upstream_stream_interrupted")),
        (error, json!(null)),
        (framed, json!("RESOURCE_EXHAUSTED")),
        (
            "data: {\"candidates\r\n\r\n",
            json!("upstream_stream_interrupted"),
        ),
    ] {
        let found = streamed(&format!("{begun}{end}")).await;
        assert_eq!(found.len(), 2, "{found:?}");
        let last = json_of(found[1].as_bytes());
        assert_eq!(last["error"]["code"], expected, "{last}");
    }
}

#[tokio::test]
async fn a_service_account_fetches_one_token_and_hides_it() {
    let upstream = MockServer::start().await;
    let token = json!({ "access_token": "ya29.a-token-of-the-account", "expires_in": 3599, "token_type": "Bearer" });
    let tokens = Mock::given(path("/token")).respond_with(google(&token));
    tokens.expect(1).mount(&upstream).await;
    let refused = json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": "not ya29.a-token-of-the-account" } });
    let chats = Mock::given(method("POST")).respond_with(
        ResponseTemplate::new(400).set_body_raw(refused.to_string(), "application/json"),
    );
    chats.mount(&upstream).await;
    let mut config = settings(&upstream.uri());
    let file = include_str!("../../../../fixtures/credentials/service-account.json");
    let mut file = json_of(file.as_bytes());
    file["token_uri"] = json!(format!("{}/token", upstream.uri()));
    config.vertex.account = Some(ServiceAccount::from_json(&file.to_string()).unwrap());
    config.upstreams.get_mut(&Provider::Vertex).unwrap().key = None;
    let gateway = launch(config).await;
    let request = json!({ "model": CHAT_MODEL, "messages": [{ "role": "user", "content": "x" }] });
    for _ in 0..2 {
        let (status, error) = error_of(post(&gateway, CHAT, &request).await).await;
        assert_eq!(status, 400);
        assert_eq!(error["message"], "not [redacted]");
        assert_eq!(error["code"], "INVALID_ARGUMENT");
    }
    let calls = upstream.received_requests().await.unwrap();
    let form = String::from_utf8(calls[0].body.clone()).unwrap();
    assert!(
        form.starts_with("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=ey"),
        "{form}"
    );
    assert_eq!(
        calls[1].headers["authorization"],
        "Bearer ya29.a-token-of-the-account"
    );
}

//! Refusals of requests that are not good: which one comes first, and its exact words.

mod refusals;
mod rows;

use mock_server::settings::Validation;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{GENERATIONS, KEY, Mock, Reply, start, start_with};
use refusals::{every_refusal, with};

async fn row_of(mock: &Mock, reply: &Reply) -> String {
    assert_ne!(reply.status, 200);
    let entry = mock.last_entry().await;
    entry.answer.unwrap().summary.condition
}

#[tokio::test]
async fn each_refusal_in_its_exact_words() {
    let mock = start().await;
    for expected in every_refusal() {
        let reply = mock.generate(&expected.body).await;
        let error = json!({
            "message": expected.message,
            "type": expected.kind,
            "param": expected.param,
            "code": expected.code,
        });
        assert_eq!(reply.error(), (400, error));
        assert_eq!(row_of(&mock, &reply).await, expected.row);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert!(reply.header("x-request-id").is_some());
        let pretty = serde_json::to_string_pretty(&reply.json()).unwrap();
        assert_eq!(reply.text(), pretty);
        let keys: Vec<_> = ["message", "type", "param", "code"]
            .map(|key| reply.text().find(&format!("\n    \"{key}\": ")).unwrap())
            .into();
        assert!(keys.is_sorted());
    }
}

#[tokio::test]
async fn the_length_of_a_recorded_refusal() {
    let mock = start().await;
    // 161 was recorded for `quality`; this name is as long.
    let reply = mock.generate(&with(&json!({ "qualitx": 1 }))).await;
    assert_eq!(reply.header("content-length"), Some("161"));
}

#[tokio::test]
async fn what_is_no_object_cannot_be_parsed() {
    let mock = start().await;
    for body in ["", "[]", "\"a fox\"", "{\"prompt\": "] {
        let request = mock.request(Method::POST, GENERATIONS).bearer_auth(KEY);
        let reply = Reply::of(request.body(body)).await;
        assert_eq!(row_of(&mock, &reply).await, "malformed-body", "{body}");
    }
}

#[tokio::test]
async fn what_is_no_operation_is_told_by_method_and_path() {
    let mock = start().await;
    for (method, path, row) in [
        (Method::OPTIONS, GENERATIONS, "wrong-method"),
        (Method::POST, "/v1/images/generations/", "invalid-url"),
        (Method::GET, "/%ff/%zz?%", "invalid-url"),
    ] {
        let reply = mock.command(method, path).await;
        assert_eq!(row_of(&mock, &reply).await, row);
    }
    let wrong = mock.get(GENERATIONS).await;
    let message = "Not allowed to GET on /v1/images/generations. (HINT: Perhaps you meant to use a different HTTP method?)";
    assert_eq!(wrong.error().1["message"], message);
    assert_eq!(wrong.header("allow"), Some("POST"));
    let unknown = mock
        .command(Method::POST, "/v1/v1/images/generations")
        .await;
    let message = "Invalid URL (POST /v1/v1/images/generations)";
    assert_eq!(unknown.error().1["message"], message);
    let request = mock.request(Method::POST, GENERATIONS).bearer_auth(KEY);
    let reply = Reply::of(request.header("content-type", "text/plain").body("{}")).await;
    let message = "Unsupported content type: 'text/plain'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: text/plain'. Please try again with a supported content type.";
    assert_eq!(reply.error().1["message"], message);
}

#[tokio::test]
async fn the_first_fault_in_the_providers_order_is_told() {
    let mock = start().await;
    let worst = json!({
        "model": "nobody", "response_format": "url", "prompt": "", "n": 99, "size": "3x3",
        "background": "transparent", "output_format": "jpeg", "stream": true,
    });
    let mut body = worst.as_object().unwrap().clone();
    let mut told = Vec::new();
    for cure in [
        ("response_format", Value::Null),
        ("prompt", json!("a fox")),
        ("n", json!(2)),
        ("model", json!("gpt-image-1")),
        ("size", json!("auto")),
        ("background", json!("opaque")),
        ("stream", json!(false)),
    ] {
        let (_, error) = mock.generate(&Value::Object(body.clone())).await.error();
        told.push(error["param"].as_str().unwrap().to_owned());
        body.insert(cure.0.to_owned(), cure.1);
    }
    let order = [
        "response_format",
        "prompt",
        "n",
        "model",
        "size",
        "background",
        "input",
    ];
    assert_eq!(told, order);
    assert_eq!(mock.generate(&Value::Object(body)).await.status, 200);
}

#[tokio::test]
async fn an_unknown_name_goes_before_an_unknown_or_unusable_model() {
    let mock = start().await;
    for model in [json!("nobody"), json!("dall-e-3"), json!(5), json!("")] {
        let body = json!({ "model": model, "prompt": "a fox", "response_format": "b64_json" });
        let (_, error) = mock.generate(&body).await.error();
        assert_eq!(error["message"], "Unknown parameter: 'response_format'.");
    }
    let (_, error) = mock.generate(&with(&json!({ "model": 5 }))).await.error();
    assert_eq!(
        error["message"],
        "Invalid type for 'model': expected a string, but got an integer instead."
    );
}

#[tokio::test]
async fn types_are_named() {
    let mock = start().await;
    for (name, value, expected, got) in [
        ("prompt", json!(["a"]), "a string", "an array"),
        ("size", json!({}), "a string", "an object"),
        ("n", json!(1.5), "an integer", "a decimal number"),
        ("n", json!(true), "an integer", "a boolean"),
        ("stream", json!("true"), "a boolean", "a string"),
        ("quality", json!(1), "a string", "an integer"),
    ] {
        let (_, error) = mock.generate(&with(&json!({ name: value }))).await.error();
        let message =
            format!("Invalid type for '{name}': expected {expected}, but got {got} instead.");
        assert_eq!(error["message"], message);
    }
    let huge: Value = serde_json::from_str("{\"n\": 18446744073709551615}").unwrap();
    let (_, error) = mock.generate(&with(&huge)).await.error();
    assert_eq!(error["code"], "integer_above_max_value");
}

#[tokio::test]
async fn null_is_absent() {
    let mock = start().await;
    let mut body = with(&json!({}));
    for name in [
        "n",
        "size",
        "quality",
        "background",
        "style",
        "response_format",
        "stream",
        "user",
        "x",
    ] {
        body[name] = Value::Null;
    }
    assert_eq!(mock.generate(&body).await.status, 200);
    let (_, error) = mock.generate(&json!({ "prompt": null })).await.error();
    assert_eq!(error["code"], "missing_required_parameter");
}

#[tokio::test]
async fn marks_do_not_count_as_prompt() {
    let mock = start().await;
    let prompt = format!("{} [[case:abcdefgh23]]", "x".repeat(32_000));
    assert_eq!(
        mock.generate(&with(&json!({ "prompt": prompt })))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn lenient_validation_takes_anything() {
    let mock = start_with(|settings| settings.validation = Validation::Lenient).await;
    for expected in every_refusal() {
        let reply = mock.generate(&expected.body).await;
        assert_eq!(reply.status, 200, "{}: {}", expected.row, reply.text());
    }
    let stream = mock
        .generate(&with(&json!({ "stream": true, "n": 2, "quality": "low" })))
        .await;
    let [(_, event)] = &crate::support::events(stream.text())[..] else {
        panic!("{} bytes", stream.body.len());
    };
    assert_eq!(
        event["usage"]["output_tokens"], 272,
        "one image is one image"
    );
}

//! What is refused before anything is sent upstream, and in which order.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{
    PATH, client, config, error_of, image_answer, in_front_of, launch, post, post_as,
};

/// Body, the `param` that the error names, how its message begins.
const WRONG: &[(&str, Option<&str>, &str)] = &[
    ("", None, "Request body is empty"),
    ("{", None, "failed to parse request body"),
    (r#"{"prompt":"x"} x"#, None, "failed to parse request body"),
    ("[]", None, "failed to parse request body"),
    ("\"x\"", None, "failed to parse request body"),
    (
        r#"{"prompt":"x","stream":"true"}"#,
        Some("stream"),
        "invalid stream field type",
    ),
    (
        r#"{"prompt":"x","n":"1"}"#,
        Some("n"),
        "invalid n field type",
    ),
    (
        r#"{"prompt":"x","n":1.5}"#,
        Some("n"),
        "invalid n field type",
    ),
    (
        r#"{"prompt":"x","n":0}"#,
        Some("n"),
        "n must be greater than 0",
    ),
    (
        r#"{"prompt":"x","n":-3,"model":"dall-e-3"}"#,
        Some("n"),
        "n must be greater than 0",
    ),
    (
        r#"{"prompt":"x","output_compression":"9"}"#,
        Some("output_compression"),
        "invalid output_compression field type",
    ),
    (
        r#"{"prompt":"x","partial_images":true}"#,
        Some("partial_images"),
        "invalid partial_images field type",
    ),
    (
        r#"{"prompt":7}"#,
        Some("prompt"),
        "invalid prompt field type",
    ),
    (
        r#"{"prompt":"\ud800"}"#,
        Some("prompt"),
        "invalid prompt field type",
    ),
    (
        r#"{"prompt":"x","size":1024}"#,
        Some("size"),
        "invalid size field type",
    ),
    (
        r#"{"prompt":"x","model":"dall-e-3"}"#,
        Some("model"),
        r#"images endpoint requires an image model, got "dall-e-3""#,
    ),
    (
        r#"{"prompt":"x","model":"chatgpt-image-latest"}"#,
        Some("model"),
        "images endpoint requires an image model, got",
    ),
    (
        r#"{"prompt":"x","model":"gpt-image-1","model":"gpt-4o"}"#,
        Some("model"),
        r#"images endpoint requires an image model, got "gpt-4o""#,
    ),
    ("{}", Some("prompt"), "prompt is required"),
    (r#"{"prompt":null}"#, Some("prompt"), "prompt is required"),
    (
        r#"{"prompt":""}"#,
        Some("prompt"),
        "prompt must not be empty",
    ),
    (
        r#"{"prompt":"x","response_format":"png"}"#,
        Some("response_format"),
        "response_format must be",
    ),
    (
        r#"{"prompt":"x","response_format":"url","stream":true}"#,
        Some("response_format"),
        "response_format \"url\" cannot",
    ),
];

#[tokio::test]
async fn each_wrong_request_is_refused_with_its_reason() {
    let (gateway, upstream) = in_front_of(image_answer()).await;
    for (body, param, message) in WRONG.iter().copied() {
        let (status, error) = error_of(post(&gateway, body).await).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(error["type"], "invalid_request_error", "{body}");
        assert_eq!(error["param"].as_str(), param, "{body}");
        let text = error["message"].as_str().unwrap();
        assert!(text.starts_with(message), "{body}: {text}");
    }
    assert!(upstream.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn who_calls_decides_before_what_is_sent() {
    let (gateway, upstream) = in_front_of(image_answer()).await;
    let good = r#"{"prompt":"x"}"#;
    let wrong_model = r#"{"prompt":"x","model":"gpt-4o"}"#;
    for (key, body, status, kind) in [
        ("key-unknown", "{", 401, "invalid_request_error"),
        ("key-none", "{", 403, "permission_error"),
        ("key-gemini", "{", 404, "not_found_error"),
        ("key-gemini", wrong_model, 404, "not_found_error"),
        (
            "key-openai-no-images",
            wrong_model,
            400,
            "invalid_request_error",
        ),
        ("key-openai-no-images", good, 403, "permission_error"),
        ("key-openai-no-images", "{}", 403, "permission_error"),
    ] {
        let (got, error) = error_of(post_as(&gateway, key, body).await).await;
        assert_eq!(
            (got, error["type"].as_str()),
            (status, Some(kind)),
            "{key} {body}"
        );
    }
    let (_, error) = error_of(post_as(&gateway, "key-gemini", good).await).await;
    assert_eq!(
        error["message"],
        "Images API is not supported for this platform"
    );
    assert!(upstream.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_is_asked_for() {
    let (gateway, _upstream) = in_front_of(image_answer()).await;
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer  "),
        Some("Basic a2V5"),
        Some("key-openai"),
    ] {
        let mut request = client().post(format!("{}{PATH}", gateway.url()));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(error_of(response).await.0, 401, "{header:?}");
    }
}

#[tokio::test]
async fn without_listed_keys_any_will_do_but_an_invalid_one() {
    let (_gateway, upstream) = in_front_of(image_answer()).await;
    let mut open = config(&upstream.uri());
    open.clients = reference_gateway::Clients::default();
    let gateway = launch(open).await;
    let good = r#"{"prompt":"x"}"#;
    assert_eq!(post_as(&gateway, "whatever", good).await.status(), 200);
    assert_eq!(post_as(&gateway, "sk-invalid-1", good).await.status(), 401);
}

#[tokio::test]
async fn a_body_may_be_so_large_and_no_larger() {
    let (_gateway, upstream) = in_front_of(image_answer()).await;
    let mut small = config(&upstream.uri());
    small.limits.request_body = 1000;
    let gateway = launch(small).await;
    let body = |size: usize| {
        let empty = r#"{"prompt":""}"#;
        empty.replace("\"\"", &format!("\"{}\"", "x".repeat(size - empty.len())))
    };
    assert_eq!(post(&gateway, &body(1000)).await.status(), 200);
    let (status, error) = error_of(post(&gateway, &body(1001)).await).await;
    assert_eq!(
        (status, error["message"].as_str()),
        (413, Some("Request body too large, limit is 1000 bytes"))
    );
    // Many times what a socket buffers: the answer must survive that the client is still sending.
    assert_eq!(
        error_of(post(&gateway, &body(20_000_000)).await).await.0,
        413
    );
    let pieces = futures_util::stream::iter([0; 2].map(|_| Ok::<_, std::io::Error>(body(600))));
    let chunked = client()
        .post(format!("{}{PATH}", gateway.url()))
        .bearer_auth("key-openai")
        .body(reqwest::Body::wrap_stream(pieces))
        .send()
        .await
        .unwrap();
    assert_eq!(error_of(chunked).await.0, 413);
    assert_eq!(upstream.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_platform_is_judged_without_the_body() {
    let (gateway, _upstream) = in_front_of(image_answer()).await;
    let address = gateway.url().strip_prefix("http://").unwrap();
    for expect in ["", "expect: 100-continue\r\n"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer key-gemini\r\n{expect}content-length: 10\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
    }
}

#[tokio::test]
async fn routes_and_methods_that_do_not_exist_say_so() {
    let (gateway, _upstream) = in_front_of(image_answer()).await;
    let unknown = client()
        .post(format!("{}/v1/v1/images?key=secret", gateway.url()))
        .send()
        .await
        .unwrap();
    let (status, error) = error_of(unknown).await;
    assert_eq!(
        (status, error["message"].as_str()),
        (404, Some("Invalid URL (POST /v1/v1/images)"))
    );
    for method in [Method::GET, Method::PUT] {
        let wrong = client()
            .request(method, format!("{}{PATH}", gateway.url()))
            .send()
            .await
            .unwrap();
        assert_eq!(wrong.headers()["allow"], "POST");
        assert_eq!(error_of(wrong).await.0, 405);
    }
}

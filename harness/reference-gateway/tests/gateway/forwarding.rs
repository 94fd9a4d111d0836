//! What reaches the upstream, and what of its answer reaches the client.

use wiremock::ResponseTemplate;

use crate::support::{PATH, UPSTREAM_KEY, client, config, image_answer, in_front_of, launch, post};

#[tokio::test]
async fn members_go_up_as_they_were_written() {
    let (gateway, upstream) = in_front_of(image_answer()).await;
    for (sent, expected) in [
        (
            r#"{ "z": {"deep": [1e2, null]}, "response_format": "b64_json", "prompt": "\u00e9 x", "seed": 12345678901234567890123,
                 "f": 1.50, "user": null, "model": "gpt-image-1", "style": "vivid", "n": 1.0 }"#,
            r#"{"z":{"deep": [1e2, null]},"prompt":"\u00e9 x","seed":12345678901234567890123,"f":1.50,"model":"gpt-image-1","style":"vivid","n":1.0}"#,
        ),
        (
            r#"{"model":null,"prompt":"x"}"#,
            r#"{"prompt":"x","model":"gpt-image-2"}"#,
        ),
        (
            r#"{"model":"","prompt":"x"}"#,
            r#"{"model":"gpt-image-2","prompt":"x"}"#,
        ),
        (
            r#"{"prompt":"x","stream":false,"n":2,"size":"1024x1536","quality":"low","background":"opaque","output_format":"webp","output_compression":70,"moderation":"low","partial_images":2,"response_format":"url"}"#,
            r#"{"prompt":"x","stream":false,"n":2,"size":"1024x1536","quality":"low","background":"opaque","output_format":"webp","output_compression":70,"moderation":"low","partial_images":2,"model":"gpt-image-2"}"#,
        ),
    ] {
        assert_eq!(post(&gateway, sent).await.status(), 200, "{sent}");
        let requests = upstream.received_requests().await.unwrap();
        let request = requests.last().unwrap();
        assert_eq!(String::from_utf8_lossy(&request.body), expected);
        assert_eq!(
            (request.method.as_str(), request.url.path()),
            ("POST", PATH)
        );
    }
}

#[tokio::test]
async fn no_header_of_the_client_goes_up() {
    let (gateway, upstream) = in_front_of(image_answer()).await;
    client()
        .post(format!("{}{PATH}?key=q", gateway.url()))
        .bearer_auth("key-openai")
        .header("cookie", "c=1")
        .header("x-forwarded-for", "10.0.0.1")
        .header("accept-encoding", "gzip, br")
        .header("openai-organization", "org-client")
        .header("user-agent", "client/1")
        .body(r#"{"prompt":"x"}"#)
        .send()
        .await
        .unwrap();
    let request = &upstream.received_requests().await.unwrap()[0];
    let mut names: Vec<_> = request
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent"
        ]
    );
    assert_eq!(
        request.headers["authorization"],
        format!("Bearer {UPSTREAM_KEY}")
    );
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(
        request.headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("image-reference-gateway/")
    );
    assert_eq!(request.url.query(), None);
}

#[tokio::test]
async fn a_good_answer_comes_back_byte_for_byte() {
    let answer = image_answer()
        .insert_header("x-request-id", "req_7")
        .insert_header("openai-processing-ms", "1234")
        .insert_header("x-ratelimit-remaining-requests", "9")
        .insert_header("set-cookie", "__cf_bm=x")
        .insert_header("alt-svc", "h3=\":443\"")
        .insert_header("server", "cloudflare")
        .insert_header("cf-ray", "1")
        .insert_header("openai-organization", "org-operator")
        .insert_header("openai-project", "proj_operator");
    let (gateway, upstream) = in_front_of(answer).await;
    let response = post(&gateway, r#"{"prompt":"x"}"#).await;
    let mut names: Vec<_> = response
        .headers()
        .keys()
        .map(|name| name.as_str().to_owned())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "content-length",
            "content-type",
            "date",
            "openai-processing-ms",
            "x-ratelimit-remaining-requests",
            "x-request-id"
        ]
    );
    assert_eq!(response.headers()["content-type"], "application/json");
    let straight = client().get(upstream.uri()).send().await.unwrap();
    assert_eq!(
        response.bytes().await.unwrap(),
        straight.bytes().await.unwrap()
    );
}

#[tokio::test]
async fn a_stream_that_is_answered_with_json_is_json() {
    let (gateway, _upstream) = in_front_of(image_answer()).await;
    let response = post(&gateway, r#"{"prompt":"x","stream":true}"#).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.text().await.unwrap().contains("b64_json"));
}

#[tokio::test]
async fn gzip_that_nobody_asked_for_is_undone() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    let body = r#"{"data":[{"b64_json":"QUJD"}]}"#;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body.as_bytes()).unwrap();
    let answer = ResponseTemplate::new(200)
        .set_body_raw(encoder.finish().unwrap(), "application/json")
        .insert_header("content-encoding", "gzip");
    let (gateway, _upstream) = in_front_of(answer).await;
    let response = post(&gateway, r#"{"prompt":"x"}"#).await;
    assert!(!response.headers().contains_key("content-encoding"));
    assert_eq!(response.text().await.unwrap(), body);
}

#[tokio::test]
async fn a_base_address_may_have_the_version() {
    let (_gateway, upstream) = in_front_of(image_answer()).await;
    let gateway = launch(config(&format!("{}/v1", upstream.uri()))).await;
    assert_eq!(post(&gateway, r#"{"prompt":"x"}"#).await.status(), 200);
    let request = &upstream.received_requests().await.unwrap()[0];
    assert_eq!(request.url.path(), PATH);
}

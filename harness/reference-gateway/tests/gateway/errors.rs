//! What a client is told when the upstream fails, and that no failure makes a second call.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use crate::support::{BareUpstream, config, error_of, in_front_of, launch, post};

const GOOD: &str = r#"{"prompt":"x"}"#;

fn answer(status: u16, error: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "error": error }))
}

#[tokio::test]
async fn faults_of_the_request_stay_the_clients() {
    let said = json!({"message": "no", "type": "t", "param": "size", "code": "invalid_value", "moderation_details": {}});
    for status in [400, 404, 409, 413, 422] {
        let (gateway, upstream) = in_front_of(answer(status, &said)).await;
        let (got, error) = error_of(post(&gateway, GOOD).await).await;
        assert_eq!(got, status);
        assert_eq!(
            error,
            json!({"message": "no", "type": "t", "param": "size", "code": "invalid_value"})
        );
        assert_eq!(upstream.received_requests().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_body_that_is_no_error_object_is_not_quoted() {
    for (status, expected, kind) in [
        (400, 400, "invalid_request_error"),
        (404, 404, "not_found_error"),
        (413, 413, "invalid_request_error"),
        (503, 503, "upstream_error"),
    ] {
        for (body, media_type) in [
            ("<html>cloudflare ray 7</html>", "text/html"),
            ("upstream connect error: cloudflare", "text/plain"),
            (r#"{"error":"cloudflare"}"#, "application/json"),
            ("", "application/json"),
        ] {
            let answer = ResponseTemplate::new(status).set_body_raw(body, media_type);
            let (gateway, _upstream) = in_front_of(answer).await;
            let (got, error) = error_of(post(&gateway, GOOD).await).await;
            assert_eq!(
                (got, error["type"].as_str()),
                (expected, Some(kind)),
                "{status} {body}"
            );
            assert!(!error.to_string().contains("cloudflare"));
        }
    }
}

#[tokio::test]
async fn faults_of_the_operator_and_of_the_upstream_are_upstream_errors() {
    let down = "Upstream service temporarily unavailable";
    for (status, expected, message) in [
        (
            401,
            502,
            "Upstream authentication failed, please contact administrator",
        ),
        (
            403,
            502,
            "Upstream access forbidden, please contact administrator",
        ),
        (500, 502, down),
        (502, 502, down),
        (503, 503, down),
        (504, 504, down),
        (520, 502, down),
        (529, 503, "Upstream service overloaded, please retry later"),
        (302, 502, "Upstream request failed"),
        (418, 502, "Upstream request failed"),
    ] {
        let said = json!({"message": "inside", "type": "server_error", "param": null, "code": "c"});
        let answer = answer(status, &said).insert_header("location", "http://127.0.0.1:9/");
        let (gateway, upstream) = in_front_of(answer).await;
        let response = post(&gateway, GOOD).await;
        assert!(!response.headers().contains_key("location"));
        let (got, error) = error_of(response).await;
        assert_eq!(got, expected, "{status}");
        assert_eq!(
            error,
            json!({"message": message, "type": "upstream_error", "param": null, "code": null})
        );
        assert_eq!(upstream.received_requests().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn limits_stay_limits() {
    let rate = "Upstream rate limit exceeded, please retry later";
    let quota = "Upstream quota exceeded, please contact administrator";
    for (said, kind, code, message) in [
        (
            json!({"message": "m", "type": "requests", "code": "rate_limit_exceeded"}),
            "requests",
            Some("rate_limit_exceeded"),
            rate,
        ),
        (json!({"message": "m"}), "rate_limit_error", None, rate),
        (json!("busy"), "rate_limit_error", None, rate),
        (
            json!({"type": "insufficient_quota", "code": "insufficient_quota"}),
            "insufficient_quota",
            Some("insufficient_quota"),
            quota,
        ),
        (
            json!({"type": "insufficient_quota", "code": "credit_balance_exhausted"}),
            "insufficient_quota",
            Some("credit_balance_exhausted"),
            quota,
        ),
    ] {
        let answer = answer(429, &said)
            .insert_header("retry-after", "7")
            .insert_header("retry-after-ms", "6500")
            .insert_header("x-request-id", "req_9");
        let (gateway, _upstream) = in_front_of(answer).await;
        let response = post(&gateway, GOOD).await;
        for (name, value) in [
            ("retry-after", "7"),
            ("retry-after-ms", "6500"),
            ("x-request-id", "req_9"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        let (status, error) = error_of(response).await;
        assert_eq!(
            (status, error["message"].as_str()),
            (429, Some(message)),
            "{said}"
        );
        assert_eq!(
            (error["type"].as_str(), error["code"].as_str()),
            (Some(kind), code),
            "{said}"
        );
    }
    let answer = answer(429, &json!({})).insert_header("retry-after", "None");
    let (gateway, _upstream) = in_front_of(answer).await;
    assert!(
        !post(&gateway, GOOD)
            .await
            .headers()
            .contains_key("retry-after")
    );
}

#[tokio::test]
async fn a_refusal_is_never_worth_a_second_try() {
    let said = json!({"message": "rejected", "type": "image_generation_user_error", "param": null, "code": "moderation_blocked"});
    for status in [400, 403, 409, 429, 500, 200] {
        let (gateway, _upstream) = in_front_of(answer(status, &said)).await;
        let (got, error) = error_of(post(&gateway, GOOD).await).await;
        assert_eq!((got, error), (400, said.clone()), "{status}");
    }
}

#[tokio::test]
async fn a_success_without_an_image_is_none() {
    for body in [
        "",
        "<html>fine</html>",
        r#"{"created":1,"data":[{"b64_json":"QUJD"#,
        r#"{"created":1}"#,
        r#"{"data":null}"#,
        r#"{"data":[]}"#,
        r#"{"data":[{}]}"#,
        r#"{"data":[{"b64_json":""}]}"#,
        r#"{"data":[{"b64_json":null}]}"#,
        r#"{"data":[{"b64_json":"QUJD"},{"revised_prompt":"x"}]}"#,
        r#"[{"b64_json":"QUJD"}]"#,
    ] {
        let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        let (gateway, _upstream) = in_front_of(answer).await;
        let (status, error) = error_of(post(&gateway, GOOD).await).await;
        assert_eq!(
            (status, error["type"].as_str()),
            (502, Some("upstream_error")),
            "{body}"
        );
        assert!(!error.to_string().contains("QUJD") && !error.to_string().contains("html"));
    }
}

#[tokio::test]
async fn an_answer_may_be_so_large_and_no_larger() {
    let (_gateway, upstream) = in_front_of(crate::support::image_answer()).await;
    let mut small = config(&upstream.uri());
    small.limits.answer_body = 100;
    let gateway = launch(small).await;
    let (status, error) = error_of(post(&gateway, GOOD).await).await;
    assert_eq!(
        (status, error["code"].as_str()),
        (502, Some("upstream_response_too_large"))
    );
}

#[tokio::test]
async fn a_broken_connection_is_a_bad_gateway_and_not_repeated() {
    for answer in [
        "",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":",
    ] {
        let mut upstream = BareUpstream::start().await;
        let gateway = launch(config(&upstream.url)).await;
        let upstream_side = async {
            let mut call = upstream.call().await;
            call.write_all(answer.as_bytes()).await.unwrap();
        };
        let (response, ()) = tokio::join!(post(&gateway, GOOD), upstream_side);
        let (status, error) = error_of(response).await;
        assert_eq!(
            (status, error["type"].as_str()),
            (502, Some("upstream_error")),
            "{answer}"
        );
        assert!(upstream.is_quiet(), "{answer}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let gateway = launch(config(&format!("http://{nobody}"))).await;
    let (status, error) = error_of(post(&gateway, GOOD).await).await;
    assert_eq!(
        (status, error["message"].as_str()),
        (502, Some("Upstream request failed"))
    );
}

#[tokio::test]
async fn silence_is_a_timeout() {
    for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let mut upstream = BareUpstream::start().await;
        let mut hasty = config(&upstream.url);
        hasty.limits.answer = Duration::from_secs(1);
        let gateway = launch(hasty).await;
        let upstream_side = async {
            let mut call = upstream.call().await;
            call.write_all(begun.as_bytes()).await.unwrap();
            call
        };
        let (response, _open) = tokio::join!(post(&gateway, GOOD), upstream_side);
        let (status, error) = error_of(response).await;
        assert_eq!(
            (status, error["code"].as_str()),
            (504, Some("upstream_timeout"))
        );
        assert!(upstream.is_quiet());
    }
}

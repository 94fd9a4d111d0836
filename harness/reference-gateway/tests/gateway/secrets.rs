//! The upstream's key, address and account stay behind the gateway, wherever the upstream repeats them.

use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::{UPSTREAM_KEY, in_front_of, post, send_chunk, streamed};

const GOOD: &str = r#"{"prompt":"x"}"#;

fn part() -> &'static str {
    &UPSTREAM_KEY[6..14]
}

#[tokio::test]
async fn errors_do_not_repeat_them() {
    for status in [400, 401, 403, 404, 422, 429, 500, 503] {
        let (_gateway, upstream) = in_front_of(ResponseTemplate::new(200)).await;
        let host = upstream.address().to_string();
        let said = format!(
            "{UPSTREAM_KEY} {} at http://{host}/v1 for org-abcd1234efgh",
            part()
        );
        let answer = ResponseTemplate::new(status)
            .set_body_json(
                json!({"error": {"message": said, "type": said, "param": said, "code": said}}),
            )
            .insert_header("x-request-id", format!("req-{}", part()));
        let (gateway, _upstream) = in_front_of(answer).await;
        let response = post(&gateway, GOOD).await;
        let headers = format!("{:?}", response.headers());
        let text = response.text().await.unwrap() + &headers;
        for secret in [part(), "org-abcd1234efgh"] {
            assert!(!text.contains(secret), "{status}: {text}");
        }
    }
}

#[tokio::test]
async fn an_address_in_an_error_is_masked() {
    let upstream = wiremock::MockServer::start().await;
    let said = format!("no route to http://{}/v1", upstream.address());
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(400).set_body_json(json!({"error": {"message": said}})))
        .mount(&upstream)
        .await;
    let gateway = crate::support::launch(crate::support::config(&upstream.uri())).await;
    let text = post(&gateway, GOOD).await.text().await.unwrap();
    assert!(text.contains("no route to http://[redacted]/v1"), "{text}");
}

#[tokio::test]
async fn good_answers_do_not_repeat_them_and_images_are_left_alone() {
    // The image's base64 happens to hold eight characters of the key.
    let key: String = UPSTREAM_KEY
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let image = &key[..12];
    let body = format!(r#"{{"data":[{{"b64_json":"{image}"}}],"note":"{UPSTREAM_KEY}"}}"#);
    let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
    let (gateway, _upstream) = in_front_of(answer).await;
    let text = post(&gateway, GOOD).await.text().await.unwrap();
    assert!(image.contains(part()));
    assert_eq!(
        text,
        format!(r#"{{"data":[{{"b64_json":"{image}"}}],"note":"[redacted]"}}"#)
    );
}

#[tokio::test]
async fn events_do_not_repeat_them() {
    let (_gateway, _upstream, mut call, response) = streamed().await;
    let event = |note: &str| {
        format!(
            "data: {{\"type\":\"image_generation.completed\",\"b64_json\":\"AAAA\",\"note\":\"{note}\"}}\n\n"
        )
    };
    send_chunk(&mut call, &format!(": {UPSTREAM_KEY}\n\n")).await;
    send_chunk(&mut call, &event(part())).await;
    drop(call);
    let expected = format!(": [redacted]\n\n{}", event("[redacted]"));
    assert_eq!(response.text().await.unwrap(), expected);
}

#[test]
fn settings_do_not_show_them() {
    let shown = format!("{:?}", crate::support::config("http://127.0.0.1:1"));
    assert!(
        !shown.contains(part()) && !shown.contains("key-openai"),
        "{shown}"
    );
}

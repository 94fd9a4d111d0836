//! `response_format: "url"`: images hosted by the gateway itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wiremock::ResponseTemplate;

use crate::support::{PNG, client, config, error_of, in_front_of, launch, post};

const ASKED: &str = r#"{"prompt":"x","response_format":"url"}"#;

fn answer(items: &str) -> ResponseTemplate {
    let body = format!(
        r#"{{"created":1779912000,"data":[{items}],"usage":{{"rate":1.50,"total":12345678901234567890123}}}}"#
    );
    ResponseTemplate::new(200).set_body_raw(body, "application/json")
}

#[tokio::test]
async fn links_stand_where_the_base64_stood() {
    let webp = STANDARD.encode(b"RIFF\x04\x00\x00\x00WEBP");
    let jpeg = STANDARD.encode(b"\xff\xd8\xff\xe0");
    let items = format!(
        r#"{{"b64_json":"{PNG}","revised_prompt":"\u00e9"}},{{"b64_json":"{webp}"}},{{"b64_json":"{jpeg}"}},{{"url":"https://elsewhere/a.png"}}"#
    );
    let (gateway, upstream) = in_front_of(answer(&items)).await;
    let text = post(&gateway, ASKED).await.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    let links: Vec<_> = (0..4)
        .map(|at| body["data"][at]["url"].as_str().unwrap())
        .collect();
    let expected = format!(
        r#"{{"created":1779912000,"data":[{{"url":"{}","revised_prompt":"\u00e9"}},{{"url":"{}"}},{{"url":"{}"}},{{"url":"https://elsewhere/a.png"}}],"usage":{{"rate":1.50,"total":12345678901234567890123}}}}"#,
        links[0], links[1], links[2]
    );
    assert_eq!(text, expected);
    for (link, base64, extension) in [
        (links[0], PNG, "png"),
        (links[1], &webp, "webp"),
        (links[2], &jpeg, "jpeg"),
    ] {
        assert!(
            link.starts_with(&format!("{}/files/", gateway.url()))
                && link.ends_with(&format!(".{extension}"))
        );
        let file = client().get(link).send().await.unwrap();
        assert_eq!(file.status(), 200);
        assert_eq!(file.headers()["content-type"], format!("image/{extension}"));
        assert_eq!(STANDARD.encode(file.bytes().await.unwrap()), base64);
    }
    let request = &upstream.received_requests().await.unwrap()[0];
    assert!(!String::from_utf8_lossy(&request.body).contains("response_format"));
}

#[tokio::test]
async fn links_begin_with_the_public_address() {
    let (_gateway, upstream) = in_front_of(answer(&format!(r#"{{"b64_json":"{PNG}"}}"#))).await;
    let mut public = config(&upstream.uri());
    public.public_url = Some("https://images.example/gateway/".parse().unwrap());
    let gateway = launch(public).await;
    let text = post(&gateway, ASKED).await.text().await.unwrap();
    assert!(
        text.contains("\"url\":\"https://images.example/gateway/files/"),
        "{text}"
    );
}

#[tokio::test]
async fn what_cannot_be_hosted_is_a_bad_gateway() {
    for items in [
        r#"{"b64_json":"not base64!"}"#,
        r#"{"b64_json":"R0lGODlh"}"#,
    ] {
        let (gateway, _upstream) = in_front_of(answer(items)).await;
        let (status, error) = error_of(post(&gateway, ASKED).await).await;
        assert_eq!(
            (status, error["type"].as_str()),
            (502, Some("upstream_error"))
        );
    }
}

#[tokio::test]
async fn a_file_has_one_name() {
    let (gateway, _upstream) = in_front_of(answer(&format!(r#"{{"b64_json":"{PNG}"}}"#))).await;
    let body: Value =
        serde_json::from_str(&post(&gateway, ASKED).await.text().await.unwrap()).unwrap();
    let link = body["data"][0]["url"].as_str().unwrap();
    for wrong in [
        link.replace(".png", ".jpeg"),
        link.replace(".png", ""),
        format!("{}/files/%ff", gateway.url()),
    ] {
        let response = client().get(&wrong).send().await.unwrap();
        assert_eq!(error_of(response).await.0, 404, "{wrong}");
    }
    let wrong_method = client().delete(link).send().await.unwrap();
    assert_eq!(wrong_method.headers()["allow"], "GET,HEAD");
    assert_eq!(error_of(wrong_method).await.0, 405);
}

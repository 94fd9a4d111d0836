//! What else a step can say: saved values, fetched addresses, parallel copies, headers, chunks, hanging up.

use serde_json::{Value, json};

use crate::gateway::{Manner, Rig};
use crate::{checks, generation, response};

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_image_is_the_input_of_the_next_step() {
    let rig = Rig::start(Manner::Right).await;
    let case = |input: &str| {
        json!({
            "summary": "what was made is edited",
            "steps": [
                { "request": generation(), "upstream": { "answers": ["ok"] },
                  "expect": response(json!({ "status": 200 })),
                  "save": { "first": "image:0", "kind": "header:content-type" } },
                { "request": { "operation": "images.edits", "headers": { "x-kind": "${kind}" }, "multipart": [
                      { "name": "model", "text": "${models.image}" }, { "name": "prompt", "text": "${prompt}" },
                      { "name": "image", "file": input } ] },
                  "upstream": { "answers": ["ok"] },
                  "expect": {
                      "response": [{ "requirement": "house.one", "status": 200 }],
                      "upstream": [{ "requirement": "house.one", "input_images": ["${first}"] }] } }
            ]
        })
    };
    let said = rig.one(&case("${first}")).await;
    assert_eq!(said.code, 0, "{}", said.text);
    let edits = rig.seen("/v1/images/edits");
    assert!(
        edits[0].headers["x-kind"]
            .as_bytes()
            .starts_with(b"application/json")
    );
    let said = rig.one(&case("wide.png")).await;
    assert_eq!(
        checks(&said.report, "fail"),
        ["2:upstream.input_images"],
        "{}",
        said.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_missing_makes_the_next_step_untestable() {
    let rig = Rig::start(Manner::Right).await;
    let said = rig
        .one(&json!({
            "summary": "a link is followed",
            "steps": [
                { "request": generation(), "expect": response(json!({ "status": 200 })),
                  "save": { "link": "json:/data/0/url" } },
                { "request": { "url": "${link}" }, "expect": response(json!({ "status": 200 })) }
            ]
        }))
        .await;
    assert_eq!(said.code, 1, "{}", said.text);
    assert_eq!(said.report["cases"][0]["verdict"], "untestable");
    assert!(
        said.text.contains("the answer has no json:/data/0/url"),
        "{}",
        said.text
    );
}

/// A case whose second step fetches this address.
fn fetching(url: &str) -> Value {
    json!({
        "summary": "a link is followed",
        "steps": [
            { "request": generation(), "expect": response(json!({ "status": 200 })) },
            { "request": { "url": url, "headers": { "X-Mine": "yes" } },
              "expect": response(json!({ "status": 404 })) }
        ]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_fetched_without_credentials_and_not_from_strangers() {
    let rig = Rig::start(Manner::Right).await;
    let said = rig.one(&fetching("${target}/files/none.png")).await;
    assert_eq!(said.code, 0, "{}", said.text);
    let seen = &rig.seen("/files/")[0];
    assert!(!seen.headers.contains_key("authorization"));
    assert_eq!(seen.headers["x-mine"], "yes");
    assert!(
        rig.seen("/v1/images/generations")[0]
            .headers
            .contains_key("authorization")
    );

    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let url = format!("http://{}/files/a.png", stranger.local_addr().unwrap());
    let said = rig.one(&fetching(&url)).await;
    assert_eq!(said.code, 1, "{}", said.text);
    assert_eq!(said.report["cases"][0]["verdict"], "untestable");
    assert!(
        said.text
            .contains("neither of the target's nor of the mock's origin"),
        "{}",
        said.text
    );
    assert!(stranger.accept().is_err(), "a stranger was called");
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_copies_are_judged_each_by_its_own_token() {
    let rig = Rig::start(Manner::Right).await;
    let case = |prompt: &str| {
        json!({
            "summary": "each copy gets its own",
            "request": generation(),
            "parallel": 4,
            "upstream": { "answers": ["ok"] },
            "expect": {
                "response": [{ "requirement": "house.one", "status": 200, "images": { "count": 1 } }],
                "upstream": [{ "requirement": "house.one", "calls": 1, "body": { "/prompt": prompt } }]
            }
        })
    };
    let said = rig.one(&case("${prompt}")).await;
    assert_eq!(said.code, 0, "{}", said.text);
    assert_eq!(rig.seen("/v1/images/generations").len(), 4);
    assert_eq!(said.report["money"]["asked"], 4);
    let said = rig.one(&case("another")).await;
    assert_eq!(
        checks(&said.report, "fail"),
        ["upstream.body:/prompt"],
        "{}",
        said.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_added_replaced_and_left_out() {
    let rig = Rig::start(Manner::Right).await;
    let mut request = generation();
    request["headers"] = json!({ "Authorization": null, "X-Trace": "a", "content-type": "application/json; charset=utf-8" });
    let case = json!({ "summary": "headers are as stated", "request": request, "expect": response(json!({ "status": 200 })) });
    let said = rig.one(&case).await;
    assert_eq!(said.code, 0, "{}", said.text);
    let headers = &rig.seen("/v1/images/generations")[0].headers;
    assert!(!headers.contains_key("authorization"));
    assert_eq!(headers["x-trace"], "a");
    assert_eq!(headers.get_all("content-type").iter().count(), 1);
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert!(headers.contains_key("content-length"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_has_no_length_and_arrives_whole() {
    let rig = Rig::start(Manner::Right).await;
    let mut request = generation();
    request["chunked"] = json!(true);
    request["query"] = json!({ "trace": "a b" });
    let said = rig
        .one(&json!({
            "summary": "a chunked body is one, too",
            "request": request,
            "expect": {
                "response": [{ "requirement": "house.one", "status": 200 }],
                "upstream": [{ "requirement": "house.one", "body": { "/prompt": "${prompt}" } }]
            }
        }))
        .await;
    assert_eq!(said.code, 0, "{}", said.text);
    let seen = &rig.seen("/v1/images/generations")[0];
    assert_eq!(seen.path, "/v1/images/generations?trace=a%20b");
    assert_eq!(seen.headers["transfer-encoding"], "chunked");
    assert!(!seen.headers.contains_key("content-length"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_reaches_the_provider() {
    let rig = Rig::start(Manner::Right).await;
    let stream = json!({ "operation": "images.generations", "body": {
        "model": "${models.image}", "prompt": "${prompt}", "quality": "low", "stream": true, "partial_images": 2
    } });
    let places = [
        (
            json!("upstream"),
            generation(),
            json!({ "before_head": true }),
        ),
        (
            json!("headers"),
            stream.clone(),
            json!({ "before_event": 0 }),
        ),
        (json!({ "event": 1 }), stream, json!({ "before_event": 1 })),
    ];
    for (after, request, hold) in places {
        let said = rig
            .one(&json!({
                "summary": "who leaves is not paid for",
                "request": request,
                "disconnect": { "after": after },
                "upstream": { "answers": [{ "do": "ok", "hold": [hold] }] },
                "expect": { "upstream": [{ "requirement": "house.one", "peer_gone": true }] }
            }))
            .await;
        assert_eq!(said.code, 0, "{after}: {}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mock_nobody_can_hang_up_when_the_call_arrives() {
    let rig = Rig::start(Manner::Right).await;
    rig.case(
        "one",
        &json!({
            "summary": "who leaves is not served",
            "request": generation(),
            "disconnect": { "after": "upstream" },
            "expect": response(json!({ "status": 200 }))
        }),
    );
    let said = rig.run_with(&["--no-upstream", "--allow-paid"]).await;
    assert_eq!(said.code, 4, "{}", said.text);
    assert!(
        said.text.contains("it needs a mock upstream"),
        "{}",
        said.text
    );
}

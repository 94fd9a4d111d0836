//! Bounds and manners of the connection itself.

use std::io::ErrorKind;

use mock_server::MockServer;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{GENERATIONS, KEY, Reply, TOKEN, running, small, start, start_with};

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_the_front() {
    let mock = start_with(|settings| settings.max_body = 1000).await;
    let fits = mock.generate(&small(&"x".repeat(900))).await;
    assert_eq!(fits.status, 200);
    // Many times what sockets buffer: the client is still sending when the limit is passed.
    for (length, key) in [(1000, KEY), (30_000_000, KEY), (1000, "invalid")] {
        let request = mock.request(Method::POST, GENERATIONS).bearer_auth(key);
        let reply = Reply::of(request.body(small(&"x".repeat(length)).to_string())).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (413, Some("text/html"))
        );
        assert!(
            reply
                .text()
                .contains("<title>413 Request Entity Too Large</title>")
        );
        assert_eq!(reply.header("openai-organization"), None);
        let answer = mock.last_entry().await.answer.unwrap();
        assert_eq!(
            (answer.status, answer.summary.condition.as_str()),
            (413, "body-too-large")
        );
    }
}

#[tokio::test]
async fn who_asks_first_need_not_send_too_much() {
    let mock = start_with(|settings| settings.max_body = 1000).await;
    let mut raw = mock.raw().await;
    let head = format!(
        "POST {GENERATIONS} HTTP/1.1\r\nhost: mock\r\nexpect: 100-continue\r\ncontent-length: 5000\r\n\r\n"
    );
    raw.0.write_all(head.as_bytes()).await.unwrap();
    let (head, _) = raw.read_to_end().await.parts();
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
}

#[tokio::test]
async fn the_control_api_does_not_suffer_from_a_small_limit() {
    let mock = start_with(|settings| settings.max_body = 10).await;
    mock.script(&json!(vec!["ok"; 500])).await;
    let path = format!("/_mock/scripts/{TOKEN}");
    let reply = mock
        .put(&path, &json!({ "answers": ["x".repeat(1 << 20)] }))
        .await;
    assert_eq!(
        (reply.status, reply.json()),
        (413, json!({ "error": "the body is too large" }))
    );
}

#[tokio::test]
async fn a_connection_goes_on_after_errors() {
    let mock = start().await;
    let mut raw = mock.raw().await;
    let key = format!("authorization: Bearer {KEY}\r\n");
    for (method, path, body, status) in [
        ("POST", GENERATIONS, "{", 400),
        ("GET", "/v1/nothing", "", 404),
        (
            "POST",
            GENERATIONS,
            r#"{"prompt":"a [[mock:rate-limit]]"}"#,
            429,
        ),
        ("HEAD", GENERATIONS, "", 405),
        (
            "POST",
            GENERATIONS,
            r#"{"prompt":"a [[mock:no-image]]"}"#,
            200,
        ),
    ] {
        raw.send(method, path, &key, body).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(raw.0.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length = if method == "HEAD" {
            0
        } else {
            length.unwrap().parse().unwrap()
        };
        raw.0.read_exact(&mut vec![0; length]).await.unwrap();
    }
}

#[tokio::test]
async fn odd_heads_are_answered() {
    let mock = start().await;
    for request in [
        b"POST /v1/images/generations HTTP/1.1\r\nhost: \xff\xfe\r\nauthorization: Bearer \xe9\xff\r\nx-mock-scenario: \xff\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}".as_slice(),
        b"GET /v1/images/%67enerations?%ff=%&= HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"GET http://a/files/%2e%2e.png HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"POST /v1/images/generations HTTP/1.0\r\nauthorization: Bearer k\r\ncontent-length: 1\r\n\r\n[",
        b"FROB /_mock/scripts/\xc3\xa9 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"nonsense\r\n\r\n",
    ] {
        let mut raw = mock.raw().await;
        raw.0.write_all(request).await.unwrap();
        let ended = raw.read_to_end().await;
        let (head, _) = ended.parts();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!((400..500).contains(&status), "{head}");
    }
    assert_eq!(mock.get("/_mock/health").await.status, 200);
}

#[tokio::test]
async fn chunked_uploads_are_taken() {
    let mock = start().await;
    let mut raw = mock.raw().await;
    let body = r#"{"prompt":"a [[mock:quota]]"}"#;
    let (first, rest) = body.split_at(5);
    let request = format!(
        "POST {GENERATIONS} HTTP/1.1\r\nhost: mock\r\nauthorization: Bearer k\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        rest.len()
    );
    raw.0.write_all(request.as_bytes()).await.unwrap();
    let (head, _) = raw.read_to_end().await.parts();
    assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
}

#[tokio::test]
async fn shutdown_lets_open_answers_end_and_takes_no_more() {
    let mock = start().await;
    mock.script(&json!([{ "do": "ok", "hold": [{ "before_head": true }] }]))
        .await;
    let raw = mock
        .raw_generate(&small(&format!("a fox [[case:{TOKEN}]]")))
        .await;
    let idle = mock.raw().await;
    mock.entry_when(|entry| !entry.holds.is_empty()).await;
    mock.release().await;
    let address = mock
        .server
        .url()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let (ended, ()) = tokio::join!(raw.read_to_end(), mock.server.shutdown());
    assert_eq!(ended.parts().1.len(), ended.content_length());
    assert!(idle.read_to_end().await.bytes.is_empty());
    let refused = tokio::net::TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let mock = running(MockServer::start().await.unwrap());
    let hanging = mock.raw_generate(&small("a fox [[mock:hang]]")).await;
    mock.last_entry().await;
    drop(mock);
    let ended = hanging.read_to_end().await;
    assert!(ended.bytes.is_empty());
}

#[tokio::test]
async fn a_scenario_that_cannot_be_used_is_no_start() {
    let error = MockServer::builder().scenario("oj").start().await;
    let error = error.err().unwrap().to_string();
    assert!(
        error.starts_with("unknown scenario 'oj': did you mean 'ok'"),
        "{error}"
    );
}

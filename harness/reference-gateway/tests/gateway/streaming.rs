//! Streams: each event as soon as it is complete, and always a proper end.

use std::time::Duration;

use reqwest::Response;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{
    BareUpstream, UPSTREAM_KEY, begin_stream, config, end_stream, error_of, in_front_of, launch,
    post, send_chunk, streamed,
};

const PARTIAL: &str = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"QUJD\",\"partial_image_index\":0}\n\n";
const COMPLETED: &str = "event: image_generation.completed\r\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"QUJD\"}\r\n\r\n";
const INTERRUPTED: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"Upstream stream ended before the image was complete\",\"type\":\"upstream_error\",\"param\":null,\"code\":\"upstream_stream_interrupted\"}}\n\n";

/// Reads so many bytes and no more, as they must be there without anything further from upstream.
async fn read(response: &mut Response, expected: &str) {
    let mut got = Vec::new();
    while got.len() < expected.len() {
        got.extend_from_slice(&response.chunk().await.unwrap().unwrap());
    }
    assert_eq!(String::from_utf8(got).unwrap(), expected);
}

#[tokio::test]
async fn each_event_comes_before_the_next_is_sent() {
    let (_gateway, _upstream, mut call, mut response) = streamed().await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert_eq!(response.headers()["x-request-id"], "req_1");
    assert!(!response.headers().contains_key("set-cookie"));
    send_chunk(&mut call, ": keepalive\n\n").await;
    read(&mut response, ": keepalive\n\n").await;
    let (first, second) = PARTIAL.split_at(70);
    send_chunk(&mut call, first).await;
    send_chunk(&mut call, second).await;
    read(&mut response, PARTIAL).await;
    send_chunk(&mut call, COMPLETED).await;
    read(&mut response, COMPLETED).await;
    end_stream(&mut call).await;
    assert_eq!(response.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn several_events_in_one_piece_all_come() {
    let (_gateway, _upstream, mut call, response) = streamed().await;
    let all = format!("{PARTIAL}{PARTIAL}{COMPLETED}data: [DONE]\n\n");
    send_chunk(&mut call, &all).await;
    end_stream(&mut call).await;
    assert_eq!(response.text().await.unwrap(), all);
}

#[tokio::test]
async fn after_the_image_nothing_follows_but_the_end_marker() {
    for (after, passed) in [
        (PARTIAL, ""),
        (COMPLETED, ""),
        ("event: error\ndata: {\"error\":{}}\n\n", ""),
        ("data: not json\n\n", ""),
        (
            "data: [DONE]\n\n: late\n\ndata: [DONE]\n\n",
            "data: [DONE]\n\n",
        ),
    ] {
        let (_gateway, _upstream, mut call, response) = streamed().await;
        send_chunk(&mut call, &format!("{COMPLETED}{after}")).await;
        end_stream(&mut call).await;
        assert_eq!(
            response.text().await.unwrap(),
            format!("{COMPLETED}{passed}"),
            "{after}"
        );
    }
}

#[tokio::test]
async fn a_reset_after_the_image_does_no_harm() {
    let (_gateway, _upstream, mut call, mut response) = streamed().await;
    send_chunk(&mut call, COMPLETED).await;
    read(&mut response, COMPLETED).await;
    drop(call);
    assert_eq!(response.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_stream_that_stays_open_after_the_image_is_ended() {
    let (_gateway, _upstream, mut call, response) = streamed().await;
    send_chunk(&mut call, COMPLETED).await;
    assert_eq!(response.text().await.unwrap(), COMPLETED);
    assert_eq!(call.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_stream_without_an_end_gets_one() {
    enum End {
        Clean,
        Cut,
    }
    for (sent, passed, end) in [
        (PARTIAL, PARTIAL, End::Cut),
        (PARTIAL, PARTIAL, End::Clean),
        ("", "", End::Clean),
        ("data: {\"type\":\"image_gen", "", End::Cut),
        ("data: {\"type\":\"image_gen", "", End::Clean),
        ("data: not json\n\n", "", End::Clean),
        ("data: [DONE]\n\n", "", End::Clean),
        (
            "data: {\"type\":\"image_generation.completed\"}\n\n",
            "",
            End::Clean,
        ),
    ] {
        let (_gateway, _upstream, mut call, response) = streamed().await;
        if !sent.is_empty() {
            send_chunk(&mut call, sent).await;
        }
        if matches!(end, End::Clean) {
            end_stream(&mut call).await;
        }
        drop(call);
        assert_eq!(
            response.text().await.unwrap(),
            format!("{passed}{INTERRUPTED}"),
            "{sent}"
        );
    }
}

#[tokio::test]
async fn a_last_event_without_its_blank_line_counts_if_it_is_whole() {
    let (_gateway, _upstream, mut call, response) = streamed().await;
    send_chunk(&mut call, COMPLETED.trim_end()).await;
    end_stream(&mut call).await;
    let text = response.text().await.unwrap();
    assert_eq!(text.trim_end(), COMPLETED.trim_end());
    assert!(text.ends_with("\n\n"));
}

#[tokio::test]
async fn an_error_event_is_passed_on_and_ends_the_stream() {
    let (_gateway, _upstream, mut call, response) = streamed().await;
    let error = |text: &str| {
        format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"message\":\"{text}\",\"code\":\"c\"}}}}\n\n"
        )
    };
    send_chunk(&mut call, PARTIAL).await;
    send_chunk(
        &mut call,
        &error(&format!("key {UPSTREAM_KEY} of org-abcd1234")),
    )
    .await;
    send_chunk(&mut call, PARTIAL).await;
    let expected = format!("{PARTIAL}{}", error("key [redacted] of [redacted]"));
    assert_eq!(response.text().await.unwrap(), expected);
}

#[tokio::test]
async fn silence_ends_a_stream_with_an_error() {
    let mut upstream = BareUpstream::start().await;
    let mut hasty = config(&upstream.url);
    hasty.limits.answer = Duration::from_secs(2);
    let gateway = launch(hasty).await;
    let upstream_side = async {
        let mut call = upstream.call().await;
        begin_stream(&mut call).await;
        call
    };
    let (response, _open) = tokio::join!(
        post(&gateway, r#"{"prompt":"x","stream":true}"#),
        upstream_side
    );
    let text = response.text().await.unwrap();
    assert!(
        text.starts_with("event: error\n") && text.contains("upstream_stream_interrupted"),
        "{text}"
    );
}

#[tokio::test]
async fn an_endless_event_ends_a_stream_with_an_error() {
    let mut upstream = BareUpstream::start().await;
    let mut small = config(&upstream.url);
    small.limits.event = 1000;
    let gateway = launch(small).await;
    let upstream_side = async {
        let mut call = upstream.call().await;
        begin_stream(&mut call).await;
        send_chunk(&mut call, &format!("data: {}", "x".repeat(1000))).await;
        call
    };
    let (response, _open) = tokio::join!(
        post(&gateway, r#"{"prompt":"x","stream":true}"#),
        upstream_side
    );
    assert!(response.text().await.unwrap().contains("too large"));
}

#[tokio::test]
async fn an_error_before_the_stream_is_an_ordinary_one() {
    let refusal =
        serde_json::json!({"error": {"message": "m", "type": "t", "param": "n", "code": "c"}});
    let (gateway, _upstream) =
        in_front_of(wiremock::ResponseTemplate::new(400).set_body_json(refusal)).await;
    let (status, error) =
        error_of(post(&gateway, r#"{"prompt":"x","stream":true,"n":2}"#).await).await;
    assert_eq!((status, error["param"].as_str()), (400, Some("n")));
}

/// The upstream's connection ends, in whatever way.
async fn is_gone(mut call: TcpStream) {
    while call.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
}

#[tokio::test]
async fn a_client_that_goes_takes_the_upstream_call_with_it() {
    let (_gateway, _upstream, mut call, mut response) = streamed().await;
    send_chunk(&mut call, PARTIAL).await;
    read(&mut response, PARTIAL).await;
    drop(response);
    is_gone(call).await;

    let mut upstream = BareUpstream::start().await;
    let gateway = launch(config(&upstream.url)).await;
    let url = gateway.url().to_owned();
    let request = tokio::spawn(async move {
        let gateway = gateway;
        let _ = post(&gateway, r#"{"prompt":"x"}"#).await;
    });
    let call = upstream.call().await;
    request.abort();
    is_gone(call).await;
    drop(url);
}

#[tokio::test]
async fn a_shutdown_lets_a_stream_end() {
    let (gateway, _upstream, mut call, response) = streamed().await;
    let url = gateway.url().to_owned();
    let gateway = std::sync::Arc::into_inner(gateway).unwrap();
    let shutdown = tokio::spawn(gateway.shutdown());
    // The listener is closed first: only then is the rest sent.
    let address = url.strip_prefix("http://").unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    send_chunk(&mut call, COMPLETED).await;
    end_stream(&mut call).await;
    assert_eq!(response.text().await.unwrap(), COMPLETED);
    shutdown.await.unwrap();
}

//! Faults, as they are on the wire.

use std::io::ErrorKind;

use serde_json::{Value, json};

use crate::support::{Ended, Mock, Picture, events, small, start, streamed};

async fn ended(mock: &Mock, body: &Value) -> Ended {
    mock.raw_generate(body).await.read_to_end().await
}

fn told(fault: &str) -> String {
    format!("a fox [[mock:{fault}]]")
}

#[tokio::test]
async fn reset_is_an_rst_before_any_byte() {
    let mock = start().await;
    for body in [
        small(&told("reset")),
        streamed(&told("reset"), 2),
        small(&told("reset,delay=1ms")),
    ] {
        let ended = ended(&mock, &body).await;
        assert_eq!(
            (ended.bytes.len(), ended.error),
            (0, Some(ErrorKind::ConnectionReset))
        );
        let entry = mock.entry_when(|entry| entry.stamps.end.is_some()).await;
        assert_eq!((entry.stamps.head, entry.stamps.peer_gone), (None, None));
    }
}

#[tokio::test]
async fn cut_after_closes_the_connection_without_an_answer_and_lets_streams_pass() {
    let mock = start().await;
    let ended = ended(&mock, &small(&told("cut-after=1ms"))).await;
    assert_eq!((ended.bytes.len(), ended.error), (0, None));
    let stream = mock.generate(&streamed(&told("cut-after=1ms"), 2)).await;
    assert_eq!(events(stream.text()).len(), 3);
}

#[tokio::test]
async fn truncate_ends_early_under_the_whole_length() {
    let mock = start().await;
    let whole = ended(&mock, &small("a fox")).await.content_length();
    for (fault, kept) in [
        ("truncate", whole / 2),
        ("truncate=0", 0),
        ("truncate=100", 100),
        ("truncate=999999999", whole - 1),
    ] {
        let ended = ended(&mock, &small(&told(fault))).await;
        let (head, body) = ended.parts();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        // Ids of other requests take as many bytes.
        assert_eq!(
            (ended.content_length(), body.len()),
            (whole, kept),
            "{fault}"
        );
        assert_eq!(ended.error, None);
    }
}

#[tokio::test]
async fn a_truncated_answer_arrives_as_far_as_it_goes_however_large_it_is() {
    let mock = crate::support::start_with(|settings| settings.image_bytes = Some(8_000_000)).await;
    let ended = ended(&mock, &small(&told("truncate=10000000"))).await;
    assert_eq!(ended.parts().1.len(), 10_000_000);
}

#[tokio::test]
async fn a_truncated_stream_has_no_proper_end() {
    let mock = start().await;
    let whole = ended(&mock, &streamed("a fox", 1)).await.chunks().0;
    let fault = format!("truncate={}", whole[0].len() + 10);
    let ended = ended(&mock, &streamed(&told(&fault), 1)).await;
    let (chunks, proper) = ended.chunks();
    assert!(!proper && ended.error.is_none());
    assert_eq!(chunks[0].len(), whole[0].len());
    assert_eq!(chunks[1], whole[1][..10]);
    let entry = mock.last_entry().await;
    assert_eq!(entry.stamps.events.len(), 1, "half an event is none");
}

#[tokio::test]
async fn stream_reset_delivers_the_first_event_and_then_resets() {
    let mock = start().await;
    for (fault, partials, delivered) in [
        ("stream-reset", 2, 1),
        ("stream-reset=2", 2, 2),
        ("stream-reset=0", 2, 0),
        ("stream-reset=9", 2, 2),
        ("stream-reset", 0, 0),
    ] {
        let ended = ended(&mock, &streamed(&told(fault), partials)).await;
        assert_eq!(ended.error, Some(ErrorKind::ConnectionReset), "{fault}");
        let (chunks, proper) = ended.chunks();
        assert!(!proper);
        assert_eq!(chunks.len(), delivered, "{fault}");
        for chunk in chunks {
            assert_eq!(events(&chunk)[0].0, "image_generation.partial_image");
        }
    }
}

#[tokio::test]
async fn malformed_json_is_well_framed() {
    let mock = start().await;
    let reply = mock.generate(&small(&told("malformed-json"))).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/json"))
    );
    assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
    let error = mock
        .generate(&small(&told("server-error,malformed-json")))
        .await;
    assert_eq!(error.status, 500);
    assert!(serde_json::from_slice::<Value>(&error.body).is_err());

    let (chunks, proper) = ended(&mock, &streamed(&told("malformed-json"), 1))
        .await
        .chunks();
    assert!(proper);
    assert_eq!(events(&chunks[0]).len(), 1);
    let data = chunks[1]
        .strip_prefix("event: image_generation.completed\ndata: ")
        .unwrap();
    assert!(data.ends_with("\n\n"));
    assert!(serde_json::from_str::<Value>(data).is_err());
    let summary = mock.last_entry().await.answer.unwrap().summary;
    assert_eq!(summary.images.len(), 1, "it was made all the same");
}

#[tokio::test]
async fn html_error_is_the_page_of_a_proxy() {
    let mock = start().await;
    for (fault, status, title) in [
        ("html-error", 502, "502 Bad Gateway"),
        ("html-error=503", 503, "503 Service Unavailable"),
        ("html-error=599", 599, "599 Error"),
    ] {
        for body in [small(&told(fault)), streamed(&told(fault), 1)] {
            let reply = mock.generate(&body).await;
            assert_eq!(
                (reply.status, reply.header("content-type")),
                (status, Some("text/html"))
            );
            assert!(
                reply.text().contains(&format!("<title>{title}</title>")),
                "{}",
                reply.text()
            );
            assert_eq!(
                reply.header("x-request-id"),
                None,
                "the API was not reached"
            );
            let summary = mock.last_entry().await.answer.unwrap().summary;
            assert_eq!(
                (summary.condition.as_str(), summary.images.len()),
                ("html-error", 0)
            );
        }
    }
}

#[tokio::test]
async fn wrong_content_length_promises_one_byte_more() {
    let mock = start().await;
    let whole = ended(&mock, &small("a fox")).await.content_length();
    let ended = ended(&mock, &small(&told("wrong-content-length"))).await;
    let (_, body) = ended.parts();
    assert_eq!((ended.content_length(), body.len()), (whole + 1, whole));
    assert!(serde_json::from_slice::<Value>(body).is_ok());
    assert_eq!(ended.error, None);
}

#[tokio::test]
async fn stream_error_takes_the_place_of_the_last_event() {
    let mock = start().await;
    for (fault, kind, code) in [
        ("stream-error", "server_error", json!(null)),
        (
            "stream-error=generation-failed",
            "image_generation_server_error",
            json!("image_generation_failed"),
        ),
        (
            "stream-error=rate_limit",
            "input-images",
            json!("rate_limit_exceeded"),
        ),
        ("stream-error=no-image", "server_error", json!(null)),
    ] {
        let reply = mock.generate(&streamed(&told(fault), 2)).await;
        assert_eq!(reply.status, 200);
        let events = events(reply.text());
        let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
        let partial = "image_generation.partial_image";
        assert_eq!(names, [partial, partial, "error"], "{fault}");
        let data = &events[2].1;
        assert_eq!(crate::support::names(data), ["type", "error"]);
        assert_eq!(data["type"], "error");
        assert_eq!(
            (&data["error"]["type"], &data["error"]["code"]),
            (&json!(kind), &code)
        );
        assert!(data["error"]["message"].is_string());
    }
    let (chunks, proper) = ended(&mock, &streamed(&told("stream-error"), 0))
        .await
        .chunks();
    assert!(proper);
    assert_eq!(events(&chunks[0])[0].0, "error");
    let json = mock.generate(&small(&told("stream-error"))).await;
    assert_eq!(json.status, 200, "there is no stream to fail");
}

#[tokio::test]
async fn values_are_checked() {
    let mock = start().await;
    for (fault, expected) in [
        ("delay", "a duration up to ten minutes"),
        ("delay=soon", "a duration up to ten minutes"),
        ("delay=11m", "a duration up to ten minutes"),
        ("html-error=200", "a status from 400 to 599"),
        ("truncate=-1", "a whole number"),
        ("stream-reset=x", "a whole number"),
        ("stream-error=nobody", "the id of a condition"),
        ("hang=1", "no value"),
        ("reset*0", "is no count"),
        ("server-error,quota", "cannot stand together"),
        ("rate-limit;x", "is no key=value"),
    ] {
        let (status, error) = mock.generate(&small(&told(fault))).await.error();
        let message = error["message"].as_str().unwrap();
        assert_eq!(status, 400, "{fault}");
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn a_delayed_answer_comes_behind_a_later_one() {
    let mock = start().await;
    let delayed = mock.raw_generate(&small(&told("delay=10m"))).await;
    let first = mock.last_entry().await;
    assert_eq!(mock.generate(&small("a cat")).await.status, 200);
    let page = mock.journal(&format!("after={}", first.seq - 1)).await;
    let heads: Vec<_> = page
        .entries
        .iter()
        .map(|entry| entry.stamps.head.is_some())
        .collect();
    assert_eq!(heads, [false, true]);
    drop(delayed);
    let reply = mock.generate(&small(&told("delay=1ms"))).await;
    assert_eq!(reply.images().len(), 1);
}

#[tokio::test]
async fn hang_lasts_until_the_client_goes() {
    let mock = start().await;
    let hanging = mock.raw_generate(&small(&told("hang"))).await;
    let entry = mock.entry_when(|entry| entry.answer.is_some()).await;
    assert_eq!((entry.stamps.head, entry.stamps.peer_gone), (None, None));
    drop(hanging);
    let entry = mock
        .entry_when(|entry| entry.stamps.peer_gone.is_some())
        .await;
    assert_eq!((entry.stamps.head, entry.stamps.end), (None, None));
}

#[tokio::test]
async fn faults_stand_together_and_end_with_their_count() {
    let mock = start().await;
    let prompt = told("delay=1ms,truncate=10*1");
    let first = ended(&mock, &small(&prompt)).await;
    assert_eq!(first.parts().1.len(), 10);
    let second = mock.generate(&small(&prompt)).await;
    assert_eq!(second.images().len(), 1);
    assert_eq!(
        mock.last_entry().await.scenario.unwrap().applied,
        "delay=1ms"
    );
    let whole = events(mock.generate(&streamed("a fox", 0)).await.text());
    assert_eq!(
        Picture::of_base64(&whole[0].1["b64_json"]).size(),
        (1024, 1024)
    );
}

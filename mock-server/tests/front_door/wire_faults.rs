//! Faults of framing and pace, byte by byte.

use std::io::{ErrorKind, Read as _};

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::support::{Ended, Mock, events, small, start, streamed};

async fn ended(mock: &Mock, body: &Value) -> Ended {
    mock.raw_generate(body).await.read_to_end().await
}

fn told(fault: &str) -> String {
    format!("a fox [[mock:{fault}]]")
}

#[tokio::test]
async fn bad_chunk_breaks_the_framing_and_nothing_else() {
    let mock = start().await;
    for body in [
        small(&told("bad-chunk")),
        streamed(&told("bad-chunk"), 1),
        small(&told("server-error,bad-chunk")),
    ] {
        let ended = ended(&mock, &body).await;
        let (head, bytes) = ended.parts();
        assert!(
            head.contains("\r\ntransfer-encoding: chunked\r\n"),
            "{head}"
        );
        assert!(!head.contains("content-length"), "{head}");
        let text = std::str::from_utf8(bytes).unwrap();
        let (good, bad) = text.split_once("\r\nnot-a-size\r\n").unwrap();
        let (size, chunk) = good.split_once("\r\n").unwrap();
        assert_eq!(usize::from_str_radix(size, 16).unwrap(), chunk.len());
        assert!(bad.ends_with("\r\n0\r\n\r\n"), "{bad}");
        assert_eq!(ended.error, None);
        let error = mock.post(&body).send().await.unwrap().bytes().await;
        assert!(error.is_err(), "a client cannot read on");
    }
    let first = ended(&mock, &streamed(&told("bad-chunk=1"), 2)).await;
    assert!(first.parts().1.starts_with(b"not-a-size\r\nevent: "));
}

#[tokio::test]
async fn body_reset_is_an_rst_inside_a_whole_body() {
    let mock = start().await;
    let whole = ended(&mock, &small("a fox")).await.content_length();
    for (fault, kept) in [("body-reset", whole / 2), ("body-reset=100", 100)] {
        let ended = ended(&mock, &small(&told(fault))).await;
        assert_eq!(ended.error, Some(ErrorKind::ConnectionReset));
        assert_eq!(
            (ended.content_length(), ended.parts().1.len()),
            (whole, kept)
        );
    }
}

#[tokio::test]
async fn gzip_is_announced_and_holds_the_same_answer() {
    let mock = start().await;
    let reply = mock.generate(&small(&told("gzip"))).await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    let mut decoder = GzDecoder::new(&reply.body[..]);
    decoder.read_to_string(&mut text).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["data"].as_array().unwrap().len(), 1);
    let reply = mock.generate(&streamed(&told("gzip"), 2)).await;
    let (mut text, mut decoder) = (String::new(), GzDecoder::new(&reply.body[..]));
    decoder.read_to_string(&mut text).unwrap();
    assert_eq!(events(&text).len(), 3);
    assert_eq!(mock.last_entry().await.stamps.events.len(), 3);
}

#[tokio::test]
async fn large_answers_say_the_same() {
    let mock = start().await;
    for (fault, size) in [("large", 30_000_000), ("large=5MB", 5_000_000)] {
        let reply = mock.generate(&small(&told(fault))).await;
        assert_eq!((reply.body.len(), reply.images().len()), (size, 1));
    }
    let reply = mock.generate(&streamed(&told("large=3000KB"), 1)).await;
    assert_eq!(reply.body.len(), 3_000_000);
    let names: Vec<_> = events(reply.text())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names[1], "image_generation.completed");
}

#[tokio::test]
async fn a_slow_first_byte_comes_behind_its_head() {
    let mock = start().await;
    for body in [
        small(&told("slow-first-byte=10m")),
        streamed(&told("slow-first-byte=10m"), 1),
    ] {
        let mut raw = mock.raw_generate(&body).await;
        assert_eq!(raw.read_body(0).await, b"");
        let entry = mock.entry_when(|entry| entry.stamps.head.is_some()).await;
        assert_eq!((entry.stamps.end, entry.stamps.events.len()), (None, 0));
        drop(raw);
        mock.entry_when(|entry| entry.stamps.peer_gone.is_some())
            .await;
    }
    let reply = mock.generate(&small(&told("slow-first-byte=1ms"))).await;
    assert_eq!(reply.images().len(), 1);
}

#[tokio::test]
async fn a_stall_delivers_the_beginning_and_lasts_until_the_client_goes() {
    let mock = start().await;
    let mut raw = mock.raw_generate(&small(&told("stall=100"))).await;
    assert_eq!(raw.read_body(100).await.len(), 100);
    let entry = mock.last_entry().await;
    assert_eq!((entry.stamps.end, entry.stamps.peer_gone), (None, None));
    drop(raw);
    mock.entry_when(|entry| entry.stamps.peer_gone.is_some())
        .await;
}

#[tokio::test]
async fn a_stalled_stream_delivers_its_first_events() {
    let mock = start().await;
    for (fault, delivered) in [
        ("stream-stall", 1),
        ("stream-stall=2", 2),
        ("stream-stall=9", 2),
    ] {
        let mut raw = mock.raw_generate(&streamed(&told(fault), 2)).await;
        raw.read_body(1).await;
        let entry = mock
            .entry_when(|entry| entry.stamps.events.len() == delivered)
            .await;
        assert_eq!((entry.stamps.end, entry.stamps.peer_gone), (None, None));
        drop(raw);
        let gone = mock
            .entry_when(|entry| entry.stamps.peer_gone.is_some())
            .await;
        assert_eq!(gone.stamps.events.len(), delivered, "{fault}");
    }
}

#[tokio::test]
async fn a_slow_stream_is_complete() {
    let mock = start().await;
    let reply = mock.generate(&streamed(&told("slow-stream=1ms"), 2)).await;
    assert_eq!(events(reply.text()).len(), 3);
    let reply = mock.generate(&small(&told("slow-stream=1ms"))).await;
    assert_eq!(reply.images().len(), 1);
    let mut raw = mock
        .raw_generate(&streamed(&told("slow-stream=10m"), 2))
        .await;
    raw.read_body(0).await;
    assert!(mock.last_entry().await.stamps.events.is_empty());
}

#[tokio::test]
async fn split_frames_cut_characters_and_lose_nothing() {
    let mock = start().await;
    let ended = ended(&mock, &streamed(&told("split-frames"), 1)).await;
    let (_, mut rest) = ended.parts();
    let (mut chunks, mut text) = (Vec::new(), Vec::new());
    loop {
        let line = rest
            .windows(2)
            .position(|window| window == b"\r\n")
            .unwrap();
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        chunks.push(&rest[line + 2..line + 2 + size]);
        text.extend(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 4 + size..];
    }
    assert!(chunks.len() > 10, "{}", chunks.len());
    let split = |chunk: &&[u8]| std::str::from_utf8(chunk).is_err();
    assert!(chunks.iter().any(split), "no character is cut");
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with(':'));
    let plain: String = lines.map(|line| format!("{line}\n")).collect();
    let names: Vec<_> = events(&plain).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 2);
    assert_eq!(mock.last_entry().await.stamps.events.len(), 2);
}

#[tokio::test]
async fn values_are_checked() {
    let mock = start().await;
    for (fault, expected) in [
        ("bad-chunk=0", "from 1"),
        ("large=1GB", "a size up to 256MB"),
        ("slow-stream=fast", "a duration"),
        ("slow-first-byte=11m", "a duration"),
        ("stall=x", "a whole number"),
        ("gzip=1", "no value"),
    ] {
        let (status, error) = mock.generate(&small(&told(fault))).await.error();
        let message = error["message"].as_str().unwrap();
        assert_eq!(
            (status, message.contains(expected)),
            (400, true),
            "{message}"
        );
        assert_eq!(error["param"], json!(null));
    }
}

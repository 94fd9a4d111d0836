//! Streams: frames, order, and what is in them.

use serde_json::json;

use crate::support::{Picture, events, names, small, start, streamed};

#[tokio::test]
async fn frames_have_the_habits_of_the_provider() {
    let mock = start().await;
    let mut body = streamed("a fox", 0);
    body["partial_images"].take();
    let reply = mock.generate(&body).await;
    assert_eq!(
        reply.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(reply.header("content-length"), None);
    let text = reply.text();
    assert!(text.starts_with("event: image_generation.completed\ndata: {\"created_at\":"));
    assert!(text.ends_with("}\n\n"));
    assert!(!text.contains('\r') && !text.contains("[DONE]") && !text.contains("\n:"));
    assert_eq!(text.lines().count(), 3);
}

#[tokio::test]
async fn partial_images_come_first_and_one_final_image_ends() {
    let mock = start().await;
    for partials in 0..=3 {
        let reply = mock
            .generate(&streamed("a fox [[case:abcdefgh23]]", partials))
            .await;
        let events = events(reply.text());
        assert_eq!(events.len(), usize::from(partials) + 1);
        for (index, (name, data)) in (0..).zip(&events) {
            assert_eq!(data["type"], json!(name));
            assert_eq!(data["sequence_number"], json!(index));
            let image = Picture::of_base64(&data["b64_json"]);
            assert_eq!(image.size(), (1024, 1024));
            let partial = (index < partials).then_some(index);
            assert_eq!(
                (image.strip().partial, image.metadata().partial),
                (partial, partial)
            );
            assert_eq!(data.get("partial_image_index").is_some(), partial.is_some());
            let kind = match partial {
                Some(index) => {
                    assert_eq!(data["partial_image_index"], json!(index));
                    "image_generation.partial_image"
                }
                None => "image_generation.completed",
            };
            assert_eq!(name, kind);
        }
        let output = &events[usize::from(partials)].1["usage"]["output_tokens"];
        assert_eq!(output, 272 + 100 * u64::from(partials));
    }
}

#[tokio::test]
async fn members_are_in_the_recorded_order() {
    let mock = start().await;
    let reply = mock.generate(&streamed("a fox", 1)).await;
    let events = events(reply.text());
    let head = [
        "created_at",
        "type",
        "b64_json",
        "background",
        "output_format",
    ];
    let partial = ["partial_image_index", "quality", "sequence_number", "size"];
    assert_eq!(names(&events[0].1), [&head[..], &partial].concat());
    let completed = ["quality", "sequence_number", "size", "usage"];
    assert_eq!(names(&events[1].1), [&head[..], &completed].concat());
    let data = &events[1].1;
    let echo = ["background", "output_format", "quality", "size"].map(|name| data[name].clone());
    assert_eq!(echo, ["opaque", "png", "low", "1024x1024"]);
}

#[tokio::test]
async fn each_event_is_one_chunk_on_the_wire() {
    let mock = start().await;
    let ended = mock
        .raw_generate(&streamed("a fox", 2))
        .await
        .read_to_end()
        .await;
    let (chunks, whole) = ended.chunks();
    assert!(whole && ended.error.is_none());
    assert_eq!(chunks.len(), 3);
    for chunk in chunks {
        assert_eq!(events(&chunk).len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_is_no_stream() {
    let mock = start().await;
    let mut body = streamed("a fox", 0);
    body["n"] = json!(2);
    let reply = mock.generate(&body).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let (status, error) = reply.error();
    assert_eq!(
        (status, &error["message"]),
        (400, &json!("Streaming is only supported with n=1."))
    );
    assert_eq!(error["param"], "input");
}

#[tokio::test]
async fn the_journal_knows_every_image_of_a_stream() {
    let mock = start().await;
    let reply = mock.generate(&streamed("a fox", 2)).await;
    let hashes = events(reply.text());
    let hashes = hashes
        .iter()
        .map(|(_, data)| Picture::of_base64(&data["b64_json"]).sha256());
    let hashes: Vec<_> = hashes.collect();
    let entry = mock.entry_when(|entry| entry.stamps.end.is_some()).await;
    let summary = entry.answer.unwrap().summary;
    assert_eq!(summary.partial_images, hashes[..2]);
    assert_eq!(summary.images, hashes[2..]);
    assert_eq!(entry.stamps.events.len(), 3);
}

#[tokio::test]
async fn stream_false_is_json() {
    let mock = start().await;
    let mut body = small("a fox");
    body["stream"] = json!(false);
    body["partial_images"] = json!(3);
    let reply = mock.generate(&body).await;
    assert_eq!(reply.images().len(), 1);
    assert_eq!(reply.json()["usage"]["output_tokens"], 272);
}

//! Holds: answers that stop at a point until they are released.

use mock_server::journal::{Entry, HoldEnd};
use mock_server::wire::HoldPoint;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{EventReader, Mock, Reply, TOKEN, small, start, streamed};

async fn held(hold: Value) -> Mock {
    let mock = start().await;
    mock.script(&json!([{ "do": "ok", "hold": hold }])).await;
    mock
}

fn prompt() -> String {
    format!("a fox [[case:{TOKEN}]]")
}

fn reached(count: usize) -> impl Fn(&Entry) -> bool {
    move |entry| entry.holds.len() == count
}

#[tokio::test]
async fn before_an_event_the_client_has_all_earlier_ones() {
    let mock = held(json!([{ "before_event": 2 }])).await;
    let mut reader = EventReader::of(mock.post(&streamed(&prompt(), 3))).await;
    for _ in 0..2 {
        assert_eq!(
            reader.next().await.unwrap().0,
            "image_generation.partial_image"
        );
    }
    let entry = mock.entry_when(reached(1)).await;
    assert_eq!(entry.holds[0].at, HoldPoint::BeforeEvent(2));
    assert_eq!((entry.holds[0].end, entry.stamps.events.len()), (None, 2));
    assert!(reader.is_drained());
    mock.release().await;
    assert_eq!(reader.next().await.unwrap().1["partial_image_index"], 2);
    assert_eq!(reader.next().await.unwrap().0, "image_generation.completed");
    assert!(reader.next().await.is_none());
    let entry = mock.entry_when(|entry| entry.stamps.end.is_some()).await;
    assert_eq!(entry.holds[0].end, Some(HoldEnd::Released));
    assert_eq!(entry.stamps.events.len(), 4);
}

#[tokio::test]
async fn a_release_opens_exactly_one_hold() {
    let mock = held(json!([{ "before_event": 0 }, { "before_event": 1 }])).await;
    let mut reader = EventReader::of(mock.post(&streamed(&prompt(), 1))).await;
    mock.entry_when(reached(1)).await;
    mock.release().await;
    assert!(reader.next().await.is_some());
    let entry = mock.entry_when(reached(2)).await;
    let ends: Vec<_> = entry.holds.iter().map(|hold| hold.end).collect();
    assert_eq!(ends, [Some(HoldEnd::Released), None]);
    mock.release().await;
    assert_eq!(reader.next().await.unwrap().0, "image_generation.completed");
    assert!(reader.next().await.is_none());
}

#[tokio::test]
async fn an_early_release_counts() {
    let mock =
        held(json!([{ "before_head": true }, { "before_event": 1 }, { "before_event": 1 }])).await;
    for _ in 0..3 {
        mock.release().await;
    }
    let mut reader = EventReader::of(mock.post(&streamed(&prompt(), 1))).await;
    assert!(reader.next().await.is_some() && reader.next().await.is_some());
    assert!(reader.next().await.is_none());
    let entry = mock.entry_when(|entry| entry.stamps.end.is_some()).await;
    assert!(
        entry
            .holds
            .iter()
            .all(|hold| hold.end == Some(HoldEnd::Released))
    );
    assert_eq!(entry.holds.len(), 3);
}

#[tokio::test]
async fn a_new_script_takes_earlier_releases_away() {
    let mock = held(json!([{ "before_head": true }])).await;
    mock.release().await;
    mock.script(&json!([{ "do": "ok", "hold": [{ "before_head": true }] }]))
        .await;
    let raw = mock.raw_generate(&small(&prompt())).await;
    let entry = mock.entry_when(reached(1)).await;
    assert_eq!((entry.stamps.head, entry.holds[0].end), (None, None));
    mock.release().await;
    assert!(
        raw.read_to_end()
            .await
            .parts()
            .0
            .starts_with("HTTP/1.1 200 OK")
    );
}

#[tokio::test]
async fn what_is_held_goes_on_without_its_script() {
    let script = format!("/_mock/scripts/{TOKEN}");
    for (method, path) in [
        (Method::PUT, script.as_str()),
        (Method::DELETE, &script),
        (Method::POST, "/_mock/reset"),
    ] {
        let mock = held(json!([{ "before_event": 1 }, { "before_event": 1 }])).await;
        let mut reader = EventReader::of(mock.post(&streamed(&prompt(), 1))).await;
        assert!(reader.next().await.is_some());
        mock.entry_when(reached(1)).await;
        let request = mock.request(method.clone(), path);
        let reply = Reply::of(request.body(r#"{"answers":[]}"#)).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reader.next().await.unwrap().0, "image_generation.completed");
        assert!(reader.next().await.is_none());
        if path != "/_mock/reset" {
            let entry = mock.entry_when(|entry| entry.stamps.end.is_some()).await;
            let mut ends = entry.holds.iter().map(|hold| hold.end);
            assert!(
                ends.all(|end| end == Some(HoldEnd::ScriptGone)),
                "{entry:?}"
            );
        }
    }
}

#[tokio::test]
async fn before_the_head_nothing_is_sent() {
    let mock = held(json!([{ "before_head": true }])).await;
    let raw = mock.raw_generate(&small(&prompt())).await;
    let entry = mock.entry_when(reached(1)).await;
    assert_eq!(entry.holds[0].at, HoldPoint::BeforeHead(true));
    assert_eq!(entry.stamps.head, None);
    assert_eq!(entry.answer.unwrap().status, 200);
    let mut byte = [0];
    let nothing = raw.0.try_read(&mut byte).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    mock.release().await;
    let ended = raw.read_to_end().await;
    assert_eq!(ended.parts().1.len(), ended.content_length());
    assert!(mock.last_entry().await.stamps.end.is_some());
}

#[tokio::test]
async fn at_a_byte_the_client_has_exactly_as_many() {
    for (offset, body) in [
        (0, small(&prompt())),
        (1000, small(&prompt())),
        (70, streamed(&prompt(), 1)),
    ] {
        let mock = held(json!([{ "at_byte": offset }])).await;
        let stream = body.get("stream").is_some();
        let mut raw = mock.raw_generate(&body).await;
        // A chunk of a stream has its size before it, `46` and an end of line, and an end of line behind it.
        let wanted = if stream { offset + 6 } else { offset };
        let had = raw.read_body(wanted).await;
        assert_eq!(had.len(), wanted);
        let entry = mock.entry_when(reached(1)).await;
        assert_eq!(entry.holds[0].at, HoldPoint::AtByte(offset));
        let nothing = raw.0.try_read(&mut [0]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
        mock.release().await;
        let rest = raw.read_to_end().await;
        let all = [had, rest.bytes].concat();
        assert!(if stream {
            all.ends_with(b"0\r\n\r\n")
        } else {
            all.ends_with(b"}")
        });
        let entry = mock.entry_when(|entry| entry.stamps.end.is_some()).await;
        assert_eq!(entry.stamps.events.len(), if stream { 2 } else { 0 });
    }
}

#[tokio::test]
async fn the_client_goes_during_a_hold() {
    for hold in [
        json!({ "before_head": true }),
        json!({ "before_event": 1 }),
        json!({ "at_byte": 5 }),
    ] {
        let mock = held(json!([hold])).await;
        let raw = mock.raw_generate(&streamed(&prompt(), 1)).await;
        mock.entry_when(reached(1)).await;
        drop(raw);
        let entry = mock
            .entry_when(|entry| entry.stamps.peer_gone.is_some())
            .await;
        assert_eq!(entry.holds[0].end, Some(HoldEnd::PeerGone), "{hold}");
        assert_eq!(entry.stamps.end, None);
        mock.release().await;
        assert_eq!(
            mock.last_entry().await.holds[0].end,
            Some(HoldEnd::PeerGone)
        );
    }
}

#[tokio::test]
async fn a_point_that_is_not_there_is_the_end() {
    for hold in [
        json!({ "before_event": 7 }),
        json!({ "at_byte": 99_999_999 }),
    ] {
        let mock = held(json!([hold])).await;
        let mut reader = EventReader::of(mock.post(&streamed(&prompt(), 1))).await;
        assert!(reader.next().await.is_some() && reader.next().await.is_some());
        let entry = mock.entry_when(reached(1)).await;
        assert_eq!(entry.stamps.end, None);
        mock.release().await;
        assert!(reader.next().await.is_none());
    }
}

#[tokio::test]
async fn an_answer_with_a_length_is_held_before_its_last_byte() {
    for hold in [
        json!({ "before_event": 1 }),
        json!({ "at_byte": 99_999_999 }),
    ] {
        let mock = held(json!([hold])).await;
        let raw = mock.raw_generate(&small(&prompt())).await;
        let entry = mock.entry_when(reached(1)).await;
        assert_eq!((entry.stamps.end, entry.holds[0].end), (None, None));
        mock.release().await;
        let ended = raw.read_to_end().await;
        assert_eq!(ended.parts().1.len(), ended.content_length());
        let entry = mock.entry_when(|entry| entry.stamps.end.is_some()).await;
        assert_eq!(entry.holds[0].end, Some(HoldEnd::Released));
        assert_eq!(entry.stamps.peer_gone, None);
    }
}

#[tokio::test]
async fn errors_and_faults_hold_as_well() {
    let mock = start().await;
    let hold = json!([{ "before_head": true }]);
    mock.script(&json!([{ "do": "rate-limit", "hold": hold }, { "do": "reset", "hold": hold }]))
        .await;
    for _ in 0..2 {
        mock.release().await;
    }
    let reply = Reply::of(mock.post(&small(&prompt()))).await;
    assert_eq!(reply.status, 429);
    let ended = mock
        .raw_generate(&small(&prompt()))
        .await
        .read_to_end()
        .await;
    assert_eq!(ended.error, Some(std::io::ErrorKind::ConnectionReset));
    let entry = mock.last_entry().await;
    assert_eq!(entry.holds[0].end, Some(HoldEnd::Released));
}

#[tokio::test]
async fn parallel_calls_of_a_case_share_its_releases() {
    let mock = start().await;
    let item = json!({ "do": "ok*2", "hold": [{ "before_head": true }] });
    mock.script(&json!([item])).await;
    let (first, second) = (small(&prompt()), small(&prompt()));
    let both = async { tokio::join!(mock.generate(&first), mock.generate(&second)) };
    let release = async {
        let held = |page: &mock_server::journal::Page| {
            page.entries
                .iter()
                .filter(|entry| !entry.holds.is_empty())
                .count()
        };
        while held(&mock.journal("").await) < 2 {}
        mock.release().await;
        mock.release().await;
    };
    let ((first, second), ()) = tokio::join!(both, release);
    assert_eq!((first.status, second.status), (200, 200));
}

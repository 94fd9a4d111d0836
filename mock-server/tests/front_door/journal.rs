//! What the journal tells of requests, and what it keeps to itself.

use mock_server::provider::credential_label;
use reqwest::Method;
use serde_json::json;

use crate::support::{GENERATIONS, KEY, Mock, Reply, TOKEN, sha256, small, start, start_with};

fn for_case(token: &str) -> serde_json::Value {
    // Refused after it was read: quick.
    json!({ "model": "nobody", "prompt": format!("a fox [[case:{token}]]") })
}

#[tokio::test]
async fn an_entry_tells_what_arrived_and_what_became_of_it() {
    let mock = start().await;
    let body = small(&format!("a fox [[case:{TOKEN}]]"));
    let request = mock
        .post_with_query("?x=1", &body)
        .header("X-Custom", "one");
    let reply = Reply::of(request).await;
    let entry = mock.entry_when(|entry| entry.stamps.end.is_some()).await;
    assert_eq!(entry.seq, 1);
    assert_eq!(
        (entry.method.as_str(), entry.path.as_str()),
        ("POST", GENERATIONS)
    );
    assert_eq!(entry.query.as_deref(), Some("x=1"));
    assert!(
        entry
            .headers
            .contains(&("x-custom".to_owned(), "one".to_owned()))
    );
    assert_eq!(entry.body, body);
    let text = body.to_string();
    assert_eq!(
        (entry.body_len, entry.body_sha256),
        (text.len(), sha256(text.as_bytes()))
    );
    assert_eq!(entry.token.as_deref(), Some(TOKEN));
    assert_eq!(entry.provider.as_deref(), Some("openai"));
    assert_eq!(entry.operation.as_deref(), Some("images.generations"));
    let answer = entry.answer.unwrap();
    assert_eq!(
        (answer.status, answer.summary.condition.as_str()),
        (200, "ok")
    );
    assert_eq!(answer.summary.images, [reply.images()[0].sha256()]);
    assert_eq!(answer.summary.usage, Some(reply.json()["usage"].take()));
    let (head, end) = (entry.stamps.head.unwrap(), entry.stamps.end.unwrap());
    assert!(head <= end && entry.stamps.peer_gone.is_none());
    assert!(entry.scenario.is_none() && entry.holds.is_empty() && entry.canaries.is_empty());
}

#[tokio::test]
async fn credentials_are_masked_everywhere() {
    let mock = start().await;
    let request = mock
        .post_with_query(&format!("?key={KEY}&alt=sse"), &small("a fox"))
        .header("x-api-key", KEY)
        .header("cookie", "session=1234567890");
    Reply::of(request).await;
    let text = mock.get("/_mock/journal").await.text().to_owned();
    assert!(
        !text.contains(KEY) && !text.contains("1234567890"),
        "{text}"
    );
    let entry = mock.last_entry().await;
    let label = credential_label(KEY);
    let seen = entry.credential.unwrap();
    assert_eq!(
        (seen.label.as_str(), seen.masked.as_str()),
        (label.as_str(), "sk-****")
    );
    assert_eq!(label, sha256(KEY.as_bytes())[..12]);
    let header = |name: &str| {
        entry
            .headers
            .iter()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(header("authorization"), format!("Bearer <{label}>"));
    assert_eq!(header("x-api-key"), format!("<{label}>"));
    assert_eq!(entry.query.unwrap(), format!("key=<{label}>&alt=sse"));

    let request = mock.request(Method::POST, GENERATIONS).bearer_auth("ab");
    Reply::of(request.body("{}")).await;
    let text = mock.get("/_mock/journal?after=1").await.text().to_owned();
    assert!(!text.contains("\"ab"), "{text}");
}

#[tokio::test]
async fn what_was_sent_and_what_it_means() {
    let mock = start().await;
    let body = json!({
        "prompt": "a fox", "model": "gpt-image-2", "n": 2, "size": "auto", "quality": null, "size_x": [1],
    });
    mock.generate(&body).await;
    let entry = mock.last_entry().await;
    let sent = json!({
        "provider": "openai", "operation": "images.generations",
        "prompt": "a fox", "model": "gpt-image-2", "n": 2, "size": "auto", "size_x": [1],
    });
    assert_eq!(json!(entry.sent), sent);
    let effective = json!({
        "provider": "openai", "operation": "images.generations",
        "prompt": "a fox", "model": "gpt-image-2", "n": 2, "size": "1024x1024", "size_x": [1],
        "quality": "high", "background": "opaque", "output_format": "png", "output_compression": 100,
        "moderation": "auto", "stream": false, "partial_images": 0,
    });
    assert_eq!(json!(entry.effective), effective);
    for body in [
        json!({ "prompt": "a fox" }),
        json!({ "prompt": "a fox", "model": "" }),
    ] {
        mock.generate(&body).await;
        assert_eq!(mock.last_entry().await.effective["model"], "gpt-image-1.5");
    }
}

#[tokio::test]
async fn long_texts_are_kept_as_length_and_hash() {
    let mock = start().await;
    let long = "é".repeat(513);
    let image = format!("data:image/png;base64,{}", "A".repeat(2000));
    let body = json!({ "model": "nobody", "prompt": long, "images": [{ "image_url": image }], "user": "x".repeat(1024) });
    mock.generate(&body).await;
    let entry = mock.last_entry().await;
    let kept = |text: &str| json!({ "len": text.len(), "sha256": sha256(text.as_bytes()) });
    assert_eq!(entry.body["prompt"], kept(&long));
    assert_eq!(entry.sent["prompt"], kept(&long));
    assert_eq!(entry.body["images"][0]["image_url"], kept(&image));
    assert_eq!(entry.body["user"].as_str().unwrap().len(), 1024);
    let request = mock.request(Method::POST, GENERATIONS).bearer_auth(KEY);
    Reply::of(request.body("no json")).await;
    assert_eq!(mock.last_entry().await.body, kept("no json"));
}

#[tokio::test]
async fn canaries_are_found_before_masking() {
    let mock = start().await;
    let canaries = [
        KEY,
        "in-the-body-1",
        "in-the-query",
        "in-a-header",
        "nowhere-at-all",
    ];
    let put = mock
        .put("/_mock/canaries", &json!({ "canaries": canaries }))
        .await;
    assert_eq!(put.status, 200);
    let request = mock
        .post_with_query("?q=in-the-query", &small("a fox in-the-body-1 .."))
        .header("x-y", "<in-a-header>");
    Reply::of(request).await;
    let labels = |names: &[&str]| {
        names
            .iter()
            .map(|name| credential_label(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(mock.last_entry().await.canaries, labels(&canaries[..4]));
    let request = mock
        .request(Method::POST, GENERATIONS)
        .bearer_auth("sk-other");
    Reply::of(request.body("{}")).await;
    assert!(mock.last_entry().await.canaries.is_empty());
}

async fn seqs(mock: &Mock, query: &str) -> Vec<u64> {
    let page = mock.journal(query).await;
    page.entries.iter().map(|entry| entry.seq).collect()
}

#[tokio::test]
async fn filters_pick_entries() {
    let mock = start().await;
    let (one, two) = (TOKEN, "zzzzzzzzzz");
    for token in [one, two, one, two, one] {
        mock.generate(&for_case(token)).await;
    }
    assert_eq!(seqs(&mock, "").await, [1, 2, 3, 4, 5]);
    assert_eq!(seqs(&mock, &format!("case={one}")).await, [1, 3, 5]);
    assert_eq!(seqs(&mock, &format!("case={one}&after=1")).await, [3, 5]);
    assert_eq!(seqs(&mock, "after=2&limit=2").await, [3, 4]);
    assert_eq!(seqs(&mock, &format!("case={two}&limit=1")).await, [2]);
    assert!(seqs(&mock, "limit=0").await.is_empty());
    assert!(seqs(&mock, "after=5").await.is_empty());
    assert!(seqs(&mock, "since=2999-01-01T00:00:00Z").await.is_empty());
    assert_eq!(
        seqs(&mock, "since=2020-01-01T00:00:00%2B01:00").await.len(),
        5
    );
    let third = mock.journal("after=2&limit=1").await.entries[0]
        .stamps
        .received;
    let third = third
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    assert_eq!(seqs(&mock, &format!("since={third}")).await, [3, 4, 5]);
}

#[tokio::test]
async fn the_oldest_entries_go_and_the_gap_shows() {
    let mock = start_with(|settings| settings.journal_entries = 3).await;
    for _ in 0..5 {
        mock.generate(&for_case(TOKEN)).await;
    }
    let page = mock.journal("").await;
    assert_eq!((page.oldest, page.last, page.entries.len()), (3, 5, 3));
    let mock = start_with(|settings| settings.journal_bytes = 10_000).await;
    for _ in 0..9 {
        mock.generate(&for_case(TOKEN)).await;
    }
    let page = mock.journal("").await;
    assert!(
        page.oldest > 1 && page.last == 9,
        "{} {}",
        page.oldest,
        page.last
    );
    assert_eq!(page.entries[0].seq, page.oldest);
}

#[tokio::test]
async fn a_cleared_journal_goes_on_counting() {
    let mock = start().await;
    mock.generate(&for_case(TOKEN)).await;
    assert_eq!(
        mock.command(Method::DELETE, "/_mock/journal").await.status,
        200
    );
    let page = mock.journal("").await;
    assert_eq!((page.oldest, page.last, page.entries.len()), (2, 1, 0));
    mock.generate(&for_case(TOKEN)).await;
    assert_eq!(seqs(&mock, "").await, [2]);
}

#[tokio::test]
async fn waiting_ends_with_the_arrival() {
    let mock = start().await;
    let query = format!("case={TOKEN}&wait=60s");
    let (page, ()) = tokio::join!(mock.journal(&query), async {
        mock.generate(&for_case("zzzzzzzzzz")).await;
        mock.generate(&for_case(TOKEN)).await;
    });
    assert_eq!(page.entries.len(), 1);
    assert_eq!(page.entries[0].token.as_deref(), Some(TOKEN));
    assert!(seqs(&mock, "after=2&wait=1ms").await.is_empty());
}

#[tokio::test]
async fn the_control_api_is_not_in_the_journal() {
    let mock = start().await;
    for path in ["/_mock/health", "/_mock/nothing", "/_mock"] {
        mock.get(path).await;
    }
    assert!(mock.journal("").await.entries.is_empty());
}

#[tokio::test]
async fn what_is_sent_whole_is_never_peer_gone() {
    let mock = start().await;
    for method in [Method::HEAD, Method::OPTIONS, Method::GET] {
        for path in [GENERATIONS, "/files/x.png", "/v1/nothing"] {
            mock.command(method.clone(), path).await;
            let entry = mock.entry_when(|entry| entry.stamps.end.is_some()).await;
            assert_eq!(entry.stamps.peer_gone, None, "{method} {path}");
        }
    }
}

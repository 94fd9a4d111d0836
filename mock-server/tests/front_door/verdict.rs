//! The verdict on the client, expectations, metrics and the inspector page.

use mock_server::MockServer;
use mock_server::verdict::Verdict;
use serde_json::{Value, json};

use crate::support::{Mock, TOKEN, small, start};

fn rules(verdict: &Verdict) -> Vec<&str> {
    let rules = verdict.findings.iter();
    rules.map(|finding| finding.rule.as_str()).collect()
}

async fn send(mock: &Mock, body: &Value, times: usize) {
    for _ in 0..times {
        let sent = mock.post(body).send().await.unwrap();
        let _ = sent.bytes().await;
        mock.entry_when(|entry| entry.stamps.end.or(entry.stamps.peer_gone).is_some())
            .await;
    }
}

#[tokio::test]
async fn a_good_client_is_clean() {
    let mock = start().await;
    send(&mock, &small("a fox"), 2).await;
    send(&mock, &small("a cat [[mock:server-error*1]]"), 2).await;
    let verdict = mock.server.verdict();
    assert!(verdict.is_clean() && verdict.complete, "{verdict}");
    assert_eq!(verdict.calls, 4);
}

#[tokio::test]
async fn each_rule_finds_its_client() {
    for (body, times, rule) in [
        (
            small("a fox [[mock:rate-limit;retry-after=9]]"),
            2,
            "ignored-retry-after",
        ),
        (small("a fox [[mock:server-error]]"), 7, "retry-storm"),
        (small("a fox [[mock:truncate=10]]"), 2, "paid-twice"),
        (small(&format!("a fox [[case:{TOKEN}]]")), 2, "paid-twice"),
        (
            json!({ "model": "gpt-image-1", "prompt": "a fox", "colour": 1 }),
            1,
            "refused",
        ),
        (
            json!({ "model": "gpt-image-1", "prompt": "a fox", "user": "u" }),
            1,
            "deprecated",
        ),
        (small("a fox with s3cret"), 1, "leaked-canary"),
    ] {
        let mock = start().await;
        mock.put("/_mock/canaries", &json!({ "canaries": ["s3cret"] }))
            .await;
        send(&mock, &body, times).await;
        let reply = mock.get("/_mock/verdict").await;
        let verdict: Verdict = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(rules(&verdict), [rule], "{verdict}");
    }
}

#[tokio::test]
async fn expectations_are_verified_on_drop() {
    let mock = start().await;
    mock.server.expect(TOKEN, 1).unwrap();
    let missed = mock.server.verify().unwrap_err();
    assert!(missed.contains("expected 1 calls, 0 came"), "{missed}");
    send(&mock, &small(&format!("a fox [[case:{TOKEN}]]")), 1).await;
    assert_eq!(mock.server.verify(), Ok(()));
    drop(mock);
    let server = MockServer::start().await.unwrap();
    server.expect(TOKEN, 2).unwrap();
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(server)));
    let message = dropped.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("expected 2 calls, 0 came"), "{message}");
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let mock = start().await;
    send(&mock, &small("a fox"), 1).await;
    send(&mock, &small("a fox [[mock:quota,gzip]]"), 1).await;
    let reply = mock.get("/_mock/metrics").await;
    let text = reply.text();
    let operation = "provider=\"openai\",operation=\"images.generations\"";
    for line in [
        format!("image_mock_requests_total{{{operation},status=\"200\"}} 1"),
        format!("image_mock_requests_total{{{operation},status=\"429\"}} 1"),
        format!("image_mock_images_total{{{operation}}} 1"),
        "image_mock_faults_total{fault=\"gzip\"} 1".to_owned(),
        "image_mock_journal_entries 2".to_owned(),
        "image_mock_open_connections ".to_owned(),
        "image_mock_sent_bytes_total ".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn the_inspector_lets_no_other_script_run() {
    let mock = start().await;
    let page = mock.get("/_mock/").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"));
    assert!(!page.text().contains("innerHTML"));
}

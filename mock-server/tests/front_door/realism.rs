//! Latency, rate limits and image sizes on demand.

use std::time::Duration;

use mock_server::latency::Latency;
use reqwest::Method;
use serde_json::json;

use crate::support::{Mock, Reply, events, small, start_with, streamed};

async fn limited(text: &str) -> Mock {
    let limit = text.parse().unwrap();
    start_with(|settings| settings.rate_limit = limit).await
}

#[tokio::test]
async fn a_realistic_answer_is_kept_back_and_a_refusal_is_not() {
    let mock = start_with(|settings| settings.latency = Latency::Realistic).await;
    let slow = mock.raw_generate(&small("a fox")).await;
    let first = mock.entry_when(|entry| entry.answer.is_some()).await;
    let refused = mock.generate(&json!({ "model": "gpt-image-1" })).await;
    assert_eq!(refused.status, 400);
    let page = mock
        .journal(&format!("after={}&limit=1", first.seq - 1))
        .await;
    assert_eq!(
        (page.entries[0].stamps.head, page.entries[0].stamps.end),
        (None, None)
    );
    drop(slow);
    // A stream begins at once and takes its time from event to event.
    let mut slow = mock.raw_generate(&streamed("a fox", 1)).await;
    slow.read_body(0).await;
    assert_eq!(mock.last_entry().await.stamps.end, None);
}

#[tokio::test]
async fn a_fixed_latency_changes_nothing_but_time() {
    let latency = Latency::Fixed(Duration::from_millis(1));
    let mock = start_with(|settings| settings.latency = latency).await;
    assert_eq!(mock.generate(&small("a fox")).await.images().len(), 1);
    let stream = mock.generate(&streamed("a fox", 2)).await;
    assert_eq!(events(stream.text()).len(), 3);
}

#[tokio::test]
async fn requests_beyond_the_limit_are_told_how_long_to_wait() {
    let mock = limited("requests=2").await;
    for _ in 0..2 {
        assert_eq!(mock.generate(&small("a fox")).await.outcome(), "ok");
    }
    let reply = mock.generate(&small("a fox")).await;
    assert_eq!(reply.outcome(), "rate_limit_exceeded");
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let milliseconds = format!("{wait}000");
    assert_eq!(reply.header("retry-after-ms"), Some(milliseconds.as_str()));
    let seen = mock.last_entry().await.scenario.unwrap();
    assert_eq!(seen.source, "rate-limit");
    assert_eq!(seen.applied, format!("rate-limit;retry-after={wait}"));
    // Another key has a minute of its own, and so has everybody after a reset.
    let other = mock.request(Method::POST, crate::support::GENERATIONS);
    let other = other
        .bearer_auth("sk-other")
        .body(small("a fox").to_string());
    assert_eq!(
        Reply::of(other.header("content-type", "application/json"))
            .await
            .status,
        200
    );
    mock.command(Method::POST, "/_mock/reset").await;
    assert_eq!(mock.generate(&small("a fox")).await.status, 200);
}

#[tokio::test]
async fn images_are_counted_as_asked_for() {
    let mock = limited("images=3").await;
    let mut two = small("a fox");
    two["n"] = json!(2);
    assert_eq!(mock.generate(&two).await.images().len(), 2);
    assert_eq!(mock.generate(&two).await.status, 429);
    assert_eq!(mock.generate(&small("a fox")).await.images().len(), 1);
    assert_eq!(mock.get("/_mock/health").await.status, 200);
    let scripted = mock.generate(&small("a fox [[mock:quota]]")).await;
    assert_eq!(scripted.outcome(), "insufficient_quota", "refused already");
}

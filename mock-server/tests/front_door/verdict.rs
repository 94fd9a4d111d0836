//! The verdict on the client, expectations, metrics and the inspector page.

use mock_server::MockServer;
use mock_server::verdict::Verdict;
use reqwest::Method;
use serde_json::{Value, json};

use crate::azure;
use crate::google_generate::{GEMINI, VERTEX, asking};
use crate::support::{GENERATIONS, KEY, Mock, Reply, TOKEN, small, start, start_with};

/// A call with the prompt and other members, in a provider's own form.
type Form = fn(&str, &Value) -> (String, Value);

/// Every provider that the rules are tested with, with a good form.
const FACES: &[(&str, Form)] = &[
    ("openai", |prompt, more| {
        (GENERATIONS.to_owned(), with(small(prompt), more))
    }),
    ("azure", |prompt, more| {
        (azure::path("gpt-image-1"), with(small(prompt), more))
    }),
    ("gemini", |prompt, more| {
        (GEMINI.to_owned(), with(asking(prompt), more))
    }),
    ("vertex", |prompt, more| {
        (VERTEX.to_owned(), with(asking(prompt), more))
    }),
];

fn with(mut body: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

fn rules(verdict: &Verdict) -> Vec<&str> {
    let rules = verdict.findings.iter();
    rules.map(|finding| finding.rule.as_str()).collect()
}

/// Sends a call with every provider's credential and reads what comes, as often as said.
async fn call(mock: &Mock, (path, body): &(String, Value), times: usize) {
    for _ in 0..times {
        let request = mock.request(Method::POST, path);
        let request = match path.as_str() {
            GEMINI => request.header("x-goog-api-key", KEY),
            _ => request.bearer_auth(KEY),
        };
        let request = request.header("content-type", "application/json");
        if let Ok(sent) = request.body(body.to_string()).send().await {
            let _ = sent.bytes().await;
        }
        mock.entry_when(|entry| entry.stamps.end.or(entry.stamps.peer_gone).is_some())
            .await;
    }
}

async fn send(mock: &Mock, body: &Value, times: usize) {
    call(mock, &(GENERATIONS.to_owned(), body.clone()), times).await;
}

#[tokio::test]
async fn a_good_client_is_clean() {
    for (name, form) in FACES {
        let mock = start().await;
        mock.put("/_mock/canaries", &json!({ "canaries": ["s3cret"] }))
            .await;
        let none = &json!({});
        call(&mock, &form("a fox", none), 2).await;
        call(&mock, &form("a cat [[mock:server-error*1]]", none), 2).await;
        // Three images by three calls, each with its answer, under one token: nothing is paid twice.
        let marked = format!("three [[case:{TOKEN}]]");
        call(&mock, &form(&marked, none), 3).await;
        // Damage that leaves an answer readable, and an answer with fewer images than asked for.
        let slow = format!("slow [[case:{TOKEN}]] [[mock:slow-stream=1ms,large=1MB]]");
        call(&mock, &form(&slow, none), 2).await;
        // A wait that was waited for.
        let limited = form("a dog [[mock:rate-limit;retry-after=0*1]]", none);
        call(&mock, &limited, 2).await;
        let verdict = mock.server.verdict();
        assert!(verdict.is_clean() && verdict.complete, "{name}: {verdict}");
        let entries = mock.server.journal("").entries.into_iter();
        let statuses: Vec<_> = entries.map(|entry| entry.answer.unwrap().status).collect();
        let limited = statuses[9];
        assert_eq!(limited, 429, "{name}");
        assert!([500, 503].contains(&statuses[2]), "{name}: {statuses:?}");
        let good = statuses.iter().filter(|status| **status == 200);
        assert_eq!(
            (good.count(), statuses.len()),
            (9, 11),
            "{name}: {statuses:?}"
        );
    }
}

#[tokio::test]
async fn each_rule_finds_its_client_with_every_provider() {
    let none = &json!({});
    for (name, form) in FACES {
        let wrong = match *name {
            "gemini" | "vertex" => json!({ "generationConfig": { "colour": 1 } }),
            _ => json!({ "size": "1x1" }),
        };
        for (called, times, rule) in [
            (
                form("a fox [[mock:rate-limit;retry-after=9]]", none),
                2,
                "ignored-retry-after",
            ),
            (form("a fox [[mock:server-error]]", none), 4, "retry-storm"),
            (form("a fox [[mock:truncate=10]]", none), 2, "paid-twice"),
            (
                form("a fox [[mock:malformed-json*1]]", none),
                2,
                "paid-twice",
            ),
            (form("a fox", &wrong), 1, "refused"),
            (form("a fox with s3cret", none), 1, "leaked-canary"),
        ] {
            // Only the Gemini API says so in a body, and Vertex says nothing of waiting.
            if (*name, rule) == ("vertex", "ignored-retry-after") {
                continue;
            }
            let mock = start().await;
            mock.put("/_mock/canaries", &json!({ "canaries": ["s3cret"] }))
                .await;
            call(&mock, &called, times).await;
            let reply = mock.get("/_mock/verdict").await;
            let verdict: Verdict = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(rules(&verdict), [rule], "{name}: {verdict}");
        }
    }
}

#[tokio::test]
async fn what_is_deprecated_is_named_with_what_to_use() {
    let mock = start_with(|settings| settings.legacy_models = true).await;
    let chat = json!({ "model": "gpt-4o", "max_tokens": 5, "messages": [{ "role": "user", "content": "a" }] });
    mock.send("/v1/chat/completions", &chat).await;
    mock.send(
        GENERATIONS,
        &json!({ "model": "dall-e-3", "prompt": "a fox" }),
    )
    .await;
    let body = json!({ "instances": [{ "prompt": "a fox" }], "parameters": { "safetySetting": "BLOCK_SOME" } });
    let predict = VERTEX.replace(
        "gemini-2.5-flash-image:generateContent",
        "imagen-4.0-generate-001:predict",
    );
    mock.send(&predict, &body).await;
    // The Images API has `user` without that mark.
    mock.send(GENERATIONS, &with(small("a fox"), &json!({ "user": "u" })))
        .await;
    let verdict = mock.server.verdict();
    let messages: Vec<_> = verdict
        .findings
        .iter()
        .map(|f| f.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "'max_tokens' is deprecated: use max_completion_tokens",
            "the model 'dall-e-3' is deprecated",
            "\"BLOCK_SOME\" as 'parameters.safetySetting' is deprecated: use block_low_and_above, block_medium_and_above, block_only_high or block_none",
        ]
    );
}

#[tokio::test]
async fn who_fails_over_after_a_cut_answer_pays_twice_too() {
    let mock = start().await;
    mock.script(&json!(["truncate", "ok"])).await;
    let prompt = format!("a fox [[case:{TOKEN}]]");
    let none = &json!({});
    for (_, form) in [FACES[0], FACES[1]] {
        call(&mock, &form(&prompt, none), 1).await;
    }
    let reply = mock.get(&format!("/_mock/verdict?case={TOKEN}")).await;
    let verdict: Verdict = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(rules(&verdict), ["paid-twice"], "{verdict}");
    assert_eq!(verdict.findings[0].entries, [1, 2]);
    let other = mock.get("/_mock/verdict?case=zzzzzzzz23").await;
    assert_eq!(other.json()["calls"], 0);
}

#[tokio::test]
async fn calls_side_by_side_are_no_retries() {
    let mock = start().await;
    let body = small("a fox [[mock:rate-limit;retry-after=9,delay=300ms]]");
    let sent = (0..8).map(|_| mock.generate(&body));
    futures(sent.collect()).await;
    let verdict = mock.server.verdict();
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.calls, 8);
}

async fn futures<F: Future<Output = Reply>>(all: Vec<F>) {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        match all.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}

#[tokio::test]
async fn expectations_are_verified_on_drop() {
    let mock = start().await;
    mock.server.expect(TOKEN, 1).unwrap();
    let missed = mock.server.verify().unwrap_err();
    assert!(missed.contains("expected 1 call, 0 came"), "{missed}");
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

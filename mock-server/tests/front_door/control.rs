//! The control API.

use mock_server::MockServer;
use mock_server::control::{Health, Word};
use mock_server::fault::FAULTS;
use mock_server::habit::HABITS;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{KEY, Reply, TOKEN, running, small, start};

#[tokio::test]
async fn health_says_who_it_is() {
    let mock = start().await;
    let reply = mock.get("/_mock/health").await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/json"))
    );
    let health: Health = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        (health.status.as_str(), health.server.as_str()),
        ("ok", "image-mock-server")
    );
    assert_eq!(health.version, env!("CARGO_PKG_VERSION"));
    let head = mock.command(Method::HEAD, "/_mock/health").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn the_vocabulary_is_complete() {
    let mock = start().await;
    let reply = mock.get("/_mock/conditions").await;
    let words: Vec<Word> = serde_json::from_slice(&reply.body).unwrap();
    let limit = words.iter().find(|word| word.name == "rate-limit").unwrap();
    assert_eq!(limit.kind, "condition");
    let answer = json!({
        "provider": "openai", "status": 429, "type": "input-images", "code": "rate_limit_exceeded",
    });
    assert!(limit.answers.contains(&answer));
    let providers = limit.answers.iter().map(|answer| &answer["provider"]);
    assert!(providers.eq(["vertex", "gemini", "azure", "openai"]));
    for fault in FAULTS {
        let word = words.iter().find(|word| word.name == fault.name()).unwrap();
        assert_eq!((word.kind.as_str(), word.answers.len()), ("fault", 0));
    }
    for habit in HABITS {
        let word = words.iter().find(|word| word.name == habit.name).unwrap();
        assert_eq!((word.kind.as_str(), word.answers.len()), ("habit", 0));
    }
    assert_eq!(json!(words), json!(mock_server::vocabulary().unwrap()));
    // Each word can be said, where it needs no value.
    for word in words.iter().filter(|word| word.name != "delay") {
        let reply = mock
            .put("/_mock/scenario", &json!({ "scenario": word.name }))
            .await;
        assert_eq!(reply.status, 200, "{}", word.name);
    }
}

#[tokio::test]
async fn the_global_scenario_can_be_read_back() {
    let mock = start().await;
    assert_eq!(
        mock.get("/_mock/scenario").await.json(),
        json!({ "scenario": null })
    );
    let text = "rate_limit;retry-after=7*2, delay=10ms";
    mock.put("/_mock/scenario", &json!({ "scenario": text }))
        .await;
    let told = "rate-limit;retry-after=7*2,delay=10ms";
    assert_eq!(
        mock.get("/_mock/scenario").await.json(),
        json!({ "scenario": told })
    );
}

#[tokio::test]
async fn a_script_says_where_its_calls_begin() {
    let mock = start().await;
    assert_eq!(mock.script(&json!([])).await, 0);
    mock.generate(&json!({})).await;
    assert_eq!(mock.script(&json!(["ok"])).await, 1);
}

#[tokio::test]
async fn reset_forgets_everything_but_how_it_was_started() {
    let server = MockServer::builder()
        .scenario("quota*1")
        .start()
        .await
        .unwrap();
    let mock = running(server);
    let prompt = format!("a fox [[case:{TOKEN}]]");
    mock.script(&json!(["overloaded*all"])).await;
    mock.put("/_mock/canaries", &json!({ "canaries": [KEY] }))
        .await;
    mock.put("/_mock/scenario", &json!({ "scenario": null }))
        .await;
    assert_eq!(mock.generate(&small(&prompt)).await.status, 503);
    assert_eq!(mock.command(Method::POST, "/_mock/reset").await.status, 200);
    assert!(mock.journal("").await.entries.is_empty());
    assert_eq!(
        mock.get("/_mock/scenario").await.json()["scenario"],
        "quota*1"
    );
    assert_eq!(
        mock.generate(&small(&prompt)).await.outcome(),
        "insufficient_quota"
    );
    assert!(mock.last_entry().await.canaries.is_empty());
    assert_eq!(mock.generate(&small(&prompt)).await.outcome(), "ok");
}

async fn complaint(request: reqwest::RequestBuilder) -> (u16, String) {
    let reply = Reply::of(request).await;
    let error = reply.json()["error"].take();
    (reply.status, error.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_bad_script_is_told_where_and_what() {
    let mock = start().await;
    let path = format!("/_mock/scripts/{TOKEN}");
    let many = json!({ "answers": vec!["ok"; 1001] }).to_string();
    for (body, expected) in [
        ("{", "body: EOF while parsing"),
        ("{}", "missing field `answers`"),
        (
            r#"["ok"]"#,
            r#"expected an object such as {"answers":["rate-limit","ok"]}"#,
        ),
        (r#"[["ok"]]"#, "expected an object"),
        (r#"{"answers":[],"x":1}"#, "unknown field `x`"),
        (r#"{"answers":[1]}"#, "an answer is a scenario text or"),
        (
            r#"{"answers":[{"do":"ok","holds":[]}]}"#,
            "unknown field `holds`",
        ),
        (
            r#"{"answers":[{"do":"ok","hold":[{"before":1}]}]}"#,
            "unknown variant `before`",
        ),
        (
            r#"{"answers":["ok","rate-limt"]}"#,
            "at /answers/1: unknown scenario 'rate-limt'",
        ),
        (&many, "1001 answers are too many"),
    ] {
        let request = mock.request(Method::PUT, &path).body(body.to_owned());
        let (status, message) = complaint(request).await;
        assert_eq!(status, 400, "{body}");
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn other_bad_bodies_are_told_where_and_what() {
    let mock = start().await;
    for (path, body, expected) in [
        (
            "/_mock/scripts/ABC",
            r#"{"answers":[]}"#,
            "'ABC' is no token",
        ),
        ("/_mock/scripts/%C3%A9", r#"{"answers":[]}"#, "is no token"),
        (
            "/_mock/scenario",
            r#"{"scenario":"oj"}"#,
            "unknown scenario 'oj': did you mean 'ok'",
        ),
        (
            "/_mock/scenario",
            r#"{"scenarios":"ok"}"#,
            "unknown field `scenarios`",
        ),
        (
            "/_mock/canaries",
            r#"{"canaries":[""]}"#,
            "none of them empty",
        ),
        (
            "/_mock/canaries",
            r#"{"canaries":"x"}"#,
            "expected a sequence",
        ),
    ] {
        let request = mock.request(Method::PUT, path).body(body.to_owned());
        let (status, message) = complaint(request).await;
        assert_eq!(status, 400, "{path} {body}");
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn a_bad_query_is_told_where_and_what() {
    let mock = start().await;
    for (query, expected) in [
        ("after=x", "'after=x': expected a whole number"),
        ("limit=-1", "'limit=-1': expected a whole number"),
        (
            "since=today",
            "'since=today': expected a time such as 2026-11-21T10:00:00Z",
        ),
        (
            "wait=soon",
            "'wait=soon': expected a duration up to ten minutes such as 250ms, 1.5s or 2m",
        ),
        (
            "case=x",
            "'x' is no token: expected 10 characters of a-z and 2-7",
        ),
    ] {
        let request = mock.request(Method::GET, &format!("/_mock/journal?{query}"));
        assert_eq!(complaint(request).await, (400, expected.to_owned()));
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let mock = start().await;
    let script = format!("/_mock/scripts/{TOKEN}");
    for (method, path) in [
        (Method::POST, "/_mock"),
        (Method::GET, "/_mock/nothing"),
        (Method::DELETE, "/_mock/health"),
        (Method::GET, script.as_str()),
        (Method::POST, &format!("{script}/relase")),
    ] {
        let (status, message) = complaint(mock.request(method.clone(), path)).await;
        assert_eq!(status, 404);
        assert_eq!(message, format!("the control API has no {method} {path}"));
    }
    let release = mock.request(Method::POST, &format!("{script}/release"));
    assert_eq!(
        complaint(release).await,
        (404, format!("no script for '{TOKEN}'"))
    );
    assert_eq!(
        mock.command(Method::DELETE, &script).await.json(),
        Value::Object(Default::default())
    );
}

//! What a test in Rust holds in its hand: the same as the control API, without HTTP.

use std::time::Duration;

use mock_server::journal::{HoldEnd, Page};
use mock_server::playbook::AnswerText;
use mock_server::wire::HoldPoint;
use mock_server::{LibraryError, MockServer};
use serde_json::json;

use crate::support::{KEY, TOKEN, running, small, start};

const LONG: Duration = Duration::from_secs(60);

fn marked() -> serde_json::Value {
    small(&format!("a fox [[case:{TOKEN}]]"))
}

#[tokio::test]
async fn a_scripted_answer_holds_until_it_is_released() {
    let mock = start().await;
    let held = AnswerText::from("ok").hold(HoldPoint::BeforeHead(true));
    mock.server.script(TOKEN, [held.clone(), held]).unwrap();
    let body = marked();
    let call = mock.generate(&body);
    let test = async {
        let reached = |page: &Page| page.entries.iter().any(|entry| !entry.holds.is_empty());
        let waited = mock.server.journal_when(TOKEN, LONG, reached).await;
        assert_eq!(waited.unwrap().entries[0].stamps.head, None);
        mock.server.release(TOKEN).unwrap();
    };
    let (reply, ()) = tokio::join!(call, test);
    assert_eq!(reply.status, 200);
    let forgotten = async {
        let two = |page: &Page| page.entries.iter().filter(|e| !e.holds.is_empty()).count() == 2;
        mock.server.journal_when(TOKEN, LONG, two).await.unwrap();
        mock.server.forget_script(TOKEN).unwrap();
    };
    let (reply, ()) = tokio::join!(mock.generate(&body), forgotten);
    assert_eq!(reply.status, 200);
    let end = mock.server.journal(TOKEN).entries[1].holds[0].end;
    assert_eq!(end, Some(HoldEnd::ScriptGone));
    let error = mock.server.release(TOKEN).unwrap_err();
    assert!(matches!(error, LibraryError::NoScript(_)), "{error}");
}

#[tokio::test]
async fn a_wait_in_vain_says_how_it_was() {
    let mock = start().await;
    mock.generate(&marked()).await;
    let none = |_: &Page| false;
    let waited = mock
        .server
        .journal_when(TOKEN, Duration::from_millis(1), none)
        .await;
    let Err(LibraryError::Waited(_, page)) = waited else {
        panic!("{waited:?}");
    };
    assert_eq!(page.entries.len(), 1);
}

#[tokio::test]
async fn scenario_canaries_and_reset() {
    let server = MockServer::builder()
        .scenario("quota")
        .start()
        .await
        .unwrap();
    let mock = running(server);
    mock.server.expect_none(TOKEN).unwrap();
    mock.server.set_scenario(Some("overloaded")).unwrap();
    mock.server.set_canaries([KEY]).unwrap();
    assert_eq!(mock.generate(&marked()).await.status, 503);
    assert_eq!(mock.server.verdict().findings[0].rule, "leaked-canary");
    let of_another = mock.server.verdict_of("zzzzzzzz77").unwrap();
    assert_eq!((of_another.calls, of_another.is_clean()), (0, true));
    assert!(mock.server.verify().is_err());
    mock.server.reset();
    assert_eq!(mock.server.verify(), Ok(()));
    assert_eq!(
        mock.generate(&marked()).await.outcome(),
        "insufficient_quota"
    );
    assert!(mock.server.verdict().is_clean());
    mock.server.set_scenario(None).unwrap();
    assert_eq!(mock.generate(&marked()).await.outcome(), "ok");
}

#[tokio::test]
async fn expectations_are_numbers_and_ranges() {
    let mock = start().await;
    for _ in 0..2 {
        mock.generate(&json!({ "model": "gpt-image-1", "prompt": format!("[[case:{TOKEN}]] a fox"), "quality": "low" })).await;
    }
    let holds = |expected: Result<(), LibraryError>| {
        expected.unwrap();
        mock.server.verify().is_ok()
    };
    assert!(holds(mock.server.expect(TOKEN, 2)));
    assert!(holds(mock.server.expect(TOKEN, 1..=3)));
    assert!(holds(mock.server.expect(TOKEN, ..3)));
    assert!(!holds(mock.server.expect(TOKEN, 3..)));
    assert!(!holds(mock.server.expect_none(TOKEN)));
    let missed = mock.server.verify().unwrap_err();
    assert_eq!(
        missed,
        format!("case {TOKEN}: expected no calls, 2 came (entries [1, 2])")
    );
    mock.server.reset();
}

#[tokio::test]
async fn what_cannot_be_used_is_an_error() {
    let mock = start().await;
    for (error, text) in [
        (mock.server.script("short", ["ok"]), "'short' is no token"),
        (
            mock.server.script(TOKEN, ["oj"]),
            "at /answers/0: unknown scenario 'oj'",
        ),
        (
            mock.server.set_scenario(Some("oj")),
            "unknown scenario 'oj'",
        ),
        (mock.server.set_canaries([""]), "none of them empty"),
        (mock.server.forget_script("x"), "'x' is no token"),
    ] {
        let error = error.unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

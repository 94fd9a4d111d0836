//! `poll`: image tasks that a client submits and then asks for until they are done.

use serde_json::{Value, json};

use crate::gateway::{Manner, Rig};
use crate::{checks, message, response};

/// Submits a task and polls until it is done; the provider answers the task so.
fn task(upstream: &str, until: &Value, at_most: u32) -> Value {
    json!({
        "summary": "an image task is done in the end",
        "steps": [
            {
                "request": { "method": "POST", "path": "/v1/images/tasks", "body": {
                    "model": "${models.image}", "prompt": "${prompt}", "quality": "low"
                } },
                "upstream": { "answers": [upstream] },
                "expect": response(json!({ "status": 202, "json": { "/status": "queued" } })),
                "save": { "id": "json:/id" }
            },
            {
                "request": { "method": "GET", "path": "/v1/images/tasks/${id}" },
                "poll": { "until": until, "at_most": at_most, "pause_ms": 5 },
                "expect": {
                    "response": [{ "requirement": "house.one", "status": 200, "images": { "count": 1, "verbatim": true } }],
                    "upstream": [{ "requirement": "house.one", "calls": 1, "sent": { "quality": "low" } }]
                }
            }
        ]
    })
}

fn completed() -> Value {
    json!({ "status": 200, "/status": "completed" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_asked_for_until_it_is_done() {
    let rig = Rig::start(Manner::Right).await;
    let said = rig.one(&task("ok", &completed(), 500)).await;
    assert_eq!(said.code, 0, "{}", said.text);
    assert!(rig.seen("/v1/images/tasks/").len() > 3);
    assert!(checks(&said.report, "pass").contains(&"2:poll".to_owned()));
    // The task was submitted once and made once, however often it was asked for.
    let money = json!({ "asked": 1, "made": 1, "delivered": 1 });
    assert_eq!(said.report["money"], money, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_called_late_is_still_told_what_to_answer() {
    let rig = Rig::start(Manner::Right).await;
    let mut case = task("rate-limit", &json!({ "/status": "failed" }), 500);
    case["steps"][1]["expect"] =
        response(json!({ "json": { "/error/code": "rate_limit_exceeded" } }));
    let said = rig.one(&case).await;
    assert_eq!(said.code, 0, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_never_done_fails_and_says_so() {
    let rig = Rig::start(Manner::NeverDone).await;
    let said = rig.one(&task("ok", &completed(), 4)).await;
    assert_eq!(said.code, 1, "{}", said.text);
    assert_eq!(
        message(&said.report, "2:poll"),
        "after 4 requests /status was still \"running\", and no more were allowed"
    );
    assert_eq!(rig.seen("/v1/images/tasks/").len(), 4);
    assert_eq!(said.report["money"]["asked"], 1, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_a_poll_that_failed_is_not_tried() {
    let rig = Rig::start(Manner::Forgets).await;
    let mut case = task("ok", &completed(), 6);
    let mut after = case["steps"][1].clone();
    after.as_object_mut().unwrap().remove("poll");
    case["steps"].as_array_mut().unwrap().push(after);
    let said = rig.one(&case).await;
    assert_eq!(said.code, 1, "{}", said.text);
    assert_eq!(rig.seen("/v1/images/tasks/").len(), 6);
    assert_eq!(
        message(&said.report, "2:poll"),
        "after 6 requests status was still 404, and no more were allowed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_in_an_answer_before_the_last_one_is_found() {
    let rig = Rig::start(Manner::LeaksMeanwhile).await;
    let said = rig.one(&task("ok", &completed(), 500)).await;
    assert_eq!(said.code, 1, "{}", said.text);
    assert_eq!(checks(&said.report, "fail"), ["2:law.leak"]);
    let message = message(&said.report, "2:law.leak");
    assert!(
        message.starts_with("answer 1 of those that were polled: "),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_image_that_a_poll_itself_asks_for_counts() {
    let rig = Rig::start(Manner::Right).await;
    let said = rig
        .one(&json!({
            "summary": "a refused request is sent again",
            "request": crate::generation(),
            "upstream": { "answers": ["rate-limit", "rate-limit", "ok"] },
            "poll": { "until": { "status": 200 }, "at_most": 5, "pause_ms": 5 },
            "expect": {
                "response": [{ "requirement": "house.one", "images": { "count": 1 } }],
                "upstream": [{ "requirement": "house.one", "calls": 3 }]
            }
        }))
        .await;
    assert_eq!(said.code, 0, "{}", said.text);
    // Beside them, the sentinels before and after a case with a condition asked for one each.
    let money = json!({ "asked": 3 + 2, "made": 1 + 2, "delivered": 1 + 2 });
    assert_eq!(said.report["money"], money, "{}", said.text);
}

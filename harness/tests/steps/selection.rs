//! Which cases run, and beside which: `depends_on`, `quiet`, `slow`; and what a step must not say.

use serde_json::{Value, json};

use crate::gateway::{Manner, Rig};
use crate::{generation, response};

fn case(status: u16) -> Value {
    json!({
        "summary": "an image is made",
        "request": generation(),
        "upstream": { "answers": ["ok"] },
        "expect": response(json!({ "status": status }))
    })
}

/// The verdict of each case by its slug.
fn verdict(report: &Value, slug: &str) -> String {
    let cases = report["cases"].as_array().unwrap().iter();
    let mut cases = cases.filter(|case| case["id"].as_str().unwrap().ends_with(slug));
    cases.next().unwrap()["verdict"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_a_case_runs_after_it_or_not_at_all() {
    let rig = Rig::start(Manner::Right).await;
    let mut dependent = case(200);
    dependent["depends_on"] = json!(["house/steps/z-first"]);
    rig.case("a-second", &dependent);
    for (status, wanted) in [(200, "pass"), (201, "blocked")] {
        rig.case("z-first", &case(status));
        let said = rig.run(&[]).await;
        assert_eq!(verdict(&said.report, "a-second"), wanted, "{}", said.text);
    }
    // Twice the first, once the second.
    assert_eq!(rig.seen("/v1/images/generations").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_case_runs_alone() {
    let rig = Rig::start(Manner::Right).await;
    let mut request = generation();
    request["headers"] = json!({ "x-quiet": "yes" });
    let mut quiet = case(200);
    quiet["request"] = request;
    let mut loud = quiet.clone();
    loud["request"]["headers"] = json!({});
    loud["parallel"] = json!(4);
    quiet["quiet"] = json!(true);
    for slug in ["a", "c", "d"] {
        rig.case(slug, &loud);
    }
    rig.case("b", &quiet);
    let said = rig.run(&["--jobs=4"]).await;
    assert_eq!(said.code, 0, "{}", said.text);
    let seen = rig.seen("/v1/images/generations");
    assert_eq!(seen.len(), 13);
    let quiet = seen
        .iter()
        .filter(|one| one.headers.contains_key("x-quiet"));
    assert_eq!(quiet.map(|one| one.at_once).collect::<Vec<_>>(), [1]);
    // The others really met each other.
    assert!(seen.iter().any(|one| one.at_once > 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_case_runs_only_when_it_is_asked_for() {
    let rig = Rig::start(Manner::Right).await;
    let mut slow = case(200);
    slow["slow"] = json!(true);
    rig.case("one", &slow);
    let said = rig.run(&[]).await;
    assert_eq!(said.code, 4, "{}", said.text);
    assert!(
        said.text.contains("it is slow: run it with --slow"),
        "{}",
        said.text
    );
    assert!(rig.seen("/v1/images/generations").is_empty());
    let said = rig.run(&["--slow"]).await;
    assert_eq!(said.code, 0, "{}", said.text);
    assert_eq!(rig.seen("/v1/images/generations").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_make_no_sense_are_refused_with_their_place() {
    let step = |more: Value| {
        let mut step =
            json!({ "request": generation(), "expect": response(json!({ "status": 200 })) });
        step.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        step
    };
    let poll = json!({ "until": { "/status": "done" }, "at_most": 2 });
    let compared = |step: u32| json!({ "expect": response(json!({ "same_images_as": step })) });
    let mistakes = [
        (
            json!({ "poll": poll, "read": { "pause_after": 1 } }),
            "/steps/1: 'poll' and 'read' cannot stand together",
        ),
        (
            json!({ "poll": { "until": { "state": 1 }, "at_most": 2 } }),
            "at /steps/1/poll/until: a name is wrong",
        ),
        (
            json!({ "poll": { "until": { "/a": { "$near": 1 } }, "at_most": 2 } }),
            "unknown member '$near'",
        ),
        (
            json!({ "poll": { "until": { "status": 200 } } }),
            "at /steps/1/poll: the member 'at_most' is missing",
        ),
        (json!({ "read": { "pause": 1 } }), "unknown member 'pause'"),
        (
            json!({ "save": { "prompt": "message" } }),
            "at /steps/1/save/prompt: ${prompt} means something else already",
        ),
        (
            compared(2),
            "at /steps/1/expect/response/0/same_images_as: expected a step before this one, from 1 to 1, found 2",
        ),
        (
            json!({ "request": { "url": "${target}/a", "credential": "default" } }),
            "'url' and 'credential' cannot stand together",
        ),
        (
            json!({ "request": { "method": "GET", "path": "/tasks/${it}" } }),
            "unknown variable ${it}",
        ),
    ];
    let rig = Rig::start(Manner::Right).await;
    for (more, wanted) in mistakes {
        let steps = [step(json!({})), step(more)];
        let said = rig
            .one(&json!({ "summary": "two steps are taken", "steps": steps }))
            .await;
        assert_eq!(said.code, 2, "{wanted}: {}", said.text);
        assert!(said.text.contains(wanted), "{wanted}: {}", said.text);
    }
}

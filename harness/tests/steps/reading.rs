//! `read`: a client that stops reading for a while gets the whole answer, too.

use serde_json::{Value, json};

use crate::gateway::{Manner, Rig};
use crate::{checks, generation, message, response};

/// Reads a little of an answer that no buffers on the way can hold, and pauses.
fn slowly(size: &str) -> Value {
    json!({
        "summary": "a slow reader gets everything",
        "request": generation(),
        "upstream": { "answers": [size] },
        "read": { "pause_after": 65536 },
        "expect": response(json!({ "status": 200, "images": { "count": 1, "verbatim": true } }))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_gets_everything() {
    let rig = Rig::start(Manner::Right).await;
    let said = rig.one(&slowly("large=24MB")).await;
    assert_eq!(said.code, 0, "{}", said.text);
    assert!(checks(&said.report, "pass").contains(&"read".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_loses_bytes_is_found_out() {
    let rig = Rig::start(Manner::DropsWhenSlow).await;
    let said = rig.one(&slowly("large=24MB")).await;
    assert_eq!(said.code, 1, "{}", said.text);
    let failed = checks(&said.report, "fail");
    assert!(failed.contains(&"law.json".to_owned()), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_hangs_up_on_slow_readers_is_found_out() {
    let rig = Rig::start(Manner::LeavesTheSlow).await;
    let said = rig.one(&slowly("large=24MB")).await;
    assert_eq!(said.code, 1, "{}", said.text);
    let message = message(&said.report, "read");
    assert!(
        message.contains("did not read for a while after 65536 bytes"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_over_before_the_pause_proves_nothing() {
    let rig = Rig::start(Manner::Right).await;
    let mut case = slowly("ok");
    case["read"]["pause_after"] = json!(100_000_000);
    let said = rig.one(&case).await;
    assert_eq!(said.code, 1, "{}", said.text);
    assert_eq!(
        checks(&said.report, "untestable"),
        ["read"],
        "{}",
        said.text
    );
}

//! Gateways that are right except for one fault: the run fails for the right reason, and its output says so.

use crate::support::{Fault, Rig, UPSTREAM_KEY};
use serde_json::Value;

/// The ids of the checks that failed, sorted.
fn failed(report: &Value) -> Vec<String> {
    let checks = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|case| case["checks"].as_array().unwrap());
    let failed = checks.filter(|check| check["verdict"] == "fail");
    let mut ids: Vec<_> = failed
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_a_fault_passes() {
    let rig = Rig::start(Fault::None).await;
    let (code, output, report) = rig.run("**").await;
    assert_eq!(failed(&report), Vec::<String>::new(), "{output}");
    assert_eq!(code, 0, "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_that_is_passed_on_as_a_cut_is_no_fault() {
    let rig = Rig::start(Fault::PassesCutsOn).await;
    for case in [
        "errors/generations/reset",
        "errors/generations/damaged-body",
    ] {
        let (code, output, report) = rig.run(case).await;
        assert_eq!(code, 0, "{output}");
        assert_eq!(report["summary"]["warn"], 0, "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_size_is_seen_upstream_and_in_the_picture() {
    let rig = Rig::start(Fault::DropsSize).await;
    let (code, output, report) = rig.run("parameters/generations/size").await;
    assert_eq!(code, 1, "{output}");
    let failed = failed(&report);
    assert!(
        failed.contains(&"upstream.sent:size".to_owned()),
        "{failed:?}"
    );
    assert!(failed.contains(&"images.size".to_owned()), "{failed:?}");
    assert!(output.contains("1536x1024"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_becomes_500_fails() {
    let rig = Rig::start(Fault::TurnsRefusalsInto500).await;
    let (code, output, report) = rig.run("errors/generations/refused-content").await;
    assert_eq!(code, 1, "{output}");
    assert!(
        failed(&report)
            .iter()
            .any(|id| id == "error" || id == "status"),
        "{output}"
    );
    assert!(
        output.contains("moderation-blocked") && output.contains("500"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buffered_stream_is_told_by_its_hold() {
    let rig = Rig::start(Fault::BuffersStreams).await;
    let (code, output, report) = rig.run("stream/generations/live").await;
    assert_eq!(code, 1, "{output}");
    assert_eq!(failed(&report), ["stream.held"], "{output}");
    assert!(
        output.contains("does not pass each event on as it comes"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_upstream_key_fails_and_is_not_shown() {
    let rig = Rig::start(Fault::LeaksUpstreamKey).await;
    let (code, output, report) = rig.run("errors/**").await;
    assert_eq!(code, 1, "{output}");
    assert_eq!(failed(&report), ["law.leak"], "{output}");
    assert!(!output.contains(UPSTREAM_KEY) && !report.to_string().contains(UPSTREAM_KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_value_is_invented() {
    let rig = Rig::start(Fault::ChangesQuality).await;
    let (code, output, report) = rig.run("parameters/generations/quality").await;
    assert_eq!(code, 1, "{output}");
    assert!(
        failed(&report).contains(&"law.invented".to_owned()),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_made_twice_is_paid_twice() {
    let rig = Rig::start(Fault::PaysTwice).await;
    let (code, output, report) = rig.run("parameters/generations/minimal").await;
    assert_eq!(code, 1, "{output}");
    assert!(
        failed(&report).contains(&"law.paid-twice".to_owned()),
        "{output}"
    );
}

/// What a check says of the first case.
fn check<'r>(report: &'r Value, id: &str) -> &'r Value {
    let checks = report["cases"][0]["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gets_lost_on_the_way_is_told_by_the_direct_run() {
    let rig = Rig::start(Fault::LosesUsage).await;
    let case = "parameters/generations/minimal";
    let (code, output, report) = rig.run(case).await;
    assert_eq!(code, 0, "{output}");
    let told = check(&report, "law.transparent");
    assert_eq!(told["verdict"], "warn", "{output}");
    let evidence = &told["evidence"];
    let expected = evidence["expected"].as_str().unwrap();
    assert!(expected.contains("/usage: {"), "{evidence}");
    let actual = evidence["actual"].as_str().unwrap();
    assert!(
        actual.contains("/usage: (absent)") && actual.contains("/quality: \"best\""),
        "{evidence}"
    );
    assert!(
        !actual.contains("/more"),
        "what is added is legal: {evidence}"
    );

    // What the target file says of it is no difference any more.
    let target = rig.folder().join("target.toml");
    let text = std::fs::read_to_string(&target).unwrap();
    let text = format!("{text}policies.differs = [\"/usage\", \"/quality\"]\n");
    std::fs::write(target, text).unwrap();
    let (_, output, report) = rig.run(case).await;
    assert_eq!(
        check(&report, "law.transparent")["verdict"],
        "pass",
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_something_else_is_told_by_the_direct_run() {
    let rig = Rig::start(Fault::DropsSize).await;
    let (_, output, report) = rig.run("parameters/generations/size@size=1536x1024").await;
    let told = check(&report, "law.transparent");
    assert_eq!(told["verdict"], "warn", "{output}");
    assert!(
        told["message"]
            .as_str()
            .unwrap()
            .contains("the pictures are other ones"),
        "{told}"
    );
}

//! Known failures, repetitions and targets that are unwell, through the binary.

use crate::support::{Fault, Rig, harness};
use serde_json::Value;

/// id → verdict of the cases that came out so.
fn cases(report: &Value, verdict: &str) -> Vec<String> {
    let cases = report["cases"].as_array().unwrap().iter();
    let cases = cases.filter(|case| case["verdict"] == verdict);
    cases
        .map(|case| case["id"].as_str().unwrap().to_owned())
        .collect()
}

fn entry(case: &str, status: &str) -> String {
    format!(
        "[[expect]]\ncase = \"{case}\"\nstatus = \"{status}\"\nreason = \"size is not sent on yet\"\n\n"
    )
}

const SIZE: &str = "parameters/generations/size";

#[tokio::test(flavor = "multi_thread")]
async fn a_known_failure_is_excused_and_must_still_fail() {
    let rig = Rig::start(Fault::DropsSize).await;
    let file = rig.folder().join("target.expectations.toml");
    let (code, output, _) = rig.run(SIZE).await;
    assert_eq!(code, 1, "{output}");

    std::fs::write(&file, entry("parameters/*/size", "fails")).unwrap();
    let (code, output, report) = rig.run(SIZE).await;
    assert_eq!(code, 0, "found beside the target file: {output}");
    assert!(output.contains("size is not sent on yet"), "{output}");
    let excused = cases(&report, "expected-fail");
    assert!(!excused.is_empty());
    let schema = harness::schema::compile("report").unwrap();
    assert_eq!(harness::schema::issues(&schema, &report), []);

    // Entries for the checks of the first instance alone leave the others as they are.
    let first = entry(&format!("{}#upstream.sent:size", excused[0]), "fails");
    std::fs::write(&file, first).unwrap();
    let (code, output, report) = rig.run(SIZE).await;
    assert_eq!(code, 1, "{output}");
    assert_eq!(cases(&report, "expected-fail"), excused[..1]);
    assert_eq!(cases(&report, "fail").len(), excused.len() - 1);

    // A healthy gateway makes the entry stale.
    let well = Rig::start(Fault::None).await;
    std::fs::write(
        well.folder().join("target.expectations.toml"),
        entry("parameters/*/size", "fails"),
    )
    .unwrap();
    let (code, output, report) = well.run(SIZE).await;
    assert_eq!(code, 1, "{output}");
    assert_eq!(cases(&report, "unexpected-pass").len(), excused.len());
    assert!(output.contains("take the entry out"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_cannot_be_used_are_exit_code_2() {
    let rig = Rig::start(Fault::None).await;
    for (text, wanted) in [
        (
            entry("parameters/generations/szie", "fails"),
            "did you mean",
        ),
        (
            entry("parameters/generations/size#imges", "fails"),
            "no check is called",
        ),
        (
            entry("parameters/generations/size", "broken"),
            "unknown variant",
        ),
        (
            entry(SIZE, "fails").replace("reason", "why"),
            "unknown field `why`",
        ),
    ] {
        let file = rig.folder().join("own.toml");
        std::fs::write(&file, text).unwrap();
        let option = format!("--expectations={}", file.display());
        let (code, output, _) = rig.run_with(SIZE, &[&option]).await;
        assert_eq!(code, 2, "{output}");
        assert!(output.contains(wanted), "{wanted}: {output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_whose_day_is_over_warns_or_fails() {
    let rig = Rig::start(Fault::DropsSize).await;
    let over = entry(SIZE, "fails").replace("reason", "until = 2026-01-01\nreason");
    std::fs::write(rig.folder().join("target.expectations.toml"), over).unwrap();
    let (code, output, _) = rig.run(SIZE).await;
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("was to end on 2026-01-01"), "{output}");
    let (code, output, report) = rig.run_with(SIZE, &["--expired=fail"]).await;
    assert_eq!(code, 1, "{output}");
    assert!(!cases(&report, "fail").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_baseline_is_written_pruned_and_then_green() {
    let rig = Rig::start(Fault::DropsSize).await;
    let target = rig.folder().join("target.toml");
    let arguments = [
        "baseline".to_owned(),
        format!("--target={}", target.display()),
        format!("--upstream={}", rig.mock.url()),
        format!("--case={SIZE}"),
        "--case=parameters/generations/n".to_owned(),
    ];
    let file = rig.folder().join("target.expectations.toml");
    std::fs::write(
        &file,
        "# what we know\n\n".to_owned() + &entry("parameters/generations/n#status", "fails"),
    )
    .unwrap();
    let output = tokio::task::spawn_blocking(move || harness(&arguments))
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("removed  parameters/generations/n#status"),
        "{said}"
    );
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("# what we know\n"), "{written}");
    assert!(
        written.contains(&format!("{SIZE}@")) && written.contains("#images.size"),
        "{written}"
    );
    let (code, output, report) = rig.run(SIZE).await;
    assert_eq!(code, 0, "{output}");
    assert!(!cases(&report, "expected-fail").is_empty());
    // Without one of the entries the run is red.
    let at = written.rfind("[[expect]]").unwrap();
    std::fs::write(&file, &written[..at]).unwrap();
    assert_eq!(rig.run(SIZE).await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_in_a_cooldown_is_contaminated() {
    let rig = Rig::start(Fault::CoolsDown).await;
    let (code, output, report) = rig.run("errors/**").await;
    assert_eq!(cases(&report, "fail"), Vec::<String>::new(), "{output}");
    assert!(!cases(&report, "contaminated").is_empty(), "{output}");
    assert_eq!(code, 0, "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_stays_unwell_blocks_the_rest() {
    let rig = Rig::start(Fault::StaysDown).await;
    let (code, output, report) = rig.run("errors/**").await;
    assert_eq!(
        cases(&report, "fail"),
        ["sentinel/generations/well"],
        "{output}"
    );
    assert!(!cases(&report, "blocked").is_empty(), "{output}");
    assert_eq!(code, 1, "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mixture_of_repetitions_fails_unless_it_is_listed() {
    let rig = Rig::start(Fault::DropsSizeAtTimes).await;
    let (code, output, _) = rig.run_with(SIZE, &["--repeat=4"]).await;
    assert_eq!(code, 1, "{output}");
    assert!(
        output.contains("it failed in 2 of 4 repetitions"),
        "{output}"
    );
    std::fs::write(
        rig.folder().join("target.expectations.toml"),
        entry(SIZE, "flaky"),
    )
    .unwrap();
    let (code, output, report) = rig.run_with(SIZE, &["--repeat=4"]).await;
    assert_eq!(code, 0, "{output}");
    assert!(!cases(&report, "flaky").is_empty());
}

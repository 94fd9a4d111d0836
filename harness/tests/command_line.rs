//! The binary as a user meets it: exit codes, and what it says.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

fn harness(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_image-harness")));
    let output = command
        .args(arguments)
        .env_remove("IMAGE_HARNESS_API_KEY")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn without_a_target_it_tests_the_reference_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let (json, junit) = (folder.path().join("r.json"), folder.path().join("r.xml"));
    let (code, out, err) = harness(&[
        "run",
        "--case=parameters/generations/n",
        &format!("--report=json={}", json.display()),
        &format!("--report=junit={}", junit.display()),
    ]);
    assert_eq!(code, 0, "{out}{err}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let schema = harness::schema::compile("report").unwrap();
    assert_eq!(harness::schema::issues(&schema, &report), []);
    assert_eq!(
        report["summary"]["pass"],
        report["cases"].as_array().unwrap().len()
    );
    assert!(
        std::fs::read_to_string(junit)
            .unwrap()
            .contains("<testsuite ")
    );
}

#[test]
fn two_runs_give_the_same_report_outside_of_timing() {
    let folder = tempfile::tempdir().unwrap();
    let mut reports = Vec::new();
    for name in ["a.json", "b.json"] {
        let path = folder.path().join(name);
        harness(&[
            "run",
            "--case=errors/**",
            "--case=stream/**",
            &format!("--report=json={}", path.display()),
        ]);
        let mut report: Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        report.as_object_mut().unwrap().remove("timing");
        reports.push(report.to_string());
    }
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn what_cannot_be_used_is_said_with_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("cases/own/generations");
    std::fs::create_dir_all(&case).unwrap();
    std::fs::write(
        case.join("x.json"),
        r#"{"summary":"a case of my own","reqest":{}}"#,
    )
    .unwrap();
    let own = format!("--cases={}", folder.path().display());
    for (arguments, wanted) in [
        (vec!["run", "--profile=platfrom"], "did you mean 'platform'"),
        (vec!["run", "--case=a//b"], "is no pattern"),
        (vec!["run", "--report=xml=x"], "known are"),
        (
            vec!["run", "--target=/nowhere.toml"],
            "cannot read /nowhere.toml",
        ),
        (vec!["run", "--shard=3/2"], "expected I/N"),
        (vec!["list", &own], "reqest"),
    ] {
        let (code, _, err) = harness(&arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert!(err.contains(wanted), "{arguments:?}: {err}");
    }
}

#[test]
fn an_empty_selection_is_exit_code_4() {
    for arguments in [
        ["run", "--case=no/such/case"],
        ["list", "--case=no/such/case"],
        ["explain", "no/such/case"],
    ] {
        let (code, _, err) = harness(&arguments);
        assert_eq!(code, 4, "{arguments:?}: {err}");
    }
}

#[test]
fn a_run_of_refusals_needs_no_upstream_call() {
    let (code, out, err) = harness(&["run", "--case=refusals/generations/*-key"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_target_that_does_not_answer_is_exit_code_3() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (code, _, err) = harness(&[
        "run",
        &format!("--target=http://{free}"),
        "--upstream-listen=127.0.0.1:0",
    ]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("Is it running?"), "{err}");
}

#[test]
fn a_case_is_explained_with_quote_and_address() {
    let (code, out, err) = harness(&["explain", "parameters/generations/n"]);
    assert_eq!(code, 0, "{err}");
    for wanted in [
        "parameters/generations/n@n=2",
        "https://",
        "MUST",
        "applies to the profile platform",
    ] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
}

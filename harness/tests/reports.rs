//! Reports and the commands that read them, through the binary.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Quick, good, without an upstream call.
const CASES: &str = "--case=refusals/generations/*-key";

fn harness(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_image-harness")))
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

/// Runs some cases; gives the path of the JSON report and the report.
fn run(folder: &Path, name: &str, more: &[&str]) -> (PathBuf, Value) {
    let path = folder.join(name);
    let report = format!("--report=json={}", path.display());
    let arguments = [&["run", CASES, &report][..], more].concat();
    let (code, out, err) = harness(&arguments);
    assert_eq!(code, 0, "{out}{err}");
    let report = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    (path, report)
}

fn write(folder: &Path, name: &str, report: &Value) -> String {
    let path = folder.join(name);
    std::fs::write(&path, report.to_string()).unwrap();
    path.display().to_string()
}

/// The report with one case whose first check fails.
fn broken(report: &Value, message: &str) -> Value {
    let mut report = report.clone();
    let case = &mut report["cases"][0];
    case["verdict"] = "fail".into();
    case["checks"][0]["verdict"] = "fail".into();
    case["checks"][0]["message"] = message.into();
    report
}

fn id(report: &Value) -> &str {
    report["cases"][0]["id"].as_str().unwrap()
}

#[test]
fn one_run_writes_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let formats = ["badge", "html", "json", "junit", "markdown", "ndjson"];
    let place = |format: &str| folder.path().join(format);
    let wanted = formats.map(|format| format!("--report={format}={}", place(format).display()));
    let arguments: Vec<&str> = ["run", "--case=parameters/generations/n@n=2"]
        .into_iter()
        .chain(wanted.iter().map(String::as_str))
        .collect();
    let (code, out, err) = harness(&arguments);
    assert_eq!(code, 0, "{out}{err}");
    let read = |format: &str| std::fs::read_to_string(place(format)).unwrap();
    let badge: Value = serde_json::from_str(&read("badge")).unwrap();
    assert_eq!(
        (&badge["message"], &badge["color"]),
        (&json!("1 of 1 passed"), &json!("brightgreen"))
    );
    // Two images came back, and both are shown.
    assert_eq!(read("html").matches("<img src=\"data:image/").count(), 2);
    assert!(read("markdown").starts_with("## Image API conformance: passed\n"));
    let schema = harness::schema::compile("report-event").unwrap();
    let lines: Vec<Value> = read("ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!(harness::schema::issues(&schema, line), []);
    }
}

#[test]
fn a_trace_shows_good_cases_without_secrets_and_colours() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("events.ndjson");
    let (code, out, err) = harness(&[
        "run",
        "--case=parameters/generations/n@n=2",
        "--trace",
        &format!("--report=ndjson={}", lines.display()),
    ]);
    assert_eq!(code, 0, "{out}{err}");
    for wanted in [
        "PASS ",
        "client -> target: POST ",
        "target -> provider: POST ",
        "\"b64_json\"",
    ] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    assert!(out.len() < 40_000, "images are shortened");
    let lines = std::fs::read_to_string(lines).unwrap();
    assert!(lines.contains("\"wire\":["), "{lines}");
    for text in [&out, &lines] {
        assert!(!text.contains("\u{1b}"), "{text}");
        assert!(text.contains("authorization: Bearer $"), "{text}");
    }
}

#[test]
fn diff_tells_regressions_from_fixes() {
    let folder = tempfile::tempdir().unwrap();
    let (good, report) = run(folder.path(), "good.json", &[]);
    let good = good.display().to_string();
    let bad = write(
        folder.path(),
        "bad.json",
        &broken(&report, "leaked \u{1b}[2J"),
    );
    let worse = write(folder.path(), "worse.json", &broken(&report, "lost"));
    let check = report["cases"][0]["checks"][0]["id"].as_str().unwrap();
    let place = format!("{}#{check}", id(&report));

    let (code, out, _) = harness(&["diff", &good, &good]);
    assert_eq!((code, out.as_str()), (0, "nothing changed\n"));
    let (code, out, _) = harness(&["diff", &good, &bad]);
    assert_eq!(code, 1);
    let wanted = format!("regressions (1):\n  {place}  pass -> fail: leaked \\u{{1b}}[2J\n");
    assert_eq!(out, wanted);
    let (code, out, _) = harness(&["diff", &bad, &good]);
    assert_eq!(code, 0);
    assert!(out.starts_with("fixes (1):\n"), "{out}");
    let (code, out, _) = harness(&["diff", &bad, &worse]);
    assert_eq!(code, 0);
    assert!(out.contains("fail: lost (it was: leaked"), "{out}");
}

#[test]
fn a_file_that_is_no_report_is_exit_code_2_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let (good, mut report) = run(folder.path(), "good.json", &[]);
    let good = good.display().to_string();
    report["cases"][0]["verdict"] = "passed".into();
    let wrong = write(folder.path(), "wrong.json", &report);
    let text = folder.path().join("text.json");
    std::fs::write(&text, "<html>").unwrap();
    let text = text.display().to_string();
    for (file, wanted) in [
        (wrong.as_str(), "/cases/0/verdict"),
        (&text, "no JSON"),
        ("/nowhere.json", "cannot read /nowhere.json"),
    ] {
        for arguments in [
            vec!["diff", &good, file],
            vec!["merge", &good, file],
            vec!["matrix", file],
            vec!["run", "--rerun-failed", file],
        ] {
            let (code, _, err) = harness(&arguments);
            assert_eq!(code, 2, "{arguments:?}: {err}");
            assert!(err.contains(wanted), "{arguments:?}: {err}");
        }
    }
}

#[test]
fn shards_merge_into_the_report_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (_, whole) = run(folder.path(), "whole.json", &[]);
    let count = whole["cases"].as_array().unwrap().len();
    assert!(count > 1);
    // A shard may hold nothing of so few cases: the parts are cut by hand.
    let part = |kept: bool| {
        let mut part = whole.clone();
        let cases = part["cases"].as_array_mut().unwrap();
        let rest = cases.split_off(1);
        if !kept {
            *cases = rest;
        }
        part
    };
    let (first, second) = (part(true), part(false));
    let first = write(folder.path(), "1.json", &first);
    let second = write(folder.path(), "2.json", &second);
    let merged = folder.path().join("merged.json");
    let output = format!("--output={}", merged.display());
    let (code, out, err) = harness(&["merge", &second, &first, &output]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let merged: Value = serde_json::from_str(&std::fs::read_to_string(merged).unwrap()).unwrap();
    assert_eq!(merged["cases"], whole["cases"]);
    assert_eq!(merged["summary"], whole["summary"]);
    let schema = harness::schema::compile("report").unwrap();
    assert_eq!(harness::schema::issues(&schema, &merged), []);

    let failed = write(folder.path(), "failed.json", &broken(&whole, "x"));
    let (code, out, err) = harness(&["merge", &first, &failed]);
    assert_eq!(code, 1, "{err}");
    assert!(
        out.contains("as pass and as fail: the worse counts"),
        "{out}"
    );
    let mut stranger = whole.clone();
    stranger["profile"] = "router".into();
    let stranger = write(folder.path(), "stranger.json", &stranger);
    let (code, _, err) = harness(&["merge", &first, &stranger]);
    assert_eq!(code, 2);
    assert!(
        err.contains("profile is 'platform' in one and 'router'"),
        "{err}"
    );
}

#[test]
fn only_what_was_not_good_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let (good, report) = run(folder.path(), "good.json", &[]);
    let (code, _, err) = harness(&["run", "--rerun-failed", &good.display().to_string()]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("nothing failed in "), "{err}");

    let bad = write(folder.path(), "bad.json", &broken(&report, "x"));
    let (_, again) = run(folder.path(), "again.json", &["--rerun-failed", &bad]);
    let ids: Vec<_> = again["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| &case["id"])
        .collect();
    assert_eq!(ids, [id(&report)]);
    // What was asked for besides still counts.
    let (code, _, err) = harness(&["run", "--case=stream/**", "--rerun-failed", &bad]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("is among what was asked for"), "{err}");
}

#[test]
fn a_matrix_has_a_column_for_each_target() {
    let folder = tempfile::tempdir().unwrap();
    let (first, mut report) = run(folder.path(), "first.json", &[]);
    report["target"] = "<b>other</b>|x".into();
    let second = write(folder.path(), "second.json", &broken(&report, "x"));
    let first = first.display().to_string();
    let (code, out, err) = harness(&["matrix", &first, &second]);
    assert_eq!(code, 0, "{err}");
    for wanted in ["✓ pass", "✗ fail", "| all | MUST |", "&#60;b&#62;other"] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    assert!(!out.contains("<b>other"), "{out}");
    let page = folder.path().join("matrix.html");
    let output = format!("--output={}", page.display());
    let (code, out, err) = harness(&["matrix", "--format=html", &output, &first, &second]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("&lt;b&gt;other&lt;/b&gt;|x"), "{page}");
    assert!(!page.contains("<script"), "a table needs none");
}

//! What the built-in targets answer is pinned: the reference gateway, and the mock itself as each provider, in every
//! operation that its profile has.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::run::plan::{Selection, select};
use harness::run::setup::{Options, outline};
use serde_json::Value;

const PROFILES: &[&str] = &["azure", "gemini", "openai", "platform", "router", "vertex"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/snapshots")
}

/// Runs the pinned cases of a profile; gives the exit code, what was printed, and the report.
fn run(profile: &str, more: &[String]) -> (i32, String, Value) {
    let report = tempfile::NamedTempFile::new().unwrap();
    let pinned = fixtures::folder("cases");
    let pinned = pinned
        .iter()
        .filter(|(_, text)| text.contains("\"snapshot\": true"));
    let pinned = pinned.map(|(path, _)| format!("--case={}", path.strip_suffix(".json").unwrap()));
    let output = Command::new(env!("CARGO_BIN_EXE_image-harness"))
        .args(["run", "--profile", profile])
        .arg(format!("--report=json={}", report.path().display()))
        .args(pinned)
        .args(more)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let report = std::fs::read_to_string(report.path()).unwrap();
    let report = serde_json::from_str(&report).unwrap_or_default();
    (output.status.code().unwrap(), text, report)
}

/// instance → what is said of its snapshots, the worst.
fn judged(report: &Value) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for case in report["cases"].as_array().unwrap() {
        let checks = case["checks"].as_array().unwrap().iter();
        let snapshots = checks.filter(|check| check["id"].as_str().unwrap().ends_with("snapshot"));
        for check in snapshots {
            let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
            let id = case["id"].as_str().unwrap().to_owned();
            found.insert(id, (text("verdict"), text("message")));
        }
    }
    found
}

/// instance → its operations, of all that a profile has.
fn operations(profile: &str) -> (BTreeMap<String, BTreeSet<String>>, BTreeSet<String>) {
    let options = Options {
        profile: Some(profile.to_owned()),
        ..Options::default()
    };
    let outline = outline(&options, &|_| None).unwrap();
    let instances = select(&outline.catalog, &outline.target, &Selection::default());
    let of = |step: &Value| Some(step.pointer("/request/operation")?.as_str()?.to_owned());
    let all = instances.iter().map(|instance| {
        let operations = instance.case.steps.iter().filter_map(of).collect();
        (instance.id.clone(), operations)
    });
    let paths = outline.target.profile.paths.keys();
    let promised = paths.map(|operation| operation.as_str().to_owned());
    (all.collect(), promised.collect())
}

#[test]
fn every_operation_of_every_provider_is_pinned_and_as_it_was() {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for profile in PROFILES {
        let (code, text, report) = run(profile, &[]);
        assert_eq!(code, 0, "{text}");
        let (operations, mut open) = operations(profile);
        for (instance, (verdict, message)) in judged(&report) {
            if verdict != "pass" || !message.is_empty() {
                wrong.push(format!("{profile}/{instance}: {verdict} {message}"));
            }
            for operation in &operations[&instance] {
                open.remove(operation);
            }
            used.insert(format!("{profile}/{instance}"));
        }
        // The reference gateway serves one operation of those that its profile inherits.
        if *profile != "platform" {
            wrong.extend(
                open.iter()
                    .map(|one| format!("{profile}: {one} is not pinned")),
            );
        }
    }
    wrong.extend(orphans(&used));
    assert!(
        wrong.is_empty(),
        "{}\nwhat is new or changed is written by `image-harness run --profile P --snapshots fixtures/snapshots`, and taken by `cargo insta review`",
        wrong.join("\n")
    );
}

/// Files that no case has any more.
fn orphans(used: &BTreeSet<String>) -> Vec<String> {
    let files = fixtures::folder("snapshots").into_iter();
    let snapshots = files.filter_map(|(path, _)| path.strip_suffix(".snap"));
    let orphans = snapshots.filter(|path| {
        let step = path
            .rsplit_once('.')
            .filter(|(_, number)| number.parse::<u8>().is_ok());
        !used.contains(*path) && !step.is_some_and(|(instance, _)| used.contains(instance))
    });
    orphans
        .map(|path| format!("{path}.snap belongs to no case"))
        .collect()
}

#[test]
fn other_tokens_mean_other_pictures_and_no_change() {
    for more in ["--repeat=2", "--seed=5"] {
        let (code, text, report) = run("gemini", &[more.to_owned()]);
        assert_eq!(code, 0, "{more}: {text}");
        assert_eq!(judged(&report).is_empty(), more == "--seed=5", "{text}");
    }
}

#[test]
fn what_changes_is_told_and_left_for_review() {
    let own = tempfile::tempdir().unwrap();
    let place = "gemini/response/models/get.snap";
    let file = own.path().join(place);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let known = std::fs::read_to_string(folder().join(place)).unwrap();
    std::fs::write(
        &file,
        known
            .replace("predict", "prodict")
            .replace("generate", "genorate"),
    )
    .unwrap();
    let options = [format!("--snapshots={}", own.path().display())];
    let (code, text, report) = run("gemini", &options);
    assert_eq!(code, 1, "{text}");
    let (verdict, message) = &judged(&report)["response/models/get"];
    assert_eq!(verdict, "fail");
    assert!(message.contains(place), "{message}");
    let pending = std::fs::read_to_string(file.with_extension("snap.new")).unwrap();
    assert_eq!(
        pending.split_once("\n---\n").unwrap().1,
        known.split_once("\n---\n").unwrap().1,
        "what is left is what the mock answers"
    );
}

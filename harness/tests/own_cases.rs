//! Cases of a user's own, `--cases DIR`, through the front door: they run, and what is wrong with one is said with
//! its file, the place in it, and what is allowed.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// A folder that is laid out like `fixtures/`.
struct Own(tempfile::TempDir);

impl Own {
    /// With one requirement and one case that rests on it.
    fn new() -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        own.write("requirements/house.json", &requirements());
        own.write("cases/house/generations/one.json", &case());
        own
    }

    fn write(&self, path: &str, value: &Value) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, value.to_string()).unwrap();
    }

    /// Runs the harness with the folder; gives the exit code, and everything that it said.
    fn harness(&self, arguments: &[&str]) -> (i32, String) {
        harness(arguments, self.0.path())
    }
}

fn harness(arguments: &[&str], folder: &Path) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_image-harness"))
        .args(arguments)
        .arg(format!("--cases={}", folder.display()))
        .env_remove("IMAGE_HARNESS_API_KEY")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

fn requirements() -> Value {
    json!({
        "source": "house", "title": "The rules of the house", "set": "2026-11",
        "requirements": [{
            "id": "house.one", "level": "MUST", "summary": "one image comes",
            "quote": "One is enough.", "url": "https://example.com/rules", "read": "2026-11-25"
        }]
    })
}

fn case() -> Value {
    json!({
        "summary": "one image is enough",
        "request": {
            "operation": "images.generations",
            "body": { "model": "${models.image}", "prompt": "${prompt}", "quality": "low" }
        },
        "upstream": { "answers": ["ok"] },
        "expect": { "response": [{ "requirement": "house.one", "status": 200, "images": { "count": 1 } }] }
    })
}

#[test]
fn they_run_and_their_requirements_are_part_of_every_profile() {
    let own = Own::new();
    for profile in ["platform", "openai-images", "openai"] {
        let (code, text) = own.harness(&["run", "--case=house/**", "--profile", profile]);
        assert_eq!(code, 0, "{profile}: {text}");
        assert!(text.contains("pass 1"), "{profile}: {text}");
    }
    let (code, text) = own.harness(&["explain", "house/generations/one"]);
    assert!(code == 0 && text.contains("One is enough."), "{text}");
}

#[test]
fn explain_shows_how_a_step_polls_and_reads() {
    let own = Own::new();
    let mut step = case();
    step.as_object_mut().unwrap().remove("summary");
    let (mut polling, mut reading) = (step.clone(), step);
    polling["poll"] = json!({ "until": { "/status": "completed" }, "at_most": 3 });
    reading["read"] = json!({ "pause_after": 4096 });
    let case = json!({ "summary": "polls, then reads slowly", "steps": [polling, reading] });
    own.write("cases/house/generations/one.json", &case);
    let (code, text) = own.harness(&["explain", "house/generations/one"]);
    assert_eq!(code, 0, "{text}");
    for wanted in [
        "poll: {",
        "\"/status\": \"completed\"",
        "read: {",
        "\"pause_after\": 4096",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn a_broken_rule_of_the_house_fails() {
    let own = Own::new();
    let mut case = case();
    case["expect"]["response"][0]["images"]["count"] = json!(2);
    own.write("cases/house/generations/one.json", &case);
    let (code, text) = own.harness(&["run", "--case=house/**"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("One is enough.") && text.contains("1 images came, 2 were asked for"),
        "{text}"
    );
}

/// Where a case is changed, into what, and what must be said of it.
fn mistakes() -> Vec<(&'static str, Value, &'static [&'static str])> {
    vec![
        (
            "/expect/response/0/status",
            json!("6xx"),
            &["at /expect/response/0/status", "integer", "\"4xx\""],
        ),
        (
            "/expect/response/0/images",
            json!({ "cuont": 1 }),
            &["unknown member 'cuont'", "'count'", "location"],
        ),
        (
            "/expect/response/0/images",
            json!({ "location": "b64" }),
            &["/images/location", "\"b64_json\", \"url\""],
        ),
        (
            "/request/credential",
            json!("defualt"),
            &["at /request/credential", "\"other-group\""],
        ),
        (
            "/request/operation",
            json!("images.generate"),
            &["at /request/operation", "\"images.generations\""],
        ),
        (
            "/request/body/n",
            json!("${m}"),
            &["at /request/body/n", "unknown variable ${m}: known are"],
        ),
        (
            "/request",
            json!({ "body": {} }),
            &["at /request", "'method' and 'path'"],
        ),
        (
            "/upstream/answers/0",
            json!("rate-limti"),
            &["at /upstream/answers/0", "'rate-limit'"],
        ),
        (
            "/upstream/answers/0",
            json!({ "do": "ok", "hlod": [] }),
            &["unknown member 'hlod'", "'hold'"],
        ),
        (
            "/expect/response/0/error",
            json!("rate-limti"),
            &["/expect/response/0/error", "'rate-limit'"],
        ),
        (
            "/expect/response/0/schema",
            json!("openai/image-response"),
            &["'openai/images-response'"],
        ),
        (
            "/expect/response/0/requirement",
            json!("house.two"),
            &["unknown requirement", "'house.one'"],
        ),
        (
            "/expect",
            json!({ "snapshot": true }),
            &["no expectation names a requirement"],
        ),
    ]
}

#[test]
fn what_is_wrong_with_a_case_is_said_with_file_place_and_what_is_allowed() {
    for (pointer, value, wanted) in mistakes() {
        let own = Own::new();
        let mut case = case();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match case.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            other => other[name] = value,
        }
        own.write("cases/house/generations/one.json", &case);
        let (code, text) = own.harness(&["list"]);
        assert_eq!(code, 2, "{pointer}: {text}");
        assert!(
            text.contains("cases/house/generations/one.json"),
            "{pointer}: {text}"
        );
        for wanted in wanted {
            assert!(text.contains(wanted), "{pointer} lacks {wanted}: {text}");
        }
        assert!(!text.contains("not valid under any"), "{pointer}: {text}");
    }
}

#[test]
fn an_id_that_is_there_already_is_refused() {
    let own = Own::new();
    own.write("cases/parameters/generations/n.json", &case());
    let mut rows = requirements();
    rows["requirements"][0]["id"] = json!("openai.images.n");
    own.write("requirements/more.json", &rows);
    let (code, text) = own.harness(&["run"]);
    assert_eq!(code, 2, "{text}");
    for id in [
        "'parameters/generations/n' is already there",
        "'openai.images.n' is already there",
    ] {
        assert!(text.contains(id), "{text}");
    }
}

#[test]
fn requirements_and_places_are_checked_too() {
    let own = Own::new();
    let mut rows = requirements();
    rows["requirements"][0]["level"] = json!("SHALL");
    own.write("requirements/house.json", &rows);
    let (code, text) = own.harness(&["list"]);
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains(
            "requirements/house.json: at /requirements/0/level: expected one of \"MUST\""
        ),
        "{text}"
    );

    let own = Own::new();
    own.write("cases/house/two.json", &case());
    let (code, text) = own.harness(&["list"]);
    assert!(
        code == 2
            && text.contains("cases/house/two.json: a case lies at <area>/<operation>/<slug>.json"),
        "{text}"
    );

    let (code, text) = harness(&["list"], Path::new("nowhere"));
    assert!(
        code == 2 && text.contains("nowhere/cases: no case is there"),
        "{text}"
    );
}

#[test]
fn what_depends_on_a_broken_case_is_blocked_wherever_it_stands() {
    let own = Own::new();
    let mut broken = case();
    broken["expect"]["response"][0]["images"]["count"] = json!(2);
    own.write("cases/house/generations/one.json", &broken);
    let mut first = case();
    first["depends_on"] = json!(["house/generations/one"]);
    own.write("cases/house/generations/a-first.json", &first);
    let (code, text) = own.harness(&["run", "--case=house/**"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("blocked 1, fail 1"), "{text}");
}

#[test]
fn what_fails_straight_against_the_mock_too_is_an_error_of_ours() {
    let own = Own::new();
    let mut wrong = case();
    // Whoever is asked for one image answers with one: the case is wrong, and no target can be blamed for it.
    wrong["expect"]["response"] =
        json!([{ "requirement": "openai.images.n", "images": { "count": 2 } }]);
    own.write("cases/house/generations/one.json", &wrong);
    let (code, text) = own.harness(&["run", "--case=house/**"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("this is an error of the harness"), "{text}");
    assert!(text.contains("error 1"), "{text}");
}

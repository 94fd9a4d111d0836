//! Commands that need no target: `validate`, `copy`, `requirements`, `completions`; and the dated sets of requirements.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

fn harness(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_image-harness"))
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

fn write(folder: &Path, path: &str, value: &Value) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, value.to_string()).unwrap();
}

fn row(id: &str) -> Value {
    json!({ "id": id, "level": "MUST", "summary": "one image comes", "quote": "One is enough.",
            "url": "https://example.com/rules", "read": "2026-11-25" })
}

fn case(requirement: &str, prompt: &str, expected: &Value) -> Value {
    let mut response = json!({ "requirement": requirement });
    response
        .as_object_mut()
        .unwrap()
        .extend(expected.as_object().unwrap().clone());
    json!({
        "summary": "one image is enough",
        "request": { "operation": "images.generations", "body": { "model": "${models.image}", "prompt": prompt } },
        "expect": { "response": [response] }
    })
}

/// A folder with one good case.
fn own() -> tempfile::TempDir {
    let own = tempfile::tempdir().unwrap();
    let rows = json!({ "source": "house", "title": "The house", "set": "2026-11", "requirements": [row("house.one")] });
    write(own.path(), "requirements/house.json", &rows);
    let good = case(
        "house.one",
        "${prompt}",
        &json!({ "images": { "count": 1 } }),
    );
    write(own.path(), "cases/house/generations/good.json", &good);
    own
}

#[test]
fn good_cases_are_counted() {
    let own = own();
    let (code, out, err) = harness(&["validate", "--strict", &own.path().display().to_string()]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(
        out,
        "cases 1 (instances 1), requirements 1, files 0: can be used, warnings 0\n"
    );
}

#[test]
fn what_an_author_wants_to_know_is_told_and_decides_only_when_asked() {
    let own = own();
    let rows = json!({ "source": "more", "title": "More", "set": "2026-11", "requirements": [row("more.idle")] });
    write(own.path(), "requirements/more.json", &rows);
    write(own.path(), "images/idle.png", &json!(1));
    let good = case(
        "house.one",
        "${prompt}",
        &json!({ "images": { "count": 1 } }),
    );
    write(own.path(), "cases/house/generations/twice.json", &good);
    let mut blind = case("house.one", "blind ${token}", &json!({ "status": 200 }));
    blind["request"] = json!({ "method": "GET", "path": "/healthz" });
    write(own.path(), "cases/house/generations/blind.json", &blind);
    let mut lonely = case(
        "house.one",
        "lonely ${token}",
        &json!({ "images": { "count": 1 } }),
    );
    lonely["needs"] = json!([{ "feature": "teleportation" }]);
    write(own.path(), "cases/house/generations/lonely.json", &lonely);
    let folder = own.path().display().to_string();
    let (code, out, err) = harness(&["validate", &folder]);
    assert_eq!(code, 0, "{out}{err}");
    for wanted in [
        "house/generations/twice: it asks and expects the same as house/generations/good",
        "house/generations/blind: it looks neither at a body nor at what arrived upstream",
        "house/generations/lonely: no built-in profile can run it: the target does not have the feature 'teleportation'",
        "more.idle: no case judges this requirement",
        "images/idle.png: no case sends this file",
        "warnings 5",
    ] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    assert_eq!(harness(&["validate", "--strict", &folder]).0, 1);
}

#[test]
fn what_cannot_be_used_is_said_all_at_once() {
    let own = own();
    write(
        own.path(),
        "cases/house/generations/a.json",
        &json!({ "summary": "no request" }),
    );
    write(
        own.path(),
        "cases/house/generations/b.json",
        &case("house.two", "${prompt}", &json!({ "status": 200 })),
    );
    let (code, _, err) = harness(&["validate", &own.path().display().to_string()]);
    assert_eq!(code, 2, "{err}");
    for wanted in [
        "generations/a.json",
        "generations/b.json",
        "did you mean 'house.one'",
    ] {
        assert!(err.contains(wanted), "{wanted}: {err}");
    }
}

#[test]
fn the_built_in_cases_need_no_advice() {
    let catalog = harness::catalog::Catalog::load(&[]).unwrap();
    let part = harness::advice::Part::between(&catalog, &harness::catalog::Catalog::default());
    assert!(!part.cases.is_empty());
    let told = harness::advice::advice(&catalog, &part);
    // What only some targets have, their files say: no profile promises it.
    let told = told
        .iter()
        .filter(|one| !one.text.contains("does not have the feature"));
    let told: Vec<_> = told.map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn a_copy_is_whole_leads_to_its_schemas_and_can_be_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("suite");
    let (code, _, err) = harness(&["copy", &place.display().to_string()]);
    assert_eq!(code, 0, "{err}");
    let text = fixtures::text("cases/parameters/generations/n.json").unwrap();
    let file = place.join("fixtures/cases/parameters/generations/n.json");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let case: Value = serde_json::from_str(text).unwrap();
    let schema = file
        .parent()
        .unwrap()
        .join(case["$schema"].as_str().unwrap());
    assert!(schema.is_file(), "{}", schema.display());
    let readme = std::fs::read_to_string(place.join("README.md")).unwrap();
    for path in readme
        .split('`')
        .filter(|word| word.starts_with("schemas/"))
    {
        assert!(place.join(path).exists(), "{path}");
    }
    assert_eq!(
        harness(&["copy", &place.display().to_string()]).0,
        0,
        "the same once more"
    );
    let fixtures = place.join("fixtures");
    let (code, out, err) = harness(&["validate", &fixtures.display().to_string()]);
    assert_eq!(code, 0, "{out}{err}");
    // One that was changed is another one, and needs another name.
    std::fs::write(
        &file,
        text.replace("\"summary\": \"", "\"summary\": \"now "),
    )
    .unwrap();
    let (code, _, err) = harness(&["validate", &fixtures.display().to_string()]);
    assert!(
        code == 2 && err.contains("'parameters/generations/n' is already there"),
        "{err}"
    );
    let (code, _, err) = harness(&["copy", &place.display().to_string()]);
    assert!(
        code == 2 && err.contains("n.json is there already"),
        "{err}"
    );
}

#[test]
fn ones_own_cases_are_copied_too() {
    let (own, folder) = (own(), tempfile::tempdir().unwrap());
    let cases = format!("--cases={}", own.path().display());
    let (code, _, err) = harness(&["copy", &folder.path().display().to_string(), &cases]);
    assert_eq!(code, 0, "{err}");
    assert!(
        folder
            .path()
            .join("fixtures/cases/house/generations/good.json")
            .is_file()
    );
}

#[test]
fn requirements_lead_to_their_words_and_cases() {
    let (code, out, err) = harness(&["requirements", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let table: Value = serde_json::from_str(&out).unwrap();
    let schema = harness::schema::compile("requirements-table").unwrap();
    assert_eq!(harness::schema::issues(&schema, &table), []);
    let rows = |table: &Value| -> Vec<Value> {
        let sources = table["sources"].as_array().unwrap().iter();
        let rows = sources.flat_map(|source| source["requirements"].as_array().unwrap());
        rows.cloned().collect()
    };
    let all = rows(&table);
    let find = |id: &str| all.iter().find(|row| row["id"] == id).unwrap();
    let cases = find("openai.images.n")["cases"].as_array().unwrap();
    assert!(
        cases.contains(&json!("parameters/generations/n")),
        "{cases:?}"
    );
    assert_eq!(find("law.leak")["law"], true);
    let idle: Vec<_> = all
        .iter()
        .filter(|row| row["law"] == false && row["cases"].as_array().unwrap().is_empty())
        .collect();
    assert!(idle.is_empty(), "no case judges {idle:?}");

    let (_, out, _) = harness(&["requirements", "--format", "json", "--profile", "gemini"]);
    let of_gemini = rows(&serde_json::from_str(&out).unwrap());
    assert!(!of_gemini.is_empty() && of_gemini.len() < all.len());
    assert!(of_gemini.iter().all(|row| {
        let id = row["id"].as_str().unwrap();
        id.starts_with("gemini.") || id.starts_with("law.")
    }));
}

#[test]
fn requirements_are_shown_as_text_and_as_markdown() {
    let (_, text, _) = harness(&["requirements", "--profile", "azure"]);
    for wanted in [
        "MUST azure.images.deployment",
        "judged by every exchange",
        "not promised law.error-envelope: ",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requirements.md");
    let (code, out, _) = harness(&[
        "requirements",
        "--format",
        "markdown",
        "--output",
        &file.display().to_string(),
    ]);
    assert_eq!((code, out.as_str()), (0, ""));
    let page = std::fs::read_to_string(file).unwrap();
    assert!(page.contains("| MUST | `openai.images.n` | "), "{page}");
    let (code, _, err) = harness(&["requirements", "--profile", "azzure"]);
    assert!(code == 2 && err.contains("did you mean 'azure'"), "{err}");
}

#[test]
fn every_shell_is_helped() {
    for (shell, wanted) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef image-harness"),
        ("fish", "complete -c image-harness"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let (code, out, _) = harness(&["completions", shell]);
        assert!(
            code == 0 && out.contains(wanted) && out.contains("rerun-failed"),
            "{shell}: {out}"
        );
    }
}

#[test]
fn a_run_names_its_set_of_requirements() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("r.json");
    let report_option = format!("--report=json={}", report.display());
    let (code, out, err) = harness(&[
        "run",
        "--requirements=2026-11",
        "--case=refusals/generations/no-key",
        &report_option,
    ]);
    assert_eq!(code, 0, "{out}{err}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report["requirements"], "2026-11");
    for command in ["run", "list", "requirements"] {
        let (code, _, err) = harness(&[command, "--requirements=2025-01"]);
        assert_eq!(code, 2, "{err}");
        assert!(
            err.contains("no set of requirements '2025-01': known are 2026-11"),
            "{err}"
        );
    }
}

//! What the documents of the repository lead to is there: files, and the tests that they name.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::{Path, PathBuf};

/// (text, target) of every link to a file of the repository.
fn links(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((target, behind)) = after.split_once(')') else {
            break;
        };
        let text = before.rsplit_once('[').map_or("", |(_, text)| text);
        if !target.contains("://") && !target.starts_with('#') {
            found.push((text.to_owned(), target.to_owned()));
        }
        rest = behind;
    }
    found
}

fn pages(root: &Path) -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    docs.chain([root.join("README.md"), root.join("CONTRIBUTING.md")])
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_every_named_test_is_in_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut broken, mut tests) = (Vec::new(), 0);
    for page in pages(&root) {
        let text = std::fs::read_to_string(&page).unwrap();
        for (name, target) in links(&text) {
            let place = page.parent().unwrap().join(&target);
            let Ok(file) = std::fs::read(&place) else {
                if !place.is_dir() {
                    broken.push(format!("{}: {target} is not there", page.display()));
                }
                continue;
            };
            let Some(test) = name
                .strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'))
            else {
                continue;
            };
            if !target.ends_with(".rs") {
                continue;
            }
            tests += 1;
            if !String::from_utf8_lossy(&file).contains(&format!("fn {test}(")) {
                broken.push(format!("{}: {target} has no {test}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(tests > 40, "only {tests} tests are named");
}

/// What the program writes, held against what the repository has. `UPDATE_DOCS=1` writes it there.
fn generated(page: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "docs/{page} is not what the program writes: UPDATE_DOCS=1 cargo test -p harness --test docs"
    );
}

fn program(arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_image-harness"));
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_page_of_requirements_is_what_the_program_writes() {
    let text = program(&["requirements", "--format=markdown"]);
    generated("requirements.md", &text);
}

#[test]
fn the_page_of_compatibility_is_made_from_the_reports() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reports");
    let reports = std::fs::read_dir(folder).unwrap();
    let mut reports: Vec<String> = reports
        .map(|entry| entry.unwrap().path().to_string_lossy().into_owned())
        .filter(|path| path.ends_with(".json"))
        .collect();
    reports.sort();
    assert!(reports.len() >= 4, "{reports:?}");
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    let text = program(&[&["matrix", "--format=markdown"], reports.as_slice()].concat());
    generated("compatibility.md", &text);
}

/// The rows of `fixtures/bugs`, and what they refer to.
#[test]
fn every_known_bug_leads_to_cases_and_mutants_that_are_there() {
    let text = fixtures::text("bugs/gateways.json").unwrap();
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let catalog = harness::catalog::Catalog::load(&[]).unwrap();
    let mut mutants = std::collections::BTreeMap::new();
    for (_, text) in fixtures::folder("mutants") {
        let file: serde_json::Value = serde_json::from_str(text).unwrap();
        for row in file["mutants"].as_array().unwrap() {
            mutants.insert(row["id"].as_str().unwrap().to_owned(), row.clone());
        }
    }
    let list = |row: &serde_json::Value, name: &str| -> Vec<String> {
        let list = row[name].as_array().into_iter().flatten();
        list.map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    let (mut wrong, mut covered, mut rows) = (Vec::new(), 0, 0);
    for row in file["bugs"].as_array().unwrap() {
        rows += 1;
        let id = row["id"].as_str().unwrap();
        if row["not_covered"].is_string() {
            continue;
        }
        covered += 1;
        let cases = list(row, "cases");
        let unknown = cases
            .iter()
            .filter(|case| !catalog.cases.iter().any(|known| known.id.as_str() == *case));
        wrong.extend(unknown.map(|case| format!("{id}: there is no case {case}")));
        let named = list(row, "mutants");
        if named.is_empty() {
            wrong.push(format!("{id}: no mutant shows it"));
        }
        for mutant in named {
            match mutants.get(&mutant) {
                None => wrong.push(format!("{id}: there is no mutant {mutant}")),
                Some(known) if !list(known, "bugs").contains(&id.to_owned()) => {
                    wrong.push(format!("{id}: the mutant {mutant} does not name it"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows >= 168 && covered >= 120, "{covered} of {rows}");
}

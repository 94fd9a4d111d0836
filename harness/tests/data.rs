//! The data files have the form of the schemas that they name.

use std::collections::BTreeMap;

use serde_json::Value;

/// Folders of data. Cases are judged when they are loaded.
const FOLDERS: &[&str] = &[
    "bugs",
    "deprecations",
    "errors",
    "messages",
    "models",
    "mutants",
    "profiles",
    "requirements",
];

#[test]
fn every_data_file_has_the_form_of_the_schema_that_it_names() {
    let mut schemas = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut judged = 0;
    for folder in FOLDERS {
        for (path, text) in fixtures::folder(folder) {
            let file: Value = serde_json::from_str(text).unwrap();
            let Some(named) = file["$schema"].as_str() else {
                continue;
            };
            let name = named.strip_prefix("../../schemas/").unwrap();
            let name = name.strip_suffix(".json").unwrap().to_owned();
            let compiled = |name: &String| harness::schema::compile(name).unwrap();
            let schema = schemas
                .entry(name.clone())
                .or_insert_with(|| compiled(&name));
            let issues = schema.iter_errors(&file);
            wrong.extend(issues.map(|issue| {
                let place = issue.instance_path().to_string();
                format!("{folder}/{path}{place}: not as {name} says")
            }));
            judged += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(judged >= 8, "only {judged} files name a schema");
}

#[test]
fn every_target_file_can_be_used() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/targets");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".toml") && !name.ends_with(".expectations.toml") {
            if let Err(error) = harness::target::TargetFile::read(&path) {
                panic!("{error}");
            }
            read += 1;
        }
    }
    assert!(read >= 1, "no target file is there");
}

//! Real provider answers against our schemas. The folder comes from `IMAGE_RECORDINGS`; without it the test says
//! that it was skipped.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::Path;

use serde_json::Value;

/// Which recordings a schema is held against.
struct Rule {
    schema: &'static str,
    endpoint: &'static str,
    good: bool,
}

const RULES: &[Rule] = &[
    Rule {
        schema: "openai/images-response",
        endpoint: "images/generations",
        good: true,
    },
    Rule {
        schema: "openai/error-native",
        endpoint: "images/generations",
        good: false,
    },
];

#[test]
fn recorded_openai_answers_have_the_form_of_our_schemas() {
    let Some(folder) = std::env::var_os("IMAGE_RECORDINGS") else {
        println!("skipped: IMAGE_RECORDINGS names no folder of recordings");
        return;
    };
    let recordings = read(Path::new(&folder));
    for rule in RULES {
        let schema = harness::schema::compile(rule.schema).unwrap();
        let fitting: Vec<_> = recordings
            .iter()
            .filter(|(_, recording)| fits(rule, recording))
            .collect();
        assert!(!fitting.is_empty(), "no recording for {}", rule.schema);
        for (name, recording) in fitting {
            let issues = harness::schema::issues(&schema, &recording["response_body"]);
            assert!(
                issues.is_empty(),
                "{name} against {}: {issues:?}",
                rule.schema
            );
        }
    }
}

fn fits(rule: &Rule, recording: &Value) -> bool {
    let status = recording["status"].as_u64().unwrap_or_default();
    recording["provider"] == "openai"
        && recording["endpoint"]
            .as_str()
            .is_some_and(|endpoint| endpoint.contains(rule.endpoint))
        && recording["response_body"].is_object()
        && (status < 300) == rule.good
}

fn read(folder: &Path) -> Vec<(String, Value)> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect()
}

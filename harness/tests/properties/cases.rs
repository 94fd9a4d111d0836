//! The case loader: any JSON, and any change of a real case, is a case or an error with a place.

use std::sync::LazyLock;

use harness::case::{CaseError, Instance, Loader};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value};

use crate::any_json;

static LOADER: LazyLock<Loader> = LazyLock::new(|| Loader::new().unwrap());
const PATH: &str = "any/generations/case.json";

/// Every case of the catalogue, and one that says what none of them says.
static REAL: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let files = fixtures::folder("cases").into_iter();
    let polling = r#"{ "summary": "polls and reads", "depends_on": ["a/b/c"], "quiet": true, "steps": [
        { "request": { "url": "${target}/a" }, "read": { "pause_after": 1 }, "save": { "id": "json:/id" },
          "expect": { "response": [{ "requirement": "a.b", "status": ["4xx", 500] }] } },
        { "request": { "method": "GET", "path": "/${id}", "query": { "a": null } },
          "poll": { "until": { "status": 200, "/status": "done", "/n": { "$range": [1, 2] } }, "at_most": 3 },
          "expect": { "response": [{ "requirement": "a.b", "same_images_as": 1 }] } } ] }"#;
    let texts = files.map(|(_, text)| text).chain([polling]);
    texts
        .map(|text| serde_json::from_str(text).unwrap())
        .collect()
});

/// A change of a document at one of its places.
#[derive(Clone, Debug)]
enum Change {
    Remove,
    Replace(Value),
    Rename(String),
    Add(String, Value),
    /// With the value at another place.
    Swap(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let name = || {
        prop_oneof![
            "[a-z$_/]{0,8}",
            prop::sample::select(vec![
                "body", "expect", "poll", "read", "save", "steps", "url", "until", "$one_of",
                "matrix",
            ])
            .prop_map(str::to_owned),
        ]
    };
    prop_oneof![
        Just(Change::Remove),
        any_json().prop_map(Change::Replace),
        prop::sample::select(vec![
            "${n}",
            "${",
            "$${",
            "${prompt}${",
            "rate-limit",
            "",
            "ok*2"
        ])
        .prop_map(|text| Change::Replace(text.into())),
        name().prop_map(Change::Rename),
        (name(), any_json()).prop_map(|(name, value)| Change::Add(name, value)),
        any::<Index>().prop_map(Change::Swap),
    ]
}

/// The pointers of everything inside a document.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let inner: Vec<(String, &Value)> = match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| (at.to_string(), item))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, item)| (escaped(name), item))
            .collect(),
        _ => Vec::new(),
    };
    for (name, item) in inner {
        let pointer = format!("{pointer}/{name}");
        places(item, &pointer, found);
        found.push(pointer);
    }
}

fn changed(mut case: Value, at: Index, change: Change) -> Value {
    let mut found = Vec::new();
    places(&case, "", &mut found);
    if found.is_empty() {
        return case;
    }
    let pointer = at.get(&found).clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match change {
        Change::Replace(value) => *case.pointer_mut(&pointer).unwrap() = value,
        Change::Swap(other) => {
            let other = case.pointer(other.get::<String>(&found)).unwrap().clone();
            *case.pointer_mut(&pointer).unwrap() = other;
        }
        Change::Add(name, value) => {
            if let Some(Value::Object(members)) = case.pointer_mut(&pointer) {
                members.insert(name, value);
            }
        }
        Change::Remove => match case.pointer_mut(parent).unwrap() {
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            Value::Object(members) => drop(members.shift_remove(&name)),
            _ => {}
        },
        Change::Rename(new) => {
            if let Some(members) = case.pointer_mut(parent).unwrap().as_object_mut() {
                let old = std::mem::take(members).into_iter();
                let renamed =
                    old.map(|(key, value)| (if key == name { new.clone() } else { key }, value));
                *members = renamed.collect::<Map<_, _>>();
            }
        }
    }
    case
}

/// Loads a document: it can be run, or every issue has a place that is in the document, or was looked for there.
fn judge(document: &Value) -> Result<(), TestCaseError> {
    match LOADER.load(PATH, &document.to_string()) {
        Ok(case) => {
            let _ = (case.needs_upstream(), case.credentials(), case.files());
            prop_assert!(!case.requirements().is_empty());
            let instances = Instance::all(&case.into(), &["image".to_owned()]);
            prop_assert!(!instances.is_empty());
        }
        Err(error) => has_places(document, &error)?,
    }
    Ok(())
}

fn has_places(document: &Value, error: &CaseError) -> Result<(), TestCaseError> {
    prop_assert_eq!(&*error.file, PATH);
    prop_assert!(!error.issues.is_empty());
    for issue in &error.issues {
        prop_assert!(!issue.problem.is_empty(), "{error}");
        let exists = |pointer: &str| document.pointer(pointer).is_some();
        let parent = issue
            .pointer
            .rsplit_once('/')
            .map_or("", |(parent, _)| parent);
        prop_assert!(
            exists(&issue.pointer) || exists(parent),
            "{error}: nothing is at {} of {document}",
            issue.pointer
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_json_is_a_case_or_an_error_with_a_place(document in any_json()) {
        judge(&document)?;
    }

    #[test]
    fn any_change_of_a_real_case_is_a_case_or_an_error_with_a_place(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), change()), 1..4),
    ) {
        let case = which.get(&REAL).clone();
        let case = changes.into_iter().fold(case, |case, (at, change)| changed(case, at, change));
        judge(&case)?;
    }

    #[test]
    fn any_text_and_path_is_a_case_or_an_error(path in ".{0,20}", text in ".{0,40}", at in any::<Index>()) {
        for text in [text.clone(), {
            // A real case, cut or damaged in the middle.
            let whole = at.get(&REAL).to_string();
            let middle = (0..=whole.len() / 2).rev().find(|at| whole.is_char_boundary(*at)).unwrap();
            format!("{}{text}{}", &whole[..middle], &whole[middle..])
        }] {
            if let Err(error) = LOADER.load(&path, &text) {
                prop_assert!(!error.issues.is_empty());
            }
            let _ = LOADER.load(PATH, &text);
        }
    }
}

//! The schemas of providers' answers are exact: for each there are good answers in `tests/schemas`, and everything
//! in them that is not listed as optional, nullable or open there must be there and have its type.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod readme;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use harness::recording::{Judge, read};
use harness::schema::{compile, issues};
use jsonschema::Validator;
use readme::{Row, table};
use serde::Deserialize;
use serde_json::{Value, json};

/// A good answer, and what of it may be otherwise, as JSON pointers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    answer: Value,
    /// May be absent.
    #[serde(default)]
    optional: BTreeSet<String>,
    /// May be null.
    #[serde(default)]
    nullable: BTreeSet<String>,
    /// May be of another type.
    #[serde(default)]
    open: BTreeSet<String>,
}

/// The schemas of providers' answers, without our own formats, by their paths without `.json`.
fn schemas() -> Vec<&'static str> {
    let all = schemas::all().into_iter();
    let names = all.filter_map(|(path, _)| path.strip_suffix(".json"));
    names.filter(|name| name.contains('/')).collect()
}

fn samples(schema: &str) -> BTreeMap<String, Sample> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    let text = std::fs::read_to_string(folder.join(format!("{schema}.json")));
    let text = text.unwrap_or_else(|_| panic!("tests/schemas has no answers for {schema}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

/// Pointers to every member of an answer, and to the first item of every list.
fn places(value: &Value, place: &str, found: &mut Vec<String>) {
    let inner: Vec<_> = match value {
        Value::Object(members) => {
            let name = |name: &String| name.replace('~', "~0").replace('/', "~1");
            members
                .iter()
                .map(|(key, value)| (name(key), value))
                .collect()
        }
        Value::Array(items) => items
            .first()
            .map(|item| ("0".to_owned(), item))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    };
    for (name, value) in inner {
        let place = format!("{place}/{name}");
        found.push(place.clone());
        places(value, &place, found);
    }
}

/// The answer without a member; none where the place is an item of a list.
fn without(answer: &Value, place: &str) -> Option<Value> {
    let mut answer = answer.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    let members = answer.pointer_mut(parent).unwrap().as_object_mut()?;
    members
        .remove(&name.replace("~1", "/").replace("~0", "~"))
        .unwrap();
    Some(answer)
}

/// The values of other types that a schema takes at a place.
fn taken(schema: &Validator, answer: &Value, place: &str) -> Vec<Value> {
    let values = [
        Value::Null,
        json!(true),
        json!(7.5),
        json!("\0"),
        json!([]),
        json!({}),
    ];
    let mut changed = answer.clone();
    let own = std::mem::discriminant(answer.pointer(place).unwrap());
    let others = values
        .into_iter()
        .filter(|value| std::mem::discriminant(value) != own);
    let taken = others.filter(|value| {
        value.clone_into(changed.pointer_mut(place).unwrap());
        schema.is_valid(&changed)
    });
    taken.collect()
}

#[test]
fn what_is_always_sent_must_be_there_and_have_its_type() {
    let mut problems = Vec::new();
    for name in schemas() {
        let schema = compile(name).unwrap();
        for (title, sample) in samples(name) {
            let what = format!("{name}, {title}");
            assert_eq!(issues(&schema, &sample.answer), [], "{what}");
            let mut all = Vec::new();
            places(&sample.answer, "", &mut all);
            let mut found = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
            for place in all {
                let less = without(&sample.answer, &place);
                if less.is_some_and(|less| schema.is_valid(&less)) {
                    found[0].insert(place.clone());
                }
                match taken(&schema, &sample.answer, &place).as_slice() {
                    [] => {}
                    [Value::Null] => drop(found[1].insert(place)),
                    _ => drop(found[2].insert(place)),
                }
            }
            let listed = [sample.optional, sample.nullable, sample.open];
            for (kind, (found, listed)) in ["optional", "nullable", "open"]
                .iter()
                .zip(found.iter().zip(listed))
            {
                let problem = |place: &String| {
                    format!("{what}: {kind} and not listed so, or the reverse: {place}")
                };
                problems.extend(found.symmetric_difference(&listed).map(problem));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_tables_of_endpoints_name_schemas_that_exist() {
    let schema = compile("endpoints").unwrap();
    for (file, text) in fixtures::folder("endpoints") {
        assert_eq!(
            issues(&schema, &serde_json::from_str(text).unwrap()),
            [],
            "{file}"
        );
    }
    let judge = Judge::builtin().unwrap();
    let known = schemas();
    for provider in judge.endpoints().providers() {
        let endpoints = provider.endpoints.iter();
        let named =
            endpoints.flat_map(|endpoint| [&endpoint.success, &endpoint.event, &endpoint.error]);
        for name in named.flatten().chain([&provider.error]) {
            assert!(
                known.contains(&name.as_str()),
                "{}: {name}",
                provider.provider
            );
        }
    }
}

#[test]
fn the_table_in_the_readme_lists_every_schema() {
    let table = table();
    let listed: Vec<_> = table.keys().map(String::as_str).collect();
    let mut known = schemas();
    known.sort_unstable();
    assert_eq!(listed, known);
    for (name, row) in &table {
        let schema: Value =
            serde_json::from_str(schemas::text(&format!("{name}.json")).unwrap()).unwrap();
        assert_eq!(schema["title"], *row.title, "{name}");
        assert!(!row.source.is_empty(), "{name}");
    }
}

#[test]
fn the_table_in_the_readme_says_how_many_recordings_a_schema_was_held_against() {
    let Some(folder) = std::env::var_os("IMAGE_RECORDINGS") else {
        println!("skipped: IMAGE_RECORDINGS names no folder of recordings");
        return;
    };
    let judge = Judge::builtin().unwrap();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(Path::new(&folder)).unwrap() {
        let file = entry.unwrap().path();
        if file
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = std::fs::read_to_string(file).unwrap();
            for recording in read(&text, judge.endpoints()).unwrap() {
                if let Ok(schema) = judge.schema_of(&recording) {
                    *counts.entry(schema.to_owned()).or_default() += 1;
                }
            }
        }
    }
    let counted = |(name, row): (String, Row)| {
        let count = counts.get(&name).copied().unwrap_or_default();
        (row.recordings != count.to_string()).then(|| format!("{name}: {count}"))
    };
    let wrong: Vec<_> = table().into_iter().filter_map(counted).collect();
    assert!(
        wrong.is_empty(),
        "the README must say\n{}",
        wrong.join("\n")
    );
}

//! Each recording's shape can be produced by the mock: it is asked what was asked when the recording was made, and
//! status, header names and the paths of the body are compared. What differs is listed with the reason in
//! `differences.json`; an entry that is no longer true fails. The folder comes from `IMAGE_RECORDINGS`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use harness::recording::{Body, Judge, Recording, of_value};
use serde::Deserialize;
use serde_json::Value;

use crate::provider::call::{CALLS, filled, stand_in};
use crate::provider::{Bench, Question, credential};

/// Differences that are meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// Of which recordings, by file name; `*` stands for any text.
    recordings: String,
    /// Which differences, in the words of [`differences`]; `*` stands for any text.
    differences: Vec<String>,
    reason: String,
}

/// A text that fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.into_iter().any(|at| fits(rest, &text[at..]))
}

/// What was asked when a recording was made, as far as it was kept; none where the mock has no such route.
fn question(kept: &Value, recording: &Recording, judge: &Judge) -> Option<Question> {
    let known = judge.endpoints().provider(&recording.provider)?;
    let endpoint = known.find(recording.method.as_deref(), &recording.endpoint)?;
    let model = model(kept, recording, &endpoint.operation);
    let stream = matches!(recording.body, Some(Body::Events(_)));
    let call = CALLS
        .iter()
        .find(|call| call.operation == endpoint.operation)?;
    let (kind, body) = match &kept["request_body"] {
        Value::Object(members) => {
            let mut members = members.clone();
            if endpoint.operation != "models.generateContent"
                && endpoint.operation != "models.predict"
            {
                members.insert("model".into(), model.clone().into());
            }
            (
                Some("application/json".to_owned()),
                Some(Value::Object(members).to_string().into_bytes()),
            )
        }
        // A form, or nothing was kept.
        _ => (call.body)(&model, stream).unzip(),
    };
    let path = filled(&recording.endpoint, &model);
    let query = kept["url"].as_str().and_then(|url| url.split_once('?'));
    let query: Vec<_> = query
        .into_iter()
        .flat_map(|(_, query)| query.split('&'))
        .filter(|pair| !pair.starts_with("key="))
        .collect();
    let mut headers = vec![credential(&recording.provider, &path)];
    headers.extend(kind.map(|kind| ("content-type".to_owned(), kind)));
    if let Some(scenario) = scenario(recording) {
        headers.push(("x-mock-scenario".to_owned(), scenario.to_owned()));
    }
    let path = if query.is_empty() {
        path
    } else {
        format!("{path}?{}", query.join("&"))
    };
    Some(Question {
        method: endpoint.method.clone(),
        path,
        headers,
        body,
    })
}

/// The model that is asked: the recorded one, or what was the default then, or one that stands for it because the
/// mock does not have all models that only write.
fn model(kept: &Value, recording: &Recording, operation: &str) -> String {
    let has_usage = kept["response_body"]["usage"].is_object();
    let default = match operation {
        "images.generations" | "images.edits" | "images.variations" if !has_usage => "dall-e-2",
        _ => "gpt-image-1",
    };
    let model = kept["model"].as_str().unwrap_or(default);
    let model = model.strip_prefix("models/").unwrap_or(model);
    if recording.status == 404 {
        return model.to_owned();
    }
    stand_in(&recording.provider, operation, model)
}

/// What the mock is told where the request itself does not bring the answer about.
fn scenario(recording: &Recording) -> Option<&'static str> {
    let said = match &recording.body {
        Some(Body::Json(body)) => body.to_string(),
        _ => String::new(),
    };
    match recording.status {
        200 if said.contains("\"NO_IMAGE\"") => Some("no-image"),
        200 if said.contains("\"raiFilteredReason\"") => Some("fewer-images"),
        400 if said.contains("API_KEY_INVALID") => Some("invalid-key"),
        401 => Some("invalid-key"),
        403 => Some("permission-denied"),
        429 => Some("rate-limit"),
        500 => Some("server-error"),
        _ => None,
    }
}

/// Every path of a body, lists collapsed; those of a stream begin with the kind of their event.
fn paths(recording: &Recording) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match &recording.body {
        Some(Body::Json(value)) => collect(value, "", &mut found),
        Some(Body::Text(text)) => {
            if let Ok(value) = serde_json::from_str(text) {
                collect(&value, "", &mut found);
            }
        }
        Some(Body::Events(events)) => {
            for event in events {
                match event.json() {
                    Some(value) => collect(&value, &format!("<{}>", event.kind()), &mut found),
                    None => drop(found.insert(event.data.clone())),
                }
            }
        }
        None => {}
    }
    found
}

fn collect(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = format!("{path}.{name}");
                found.insert(path.clone());
                collect(member, &path, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

/// What differs: `status 200 -> 400`; else `-`: only recorded, `+`: only the mock's.
fn differences(recording: &Recording, answer: &Recording) -> BTreeSet<String> {
    if recording.status != answer.status {
        return BTreeSet::from([format!("status {} -> {}", recording.status, answer.status)]);
    }
    let names = |recording: &Recording| -> BTreeSet<String> {
        recording
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    };
    let mut found = BTreeSet::new();
    let mut compare =
        |what: &str, recorded: &BTreeSet<String>, mock: &BTreeSet<String>, whole: bool| {
            found.extend(
                recorded
                    .difference(mock)
                    .map(|name| format!("-{what} {name}")),
            );
            found.extend(
                mock.difference(recorded)
                    .filter(|_| whole)
                    .map(|name| format!("+{what} {name}")),
            );
        };
    compare("body", &paths(recording), &paths(answer), true);
    compare(
        "header",
        &names(recording),
        &names(answer),
        recording.headers_complete,
    );
    found
}

/// What was compared, and what of it is listed.
struct Comparison {
    listed: Vec<Listed>,
    /// The patterns that were needed, as (recordings, difference).
    used: BTreeSet<(String, String)>,
    /// Differences that nobody listed, and the recordings that have them.
    unlisted: BTreeMap<String, Vec<String>>,
}

impl Comparison {
    fn note(&mut self, name: &str, difference: String) {
        let entries = self.listed.iter();
        let patterns = entries
            .filter(|entry| fits(&entry.recordings, name))
            .flat_map(|entry| {
                entry
                    .differences
                    .iter()
                    .map(move |pattern| (entry, pattern))
            });
        let fitting = patterns.filter(|(_, pattern)| fits(pattern, &difference));
        let fitting: Vec<_> = fitting
            .map(|(entry, pattern)| (entry.recordings.clone(), pattern.clone()))
            .collect();
        if fitting.is_empty() {
            let names = self.unlisted.entry(difference).or_default();
            names.push(name.to_owned());
        }
        self.used.extend(fitting);
    }

    fn problems(&self) -> Vec<String> {
        let unlisted = self.unlisted.iter().map(|(difference, names)| {
            format!(
                "{difference}: {} recordings, {}",
                names.len(),
                names.join(", ")
            )
        });
        let patterns = self.listed.iter().flat_map(|entry| {
            assert!(!entry.reason.is_empty(), "{}: no reason", entry.recordings);
            let recordings = &entry.recordings;
            entry
                .differences
                .iter()
                .map(|pattern| (recordings.clone(), pattern.clone()))
        });
        let stale = patterns.filter(|pattern| !self.used.contains(pattern));
        let stale = stale.map(|(recordings, pattern)| {
            format!("no longer true in differences.json: {recordings} {pattern}")
        });
        unlisted.chain(stale).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_answers_in_the_shape_of_each_recording() {
    let Some(folder) = std::env::var_os("IMAGE_RECORDINGS") else {
        println!("skipped: IMAGE_RECORDINGS names no folder of recordings");
        return;
    };
    let mut comparison = Comparison {
        listed: serde_json::from_str(include_str!("differences.json")).unwrap(),
        used: BTreeSet::new(),
        unlisted: BTreeMap::new(),
    };
    let (bench, judge) = (Bench::start().await, Judge::builtin().unwrap());
    let (mut compared, mut without_route) = (0, 0);
    for (name, kept) in recordings(Path::new(&folder)) {
        let recording = of_value(kept.clone()).unwrap();
        if judge.schema_of(&recording).is_err() {
            continue;
        }
        let Some(question) = question(&kept, &recording, &judge) else {
            without_route += 1;
            comparison.note(&name, "no route".to_owned());
            continue;
        };
        compared += 1;
        let answer = bench.ask(&recording.provider, &question).await;
        for difference in differences(&recording, &answer) {
            comparison.note(&name, difference);
        }
    }
    println!(
        "{compared} recordings were compared, {without_route} are of routes that the mock has not"
    );
    let problems = comparison.problems();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn recordings(folder: &Path) -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    let read = |file: std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        (
            name,
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap(),
        )
    };
    files.map(read).collect()
}

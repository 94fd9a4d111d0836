//! Azure's answers against recorded ones: the same members and the same headers. The recordings are not part of the
//! project; without the folder that `IMAGE_RECORDINGS` names, this says so and passes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::azure::ask;
use crate::support::{Reply, start};

fn recorded(file: &str) -> Option<Value> {
    let Some(folder) = std::env::var_os("IMAGE_RECORDINGS") else {
        println!("skipped: IMAGE_RECORDINGS names no folder");
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(folder).join(file)).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// The path of every member; items of a list have the same one.
fn members(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, place: &str, all: &mut BTreeSet<String>) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            let place = format!("{place}/{name}");
            walk(inner, &place, all);
            all.insert(place);
        }
        for inner in value.as_array().into_iter().flatten() {
            walk(inner, &format!("{place}/*"), all);
        }
    }
    let mut all = BTreeSet::new();
    walk(value, "", &mut all);
    all
}

fn recorded_headers(recording: &Value) -> BTreeSet<String> {
    let headers = recording["headers"].as_array().unwrap().iter();
    headers
        .map(|header| header[0].as_str().unwrap().to_ascii_lowercase())
        .collect()
}

fn headers(reply: &Reply) -> BTreeSet<String> {
    reply.headers.keys().map(ToString::to_string).collect()
}

#[tokio::test]
async fn chat_completions_are_as_recorded() {
    let mock = start().await;
    let said = json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": "hello" }] });
    let dated = "/openai/deployments/gpt-4.1/chat/completions?api-version=2025-01-01-preview";
    for (file, path) in [
        ("azure-completions-gpt-4-200-01.json", dated),
        (
            "azure-completions-gpt-4.1-200-01.json",
            "/openai/v1/chat/completions",
        ),
    ] {
        let Some(recording) = recorded(file) else {
            return;
        };
        let reply = ask(&mock, path, &said).await;
        let body = &recording["response_body"];
        assert_eq!(members(&reply.json()), members(body), "{file}");
        assert_eq!(headers(&reply), recorded_headers(&recording), "{file}");
    }
}

#[tokio::test]
async fn a_stream_has_the_recorded_chunks() {
    let Some(recording) = recorded("azure-completions-openllmetry-testing-200-02.json") else {
        return;
    };
    let mock = start().await;
    let mut body = recording["request_body"].clone();
    body["model"] = Value::Null;
    let path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-02-01";
    let reply = ask(&mock, path, &body).await;
    let frames = reply.text().split_terminator("\n\n");
    let mut mine: Vec<_> = frames
        .map(|frame| frame.strip_prefix("data: ").unwrap())
        .collect();
    assert_eq!(mine.pop(), Some("[DONE]"));
    let mut theirs: Vec<_> = recording["sse"].as_array().unwrap().iter().collect();
    theirs.pop();
    // The first, the role, a word, the end.
    for place in [0, 1, 2, usize::MAX] {
        let chunk = |count: usize| place.min(count - 1);
        let mine: Value = serde_json::from_str(mine[chunk(mine.len())]).unwrap();
        let theirs = members(&theirs[chunk(theirs.len())]["data"]);
        let missing: Vec<_> = theirs.difference(&members(&mine)).cloned().collect();
        assert_eq!(missing, [""; 0], "chunk {place}");
    }
}

#[tokio::test]
async fn a_response_has_the_recorded_members_and_headers() {
    let Some(recording) = recorded("azure-responses-gpt-4.1-200-01.json") else {
        return;
    };
    let mock = start().await;
    let reply = ask(&mock, "/openai/v1/responses", &recording["request_body"]).await;
    let mut mine = members(&reply.json());
    // Recorded only a month later.
    mine.remove("/prompt_cache_retention");
    assert_eq!(mine, members(&recording["response_body"]));
    assert_eq!(reply.json()["model"], recording["response_body"]["model"]);
    assert_eq!(headers(&reply), recorded_headers(&recording));
}

#[tokio::test]
async fn an_image_generation_has_the_recorded_members_and_headers() {
    let Some(recording) = recorded("azure-generations-gpt-image-1-200-02.json") else {
        return;
    };
    let mock = start().await;
    let path = "/openai/deployments/gpt-image-1/images/generations?api-version=2025-04-01-preview";
    let reply = ask(&mock, path, &recording["request_body"]).await;
    // Newer answers say more.
    let theirs = members(&recording["response_body"]);
    assert!(theirs.is_subset(&members(&reply.json())));
    let mut theirs = recorded_headers(&recording);
    // The client of the recording had sent one.
    theirs.remove("x-ms-client-request-id");
    assert_eq!(headers(&reply), theirs);
}

//! `image-harness check-recording` as a user meets it, over small recordings written by hand, and over real ones
//! from the folder in `IMAGE_RECORDINGS`.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// A PNG of one pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

fn check(paths: &[&Path]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-harness"));
    let output = command.arg("check-recording").args(paths).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().unwrap();
    (code, text(&output.stdout), text(&output.stderr))
}

/// Checks one file with this content.
fn check_text(name: &str, content: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, content).unwrap();
    check(&[&file])
}

fn good() -> Value {
    let usage = json!({ "input_tokens": 9, "input_tokens_details": { "image_tokens": 0, "text_tokens": 9 }, "output_tokens": 272, "total_tokens": 281 });
    json!({
        "provider": "openai", "endpoint": "/v1/images/generations", "method": "POST", "status": 200,
        "headers": [["Content-Type", "application/json"]], "headers_complete": true, "images": "whole",
        "response_body": {
            "created": 1_780_000_000, "background": "opaque", "data": [{ "b64_json": PNG }],
            "output_format": "png", "quality": "low", "size": "1024x1024", "usage": usage,
        },
    })
}

/// The good recording with a value at a JSON pointer put in, or taken out.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut recording = good();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let members = recording
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name).unwrap()),
    }
    recording
}

fn stream(events: &Value) -> Value {
    let mut recording = good();
    let members = recording.as_object_mut().unwrap();
    members.remove("response_body");
    members.insert(
        "headers".into(),
        json!([["content-type", "text/event-stream"]]),
    );
    members.insert("sse".into(), events.clone());
    recording
}

fn event(kind: &str, index: u64) -> Value {
    let mut data = good()["response_body"].clone();
    data["type"] = kind.into();
    data["created_at"] = data.as_object_mut().unwrap().remove("created").unwrap();
    data["b64_json"] = PNG.into();
    data["partial_image_index"] = index.into();
    json!({ "event": kind, "data": data })
}

const PARTIAL: &str = "image_generation.partial_image";
const COMPLETED: &str = "image_generation.completed";

#[test]
fn good_recordings_are_accepted() {
    let error = json!({ "error": { "message": "no", "type": "invalid_request_error", "param": null, "code": null } });
    let mut refused = with("/response_body", Some(error.clone()));
    refused["status"] = 400.into();
    let mut elsewhere = refused.clone();
    elsewhere["endpoint"] = "/v1/files".into();
    let mut text = with(
        "/response_text",
        Some(good()["response_body"].to_string().into()),
    );
    text.as_object_mut().unwrap().remove("response_body");
    let mut masked = with("/headers", Some(json!([])));
    masked["headers_complete"] = false.into();
    let mut cut = with(
        "/response_body/data/0".rsplit_once("/0").unwrap().0,
        Some(json!([{ "b64_json": "aGVsbG8=" }])),
    );
    cut["images"] = "shortened".into();
    let events = json!([event(PARTIAL, 0), event(PARTIAL, 1), event(COMPLETED, 0)]);
    let mut unknown = good();
    unknown["method"] = Value::Null;
    for recording in [
        good(),
        refused,
        elsewhere,
        text,
        masked,
        cut,
        unknown,
        stream(&events),
    ] {
        let (code, out, err) = check_text("a.json", &recording.to_string());
        assert_eq!(
            (code, out.as_str()),
            (0, "1 accepted, 0 rejected, 0 not judged\n"),
            "{err} {recording}"
        );
    }
}

/// Bad recordings, and a part of what is said of each.
fn bad() -> Vec<(Value, &'static str)> {
    let mut no_envelope = with("/response_body", Some(json!({ "message": "no" })));
    no_envelope["status"] = 400.into();
    let mut no_json = with("/response_text", Some("{\"created\": 1,}".into()));
    no_json.as_object_mut().unwrap().remove("response_body");
    let jpeg = with("/response_body/output_format", Some("jpeg".into()));
    vec![
        (
            with("/response_body/usage/total_tokens", None),
            "at /response_body/usage: the member 'total_tokens' is missing",
        ),
        (
            with("/response_body/created", Some(json!(1_780_000_000_000_u64))),
            "at created: created is no time in seconds",
        ),
        (
            with("/response_body/data", Some(json!([]))),
            "at /response_body/data: ",
        ),
        (
            with(
                "/response_body/data",
                Some(json!([{ "b64_json": "aGVsbG8=" }])),
            ),
            "at /response_body/data/0/b64_json: no image: neither PNG",
        ),
        (jpeg, "is called jpeg, but its bytes are png"),
        (
            with("/headers", Some(json!([["content-type", "text/html"]]))),
            "at content-type: the body is JSON, but is called text/html",
        ),
        (
            with("/headers", Some(json!([]))),
            "at content-type: the answer has a body but no content-type",
        ),
        (
            no_envelope,
            "at /response_body: the member 'error' is missing",
        ),
        (no_json, "at /response_text: the body is no strict JSON"),
        (
            stream(&json!([
                event(PARTIAL, 1),
                event(PARTIAL, 0),
                event(COMPLETED, 0)
            ])),
            "do not ascend",
        ),
        (
            stream(&json!([event(PARTIAL, 0)])),
            "neither a completed nor an error event",
        ),
        (
            stream(&json!([{ "data": "hello" }])),
            "at /sse/0/data: the data of the event are no JSON",
        ),
    ]
}

#[test]
fn bad_recordings_are_rejected_with_place_and_reason() {
    for (recording, wanted) in bad() {
        let (code, out, err) = check_text("a.json", &recording.to_string());
        assert_eq!(code, 1, "{wanted}: {out}{err}");
        let (line, rest) = out.split_once('\n').unwrap();
        assert!(
            line.starts_with("rejected ") && line.contains(wanted),
            "{wanted}: {line}"
        );
        assert_eq!(rest, "0 accepted, 1 rejected, 0 not judged\n");
    }
}

#[test]
fn what_cannot_be_judged_says_why() {
    let mut front = with("/response_text", Some("upstream connect error".into()));
    front["status"] = 503.into();
    front["headers"] = json!([["content-type", "text/plain"]]);
    front.as_object_mut().unwrap().remove("response_body");
    let mut other = good();
    other["provider"] = "somebody".into();
    let mut redirect = good();
    redirect["status"] = 302.into();
    for (recording, wanted) in [
        (
            with("/response_body", None),
            "not judged 1: no body was kept",
        ),
        (
            with("/endpoint", Some("/v1/files".into())),
            "openai POST /v1/files has no schema",
        ),
        (
            with("/method", Some("GET".into())),
            "openai GET /v1/images/generations has no schema",
        ),
        (front, "an error that is no JSON"),
        (other, "'somebody' is no known provider"),
        (redirect, "302 is neither a success nor an error"),
    ] {
        let (code, out, err) = check_text("a.json", &recording.to_string());
        assert_eq!(code, 0, "{wanted}: {out}{err}");
        assert!(
            out.contains(wanted) && out.ends_with("0 accepted, 0 rejected, 1 not judged\n"),
            "{wanted}: {out}"
        );
    }
}

fn har(url: &str, content: &Value) -> String {
    let response = json!({ "status": 200, "headers": [{ "name": "Content-Type", "value": "application/json" }], "content": content });
    let secret = json!({ "name": "Authorization", "value": "Bearer sk-live-8Zt3Qw6Lm1Rk9Xc4" });
    let request = json!({ "method": "POST", "url": url, "headers": [secret] });
    json!({ "log": { "version": "1.2", "entries": [{ "request": request, "response": response }] } }).to_string()
}

#[test]
fn a_har_file_is_judged_by_the_hosts_that_were_called() {
    use base64::Engine as _;
    let url = "https://api.openai.com/v1/images/generations?key=1";
    let body = good()["response_body"].to_string();
    let encoded = base64::prelude::BASE64_STANDARD.encode(&body);
    let (mine, none) = (
        "1 accepted, 0 rejected, 0 not judged\n",
        "0 accepted, 0 rejected, 1 not judged\n",
    );
    for (url, content, wanted) in [
        (url, json!({ "text": body }), mine),
        (url, json!({ "text": encoded, "encoding": "base64" }), mine),
        (url, json!({}), none),
        (
            "https://example.com/v1/images/generations",
            json!({ "text": body }),
            none,
        ),
    ] {
        let (code, out, err) = check_text("a.har", &har(url, &content));
        assert_eq!(code, 0, "{out}{err}");
        assert!(out.ends_with(wanted), "{wanted}: {out}");
    }
}

#[test]
fn no_secret_and_no_control_character_is_printed() {
    let url = "https://api.openai.com/v1/images/generations";
    let body = json!({ "created": "sk-live-8Zt3Qw6Lm1Rk9Xc4 \u{1b}[2J", "data": [] }).to_string();
    let (code, out, err) = check_text("a.har", &har(url, &json!({ "text": body })));
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("at /response_text/created"), "{out}");
    assert!(
        !out.contains("8Zt3Qw6Lm1Rk9Xc4") && !out.contains('\u{1b}'),
        "{out}"
    );
}

#[test]
fn what_is_no_recording_is_a_usage_error_that_names_the_place() {
    let deep = "[".repeat(100_000);
    let both = with("/sse", Some(json!([])));
    for (name, content, wanted) in [
        ("a.json", "hello", "no JSON"),
        ("a.json", &deep, "no JSON"),
        ("a.json", "[]", "no recording: at"),
        (
            "a.json",
            &with("/status", Some("200".into())).to_string(),
            "at /status",
        ),
        (
            "a.json",
            &with("/headers", Some(json!([["a"]]))).to_string(),
            "at /headers/0",
        ),
        (
            "a.json",
            &with("/hedaers", Some(json!([]))).to_string(),
            "hedaers",
        ),
        ("a.json", &both.to_string(), "response_body"),
        (
            "a.har",
            r#"{"log":{"entries":[{"request":{}}]}}"#,
            "at /log/entries/0",
        ),
        (
            "a.har",
            &har("not a url", &json!({})),
            "at /log/entries/0/request/url",
        ),
        (
            "a.har",
            &har(
                "https://api.openai.com/",
                &json!({ "text": "%", "encoding": "base64" }),
            ),
            "at /log/entries/0/response/content/text",
        ),
    ] {
        let (code, out, err) = check_text(name, content);
        assert_eq!(code, 2, "{wanted}: {out}{err}");
        assert!(err.contains(wanted), "{wanted}: {err}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = check(&[&folder.path().join("nowhere.json")]);
    assert!(code == 2 && err.contains("cannot read"), "{err}");
    let (code, _, err) = check(&[folder.path()]);
    assert!(code == 4 && err.contains("there is no recording"), "{err}");
    assert_eq!(check(&[]).0, 2);
}

#[test]
fn a_folder_is_judged_whole_even_if_one_file_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.json", "broken");
    write("b.json", &good().to_string());
    write("c.json", &with("/response_body/usage", None).to_string());
    write("README.md", "no recording");
    let (code, out, err) = check(&[folder.path()]);
    assert_eq!(code, 2, "{out}{err}");
    assert!(err.contains("a.json: no JSON"), "{err}");
    assert!(
        out.ends_with("1 accepted, 1 rejected, 0 not judged\n"),
        "{out}"
    );
}

#[test]
fn every_real_recording_that_is_judged_is_accepted() {
    let Some(folder) = std::env::var_os("IMAGE_RECORDINGS") else {
        println!("skipped: IMAGE_RECORDINGS names no folder of recordings");
        return;
    };
    let (code, out, err) = check(&[Path::new(&folder)]);
    assert_eq!(code, 0, "{out}{err}");
    let summary = out.lines().last().unwrap();
    println!("{summary}");
    let accepted: usize = summary.split(' ').next().unwrap().parse().unwrap();
    assert!(accepted > 200, "{out}");
}

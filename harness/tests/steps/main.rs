//! What a step can say, each against a small gateway that is right or does one thing wrong.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod gateway;
mod members;
mod polling;
mod reading;
mod selection;

use serde_json::{Value, json};

/// The ids of the checks of a report that came out so, sorted, each once.
pub(crate) fn checks(report: &Value, verdict: &str) -> Vec<String> {
    let cases = report["cases"].as_array().unwrap().iter();
    let checks = cases.flat_map(|case| case["checks"].as_array().unwrap());
    let found = checks.filter(|check| check["verdict"] == verdict);
    let mut ids: Vec<_> = found
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

/// The message of the check with this id that failed.
pub(crate) fn message(report: &Value, id: &str) -> String {
    let cases = report["cases"].as_array().unwrap().iter();
    let mut checks = cases.flat_map(|case| case["checks"].as_array().unwrap());
    let found = checks.find(|check| check["id"] == id && check["verdict"] == "fail");
    found.unwrap()["message"].as_str().unwrap().to_owned()
}

/// A good image request.
pub(crate) fn generation() -> Value {
    json!({ "operation": "images.generations", "body": {
        "model": "${models.image}", "prompt": "${prompt}", "quality": "low"
    } })
}

/// An expectation of the response that rests on the rule of the house.
pub(crate) fn response(mut members: Value) -> Value {
    members["requirement"] = json!("house.one");
    json!({ "response": [members] })
}

//! The laws that a single recorded answer can keep or break; those about requests and upstreams need a run.

use serde_json::Value;

use super::endpoint::Endpoint;
use super::{Images, Problem, Recording};
use crate::check::{Mismatch, law_content_type, law_created, law_stream_order};
use crate::exchange::Received;
use crate::exchange::sse::StreamEvent;
use crate::operation::Protocol;

/// What an answer breaks.
pub(super) fn problems(
    recording: &Recording,
    endpoint: Option<&Endpoint>,
    answer: &Received,
) -> Vec<Problem> {
    // Providers send errors under other names than JSON: Google those of streams, OpenAI some as text.
    if !answer.is_success() {
        return Vec::new();
    }
    let laws = [
        ("content-type", content_type(recording, answer)),
        ("created", created(recording, answer)),
        ("sse", stream(endpoint, answer)),
    ];
    let broken = laws.into_iter().filter_map(|(place, result)| {
        let mismatch = result.err()?;
        Some(Problem {
            place: place.to_owned(),
            reason: said(&mismatch),
        })
    });
    broken.collect()
}

fn said(mismatch: &Mismatch) -> String {
    match (&mismatch.expected, &mismatch.actual) {
        (Some(expected), Some(actual)) => {
            format!("{}: expected {expected}, found {actual}", mismatch.message)
        }
        _ => mismatch.message.clone(),
    }
}

fn content_type(recording: &Recording, answer: &Received) -> Result<(), Mismatch> {
    match answer.header("content-type") {
        None if !recording.headers_complete => Ok(()),
        // What has no slash is no media type but a recorder's placeholder.
        Some(value) if !value.contains('/') => Ok(()),
        _ => law_content_type::judge_one(answer),
    }
}

/// Where images were replaced, times may have been.
fn created(recording: &Recording, answer: &Received) -> Result<(), Mismatch> {
    let document = answer.document().unwrap_or_default();
    let mut times = ["created", "created_at"]
        .into_iter()
        .filter_map(|name| document.get(name));
    // Azure's first chunk and placeholders have no time of their own.
    match times.next() {
        Some(time) if recording.images == Images::Whole && time.as_u64() != Some(0) => {
            law_created::judge_one(time)
        }
        _ => Ok(()),
    }
}

fn stream(endpoint: Option<&Endpoint>, answer: &Received) -> Result<(), Mismatch> {
    let Some(endpoint) = endpoint.filter(|_| !answer.events.is_empty()) else {
        return Ok(());
    };
    if endpoint.operation.starts_with("images.") {
        return law_stream_order::judge_one(Protocol::Images, answer);
    }
    numbers_ascend(answer)?;
    if endpoint.last.is_empty() {
        return Ok(());
    }
    let is_last = |kind: &String| endpoint.last.contains(kind);
    let kinds = answer.events.iter().map(kind);
    let kinds: Vec<_> = kinds.collect();
    let ends = kinds.iter().position(is_last) == kinds.len().checked_sub(1);
    ends.then_some(()).ok_or_else(|| {
        Mismatch::of(
            "the stream does not end as it must",
            format!("{} once, as the last event", endpoint.last.join(" or ")),
            kinds.join(", "),
        )
    })
}

/// What an event is; Google's OpenAI-compatible face sends an error as a list of one.
fn kind(event: &StreamEvent) -> String {
    let data = event.json().unwrap_or_default();
    match data.pointer("/0/error") {
        Some(_) => "error".to_owned(),
        None if event.is_done() => event.data.trim().to_owned(),
        None => event.kind(),
    }
}

/// Events that are numbered are in order.
fn numbers_ascend(answer: &Received) -> Result<(), Mismatch> {
    let number = |data: Value| data.get("sequence_number")?.as_u64();
    let events = answer.events.iter();
    let numbers: Vec<u64> = events.filter_map(|event| number(event.json()?)).collect();
    if numbers.is_sorted_by(|one, next| one < next) {
        return Ok(());
    }
    let found: Vec<_> = numbers.iter().map(u64::to_string).collect();
    Err(Mismatch::of(
        "the sequence numbers do not ascend",
        "each larger than the one before",
        found.join(", "),
    ))
}

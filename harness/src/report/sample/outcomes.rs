//! The made-up outcomes themselves.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use mock_server::journal::{AnswerSeen, Entry, HoldEnd, HoldSeen, ScenarioSeen};
use mock_server::wire::{HoldPoint, Summary as AnswerSummary};
use serde_json::{Value, json};

use super::{Chance, KEY};
use crate::check::{Finding, Mismatch};
use crate::exchange::images::{SeenImage, SeenPicture};
use crate::exchange::sse::StreamEvent;
use crate::exchange::{End, Exchange, Outcome, Received, Sent, StepEvidence};
use crate::run::{CaseOutcome, Money};
use crate::verdict::Verdict;

pub(super) fn outcomes(chance: &Chance) -> Vec<CaseOutcome> {
    let excused = |id: &str, verdict: Verdict, reason: &str| CaseOutcome {
        id: id.to_owned(),
        summary: "a case that says little".to_owned(),
        verdict,
        reason: Some(reason.to_owned()),
        excuse: None,
        findings: Vec::new(),
        steps: Vec::new(),
        money: Money::default(),
        took: Duration::from_millis(1),
    };
    vec![
        wrong_number(chance),
        hostile(chance),
        stream(chance),
        CaseOutcome {
            reason: None,
            excuse: None,
            findings: vec![finding("status", "openai.images.n", Verdict::Pass, None)],
            ..excused("parameters/images.generations/minimal", Verdict::Pass, "")
        },
        excused(
            "parameters/images.generations/n@n=10",
            Verdict::NotApplicable,
            "the target's limit 'n' is 4, it needs 10",
        ),
        excused(
            "refusals/images.generations/other-group",
            Verdict::Blocked,
            "it depends on refusals/images.generations/no-key, which did not pass",
        ),
        CaseOutcome {
            reason: None,
            excuse: Some(crate::expectation::Excuse {
                entry: "response/images.generations/created".to_owned(),
                reason: "rounds to minutes".to_owned(),
                issue: Some("https://example.com/issues/7".to_owned()),
            }),
            ..excused(
                "response/images.generations/created",
                Verdict::ExpectedFail,
                "",
            )
        },
        excused(
            "response/images.generations/usage",
            Verdict::Error,
            "no mock answers at http://127.0.0.1:9100",
        ),
    ]
}

pub(super) fn finding(
    id: &str,
    requirement: &str,
    verdict: Verdict,
    mismatch: Option<Mismatch>,
) -> Finding {
    Finding {
        id: id.to_owned(),
        requirement: requirement.to_owned(),
        verdict,
        step: 0,
        copy: 0,
        mismatch,
        excuse: None,
    }
}

pub(super) fn outcome(
    id: &str,
    summary: &str,
    findings: Vec<Finding>,
    steps: Vec<StepEvidence>,
) -> CaseOutcome {
    CaseOutcome {
        id: id.to_owned(),
        summary: summary.to_owned(),
        verdict: findings
            .iter()
            .map(|finding| finding.verdict)
            .max()
            .unwrap(),
        reason: None,
        excuse: None,
        findings,
        steps,
        money: Money {
            asked: 2,
            made: 1,
            delivered: 1,
        },
        took: Duration::from_millis(120),
    }
}

pub(super) fn step(upstream: &Value, exchange: Exchange) -> StepEvidence {
    let step = json!({ "request": { "operation": "images.generations" }, "upstream": upstream, "expect": {} });
    StepEvidence {
        step: serde_json::from_value(step).unwrap(),
        others: Vec::new(),
        exchanges: vec![exchange],
    }
}

pub(super) fn exchange(chance: &Chance, body: &Value, outcome: Outcome) -> Exchange {
    Exchange {
        token: "abcdefgh23".to_owned(),
        sent: Sent {
            method: "POST".to_owned(),
            url: format!("http://127.0.0.1:{}/v1/images/generations", chance.port),
            headers: vec![
                ("authorization".to_owned(), format!("Bearer {KEY}")),
                ("content-type".to_owned(), "application/json".to_owned()),
            ],
            body: Some(Bytes::from(body.to_string())),
            chunked: false,
        },
        outcome,
        images: Vec::new(),
        upstream: None,
        holds: Vec::new(),
        paused: false,
        polls: None,
    }
}

pub(super) fn received(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Received {
    Received {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: Bytes::copy_from_slice(body),
        end: End::Whole,
        events: Vec::new(),
    }
}

fn wrong_number(chance: &Chance) -> CaseOutcome {
    let request =
        json!({ "model": "gpt-image-1", "prompt": "A fox's den [[case:abcdefgh23]]", "n": 2 });
    let image: Vec<u8> = (0..3_000_u32).map(|at| (at * 7 + at / 251) as u8).collect();
    let body = json!({ "created": chance.created, "data": [{ "b64_json": BASE64_STANDARD.encode(&image) }] });
    let headers = [
        ("content-type", "application/json"),
        ("date", chance.date),
        ("x-request-id", chance.id),
    ];
    let answer = received(200, &headers, body.to_string().as_bytes());
    let mut exchange = exchange(chance, &request, Outcome::Answer(answer));
    exchange.images.push(seen(&image));
    exchange.upstream = Some(vec![Entry {
        method: "POST".to_owned(),
        path: "/v1/images/generations".to_owned(),
        headers: vec![
            ("host".to_owned(), "x".to_owned()),
            (
                "authorization".to_owned(),
                "Bearer <0a1b2c3d4e5f>".to_owned(),
            ),
        ],
        body: json!({ "model": "gpt-image-1", "prompt": "A fox's den [[case:abcdefgh23]]", "n": 1 }),
        answer: Some(AnswerSeen {
            status: 200,
            summary: AnswerSummary {
                condition: "ok".to_owned(),
                images: vec![chance.sha256.to_owned()],
                ..AnswerSummary::default()
            },
            ..AnswerSeen::default()
        }),
        ..Entry::default()
    }]);
    let count = Mismatch::of("1 images came, 2 were asked for", "2", "1");
    let usage = Mismatch::of("usage is missing", "an object", "(absent)");
    let findings = vec![
        finding("status", "openai.images.n", Verdict::Pass, None),
        finding(
            "images.count",
            "openai.images.n",
            Verdict::Fail,
            Some(count),
        ),
        finding("usage", "practice.usage", Verdict::Warn, Some(usage)),
    ];
    let step = step(&json!({ "answers": ["ok"] }), exchange);
    outcome(
        "parameters/images.generations/n@n=2",
        "as many images as were asked for",
        findings,
        vec![step],
    )
}

fn seen(image: &[u8]) -> SeenImage {
    SeenImage {
        is_elsewhere: false,
        place: "/data/0/b64_json".to_owned(),
        location: "b64_json",
        partial: None,
        announced: None,
        bytes: Ok(Bytes::copy_from_slice(image)),
        picture: Ok(SeenPicture {
            format: "png",
            width: 1024,
            height: 1024,
            transparent: false,
            sha256: mock_server::provider::hex_sha256(image),
            pixels_sha256: "0123456789abcdef".repeat(4),
            mark: None,
            provenance: None,
        }),
    }
}

/// A target that answers with everything that must not reach a terminal.
fn hostile(chance: &Chance) -> CaseOutcome {
    let request = json!({ "model": "gpt-image-1", "prompt": "A fox [[case:abcdefgh23]]" });
    let body = format!(
        "\x1b[2J\r<html>&\u{202e} {KEY} \u{9b}31m {}",
        "x".repeat(10_000)
    );
    let mut body = body.into_bytes();
    body.insert(5, 0xff);
    let answer = received(
        500,
        &[
            ("content-type", "text/html"),
            ("x-echo", &format!("Bearer {KEY}\x07")),
        ],
        &body,
    );
    let mut exchange = exchange(chance, &request, Outcome::Answer(answer));
    exchange.upstream = Some(Vec::new());
    let expected = json!({ "error": { "type": "server_error", "code": null, "message": { "$type": "string" }, "param": null } });
    let actual = json!({ "error": { "type": "\x1b[31mserver_error", "code": "oops", "message": "no", "param": null } });
    let envelope = Mismatch::of(
        "the body is no error envelope\n  PASS forged",
        expected.to_string(),
        actual.to_string(),
    );
    let findings = vec![finding(
        "error",
        "gateway.error",
        Verdict::Fail,
        Some(envelope),
    )];
    let step = step(
        &json!({ "answers": ["server-error", "server-error"] }),
        exchange,
    );
    outcome(
        "errors/images.generations/provider-fault",
        "a fault of the provider is told",
        findings,
        vec![step],
    )
}

fn stream(chance: &Chance) -> CaseOutcome {
    let request =
        json!({ "model": "gpt-image-1", "prompt": "A fox [[case:abcdefgh23]]", "stream": true });
    let mut answer = received(200, &[("content-type", "text/event-stream")], b"event: x");
    let data = json!({ "type": "image_generation.partial_image", "partial_image_index": 0, "created_at": chance.created });
    answer.events = vec![
        StreamEvent {
            name: Some("image_generation.partial_image".to_owned()),
            data: data.to_string()
        };
        18
    ];
    answer.end = End::Cut("connection reset".to_owned());
    let mut exchange = exchange(chance, &request, Outcome::Answer(answer));
    exchange.upstream = Some(vec![Entry {
        method: "POST".to_owned(),
        path: "/v1/images/generations".to_owned(),
        body: json!({ "len": 9, "sha256": chance.sha256 }),
        scenario: Some(ScenarioSeen {
            source: "script".to_owned(),
            applied: "stream-reset=1".to_owned(),
            beyond_script: false,
        }),
        answer: Some(AnswerSeen {
            status: 200,
            summary: AnswerSummary {
                condition: "ok".to_owned(),
                ..AnswerSummary::default()
            },
            ..AnswerSeen::default()
        }),
        holds: vec![HoldSeen {
            at: HoldPoint::BeforeEvent(1),
            reached: chance.microseconds,
            end: Some(HoldEnd::Released),
        }],
        ..Entry::default()
    }]);
    let untestable = Mismatch::new("the hold was never reached").untestable();
    let findings = vec![finding(
        "stream.held",
        "practice.unknown",
        Verdict::Untestable,
        Some(untestable),
    )];
    let step = step(&json!({ "answers": ["stream-reset=1*all"] }), exchange);
    outcome(
        "stream/images.generations/live",
        "events come as they are made",
        findings,
        vec![step],
    )
}

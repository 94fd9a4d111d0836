//! A target that says whatever could be taken for markup, in every place that it controls.

use mock_server::journal::{AnswerSeen, Entry, ScenarioSeen};
use mock_server::wire::Summary as AnswerSummary;
use serde_json::json;

use super::outcomes::{exchange, finding, outcome, received, step};
use super::{DANGER, FIRST};
use crate::check::{Finding, Mismatch};
use crate::exchange::sse::StreamEvent;
use crate::exchange::{End, Outcome};
use crate::run::CaseOutcome;
use crate::verdict::Verdict;

/// A target that says what is dangerous in every place that it controls.
pub(super) fn dangerous() -> CaseOutcome {
    let danger = || DANGER.to_owned();
    let body = json!({ DANGER: [DANGER, { DANGER: DANGER }], "error": { "message": DANGER } });
    let pair = || (danger(), danger());
    let mut told = received(500, &[], body.to_string().as_bytes());
    told.headers = vec![pair()];
    let mut stream = received(
        200,
        &[("content-type", "text/event-stream")],
        DANGER.as_bytes(),
    );
    stream.headers.push(pair());
    stream.end = End::Cut(danger());
    stream.events = [danger(), body.to_string()]
        .map(|data| StreamEvent {
            name: Some(danger()),
            data,
        })
        .to_vec();
    let call = || Entry {
        method: danger(),
        path: danger(),
        query: Some(danger()),
        headers: vec![pair()],
        body: body.clone(),
        scenario: Some(ScenarioSeen {
            source: danger(),
            applied: danger(),
            beyond_script: true,
        }),
        answer: Some(AnswerSeen {
            status: 200,
            damaged: true,
            summary: AnswerSummary {
                condition: danger(),
                images: vec![danger()],
                partial_images: vec![danger()],
                ..AnswerSummary::default()
            },
        }),
        ..Entry::default()
    };
    let outcomes = [
        Outcome::Answer(told),
        Outcome::Answer(stream),
        Outcome::NoAnswer(danger()),
    ];
    let steps = outcomes.map(|outcome| {
        let mut exchange = exchange(&FIRST, &body, outcome);
        exchange.upstream = Some(vec![call()]);
        step(&json!({ "answers": ["ok"] }), exchange)
    });
    let findings = (0..3).flat_map(|step| {
        [Verdict::Fail, Verdict::Warn].map(|verdict| {
            let lines = format!("{DANGER}\n{step}");
            Finding {
                step,
                ..finding(
                    DANGER,
                    DANGER,
                    verdict,
                    Some(Mismatch::of(danger(), danger(), lines)),
                )
            }
        })
    });
    let mut case = outcome(
        DANGER,
        "a target that says what is dangerous",
        findings.collect(),
        steps.into(),
    );
    case.reason = Some(danger());
    case
}

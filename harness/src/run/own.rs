//! The harness judges itself: what the mock answers straight to a case has the form of the provider's own answers. If
//! it has not, what a target makes of it says nothing about the target.

use crate::case::step_check_id;
use crate::check::{Finding, Mismatch};
use crate::exchange::{End, Evidence, Received};
use crate::recording::{Body, Images, Judge, Recording, Verdict as Judged};
use crate::run::session::all_ok;
use crate::verdict::Verdict;

/// The id of the check. It has no requirement: nobody but the harness owes it.
pub(super) const CHECK: &str = "mock.form";

/// An error for each answer of the mock that has not the form of its provider's.
pub(super) fn malformed(forms: &Judge, direct: &Evidence<'_>) -> Vec<Finding> {
    let provider = direct.target.profile.id.as_str();
    let mut found = Vec::new();
    for (index, step) in direct.steps.iter().enumerate() {
        let exchanges = step.exchanges.iter().filter(|_| all_ok(&step.step));
        for (copy, exchange) in exchanges.enumerate() {
            let answer = exchange.answer().filter(|answer| answer.end == End::Whole);
            let problem = answer.and_then(|answer| {
                let recording =
                    recording(provider, &exchange.sent.method, &exchange.sent.url, answer)?;
                problem(forms, &recording)
            });
            found.extend(problem.map(|problem| Finding {
                id: step_check_id(index, CHECK),
                requirement: CHECK.to_owned(),
                verdict: Verdict::Error,
                step: index,
                copy,
                mismatch: Some(Mismatch::new(format!(
                    "straight from the mock the answer has not the form of {provider}'s: {problem} (this is an error of the harness)"
                ))),
                excuse: None,
            }));
        }
    }
    found
}

fn problem(forms: &Judge, recording: &Recording) -> Option<String> {
    match forms.judge(recording) {
        Ok(Judged::Accepted | Judged::NotJudged(_)) => None,
        Ok(Judged::Rejected(problems)) => {
            let lines = problems.iter();
            let lines = lines.map(|problem| format!("at {}: {}", problem.place, problem.reason));
            Some(lines.collect::<Vec<_>>().join("; "))
        }
        Err(error) => Some(error.to_string()),
    }
}

/// The answer as somebody would have kept it. Its images are for other checks to look at.
fn recording(provider: &str, method: &str, url: &str, answer: &Received) -> Option<Recording> {
    let url = reqwest::Url::parse(url).ok()?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    Some(Recording {
        provider: provider.to_owned(),
        method: Some(method.to_owned()),
        endpoint: url.path().to_owned(),
        status: answer.status,
        headers: answer.headers.clone(),
        headers_complete: true,
        images: Images::Shortened,
        body: Some(Body::of_text(text, &answer.media_type())),
        secrets: Vec::new(),
    })
}

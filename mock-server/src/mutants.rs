//! Lets mutants act on what arrives and on what is answered, both plain values. Only under the cargo feature
//! `mutants`: what a provider does wrong on purpose is what tests of tests need, and nobody else.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mutation::{Around, Message, Mutation, Seam};

use crate::wire::{Answer, Request, Step};

/// Changes a request before anybody reads it.
pub(crate) fn arrived(mutation: &Mutation, request: &mut Request) {
    if !mutation.acts_at(Seam::ClientRequest) {
        return;
    }
    let mut message = Message {
        path: path(request),
        status: None,
        headers: map(&request.headers),
        body: request.body.clone(),
    };
    let asked = serde_json::from_slice(&request.body).ok();
    let around = Around {
        asked: asked.as_ref(),
        other: None,
    };
    mutation.change(Seam::ClientRequest, &mut message, &around);
    let (path, query) = message.path.split_once('?').unzip();
    request.query = query.map(str::to_owned);
    request.path = path.unwrap_or(&message.path).to_owned();
    request.headers = list(&message.headers);
    request.body = message.body;
}

/// Changes an answer before faults and holds are put into it.
pub(crate) fn decided(mutation: &Mutation, request: &Request, mut answer: Answer) -> Answer {
    if mutation.is_empty() {
        return answer;
    }
    let asked = serde_json::from_slice(&request.body).ok();
    let around = Around {
        asked: asked.as_ref(),
        other: None,
    };
    let is_stream = answer.events() > 0;
    let mut message = Message {
        path: path(request),
        status: StatusCode::from_u16(answer.status).ok(),
        headers: map(&answer.headers),
        body: if is_stream {
            Bytes::new()
        } else {
            whole(&answer)
        },
    };
    let before = message.clone();
    mutation.change(Seam::ClientResponse, &mut message, &around);
    if is_stream && let Some(mut rewriter) = mutation.rewriter(&message, &around) {
        answer.steps = rewritten(&answer.steps, &mut rewriter);
    }
    if message.headers != before.headers {
        answer.headers = list(&message.headers);
    }
    answer.status = message
        .status
        .map_or(answer.status, |status| status.as_u16());
    if message.body != before.body {
        replace(&mut answer, message.body);
    }
    answer
}

fn path(request: &Request) -> String {
    let query = request.query.as_ref().map(|query| format!("?{query}"));
    format!("{}{}", request.path, query.unwrap_or_default())
}

fn map(headers: &[(String, String)]) -> HeaderMap {
    let pairs = headers.iter().filter_map(|(name, value)| {
        let name = name.parse::<HeaderName>().ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    });
    pairs.fold(HeaderMap::new(), |mut map, (name, value)| {
        map.append(name, value);
        map
    })
}

fn list(headers: &HeaderMap) -> Vec<(String, String)> {
    let pairs = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    pairs.collect()
}

fn pieces(step: &Step) -> Option<(&[Bytes], Option<usize>)> {
    match step {
        Step::Body { pieces, event } => Some((pieces, *event)),
        _ => None,
    }
}

fn whole(answer: &Answer) -> Bytes {
    let pieces = answer.steps.iter().filter_map(pieces);
    let bytes: Vec<u8> = pieces.flat_map(|(pieces, _)| pieces.concat()).collect();
    bytes.into()
}

/// Puts another body in the place of the first piece of the one that is there.
fn replace(answer: &mut Answer, body: Bytes) {
    let first = answer.steps.iter().position(|step| pieces(step).is_some());
    answer.steps.retain(|step| pieces(step).is_none());
    let step = Step::Body {
        pieces: vec![body],
        event: None,
    };
    let at = first.unwrap_or(answer.steps.len());
    answer.steps.insert(at.min(answer.steps.len()), step);
}

/// The steps with other events, numbered anew.
fn rewritten(steps: &[Step], rewriter: &mut mutation::Rewriter) -> Vec<Step> {
    let mut out = Vec::new();
    let mut number = 0;
    let mut put = |frames: Vec<Bytes>, out: &mut Vec<Step>| {
        for frame in frames {
            out.push(Step::Body {
                pieces: vec![frame],
                event: Some(number),
            });
            number += 1;
        }
    };
    let last = steps
        .iter()
        .rposition(|step| matches!(step, Step::Body { event: Some(_), .. }));
    for (index, step) in steps.iter().enumerate() {
        match pieces(step) {
            Some((pieces, Some(_))) => {
                put(rewriter.frame(&pieces.concat()), &mut out);
                if Some(index) == last {
                    put(rewriter.end(), &mut out);
                }
            }
            _ => out.push(step.clone()),
        }
    }
    out
}

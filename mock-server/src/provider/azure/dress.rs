//! What Azure makes of an answer of OpenAI's: headers of its own, and chat completions with the results of its
//! filters, on one line and with their members in the order of their names.

use std::cell::Cell;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::data::{AnswerHeaders, Chat, Differences, Outcome};
use super::route::{Place, Route};
use crate::catalogue::{Layer, fill};
use crate::provider::Call;
use crate::provider::openai::Desk;
use crate::wire::{Answer, Request, Step, data};

/// A call and what is known of it once it was answered.
pub(super) struct Dress<'d> {
    pub(super) differences: &'d Differences,
    pub(super) route: &'d Route,
    /// What the deployment is called.
    pub(super) name: Option<&'d str>,
    pub(super) request: &'d Request,
    pub(super) call: &'d Call,
    pub(super) desk: &'d Desk<'d>,
}

impl Dress<'_> {
    /// Dresses an answer, unless the gateway wrote it.
    pub(super) fn put_on(&self, mut answer: Answer) -> Answer {
        let row = self.desk.data.errors.row(&answer.summary.condition);
        let by_gateway = row.is_some_and(|row| {
            row.layer == Layer::Gateway || row.text.is_some() || row.status == 404
        });
        if by_gateway {
            return answer;
        }
        if self.route.operation.id() == "chat.completions" && answer.status == 200 {
            self.differences.chat.put_on(&mut answer);
        }
        let outcome = match answer.status {
            400.. => Outcome::Error,
            _ => Outcome::Success,
        };
        let mut entries = self.differences.answer_headers.iter();
        if let Some(entry) = entries.find(|entry| self.fits(entry, outcome)) {
            let values = entry.values.iter();
            let filled = values.filter_map(|(name, template)| {
                Some((name.clone(), self.filled(template, &answer)?))
            });
            let filled: Vec<_> = filled.collect();
            answer.headers.extend(filled);
        }
        answer
    }

    fn fits(&self, entry: &AnswerHeaders, outcome: Outcome) -> bool {
        let model = self.call.effective.get("model").and_then(Value::as_str);
        let of_model = entry
            .models
            .iter()
            .any(|known| Some(known.as_str()) == model);
        let operation = self.route.operation.id();
        entry.operations.iter().any(|known| known == operation)
            && entry.on.contains(&outcome)
            && (entry.models.is_empty() || of_model)
    }

    /// None where a placeholder has no value.
    fn filled(&self, template: &str, answer: &Answer) -> Option<String> {
        let complete = Cell::new(true);
        let text = fill(template, |place| {
            let value = self.value(place, answer);
            complete.set(complete.get() && value.is_some());
            value
        });
        complete.get().then_some(text)
    }

    fn value(&self, place: &str, answer: &Answer) -> Option<String> {
        let turn = self.desk.turn;
        let limit = turn.world.settings.rate_limit.requests;
        let limit = limit.unwrap_or(self.differences.limits.requests);
        let tokens = self.differences.limits.tokens;
        match place {
            "client-request-id" => self.client_request_id(),
            "deployment" => self.name.map(str::to_owned),
            "gateway-uuid" => Some(turn.gateway_uuid()),
            "limit-requests" => Some(limit.to_string()),
            "limit-tokens" => Some(tokens.to_string()),
            "remaining-requests" => {
                let left = turn.requests_left;
                Some(left.unwrap_or(limit.saturating_sub(1)).to_string())
            }
            "remaining-tokens" => {
                let usage = answer.summary.usage.as_ref();
                let used = usage.and_then(|usage| usage["total_tokens"].as_u64());
                let left = tokens.saturating_sub(used.unwrap_or_default());
                Some(left.to_string())
            }
            "session" => Some(turn.id[..12].to_owned()),
            "status" => Some(answer.status.to_string()),
            "uuid" => Some(turn.uuid()),
            _ => None,
        }
    }

    /// The client's own; only the v1 API says that there was none.
    fn client_request_id(&self) -> Option<String> {
        let stated = self.request.header("x-ms-client-request-id");
        let absent = (self.route.place == Place::V1).then_some("Not-Set");
        stated.or(absent).map(str::to_owned)
    }
}

impl Chat {
    fn put_on(&self, answer: &mut Answer) {
        let streamed = answer.events() > 0;
        for step in &mut answer.steps {
            let Step::Body { pieces, event } = step else {
                continue;
            };
            let text = pieces.concat();
            match event {
                Some(index) => {
                    *index += 1;
                    let json = text.strip_prefix(b"data: ").unwrap_or_default();
                    if let Ok(chunk) = serde_json::from_slice(json) {
                        *pieces = data(vec![self.chunk(chunk).to_string().into()]);
                    }
                }
                None => {
                    if let Ok(body) = serde_json::from_slice(&text) {
                        *pieces = vec![Bytes::from(format!("{}\n", self.completion(body)))];
                    }
                }
            }
        }
        if streamed {
            self.begin(answer);
        }
    }

    /// Puts the chunk that says what became of the prompt before all others.
    fn begin(&self, answer: &mut Answer) {
        let mut chunk = self.first_chunk.clone();
        let results = self.prompt_filter_results.clone();
        chunk.insert("prompt_filter_results".into(), results);
        let first = Step::Body {
            pieces: data(vec![Value::Object(chunk).to_string().into()]),
            event: Some(0),
        };
        let head = |step: &Step| matches!(step, Step::Head);
        let at = answer.steps.iter().position(head).map_or(0, |at| at + 1);
        answer.steps.insert(at, first);
        answer.result_event = answer.result_event.map(|index| index + 1);
        for (name, value) in &mut answer.headers {
            if name == "content-type" {
                "text/event-stream".clone_into(value);
            }
        }
    }

    fn completion(&self, body: Map<String, Value>) -> Value {
        let mut body = self.with_choices(body, |_| self.choice_filter_results.clone());
        let results = self.prompt_filter_results.clone();
        body.insert("prompt_filter_results".into(), results);
        ordered(body)
    }

    fn chunk(&self, body: Map<String, Value>) -> Value {
        ordered(self.with_choices(body, |choice| {
            let text = choice["delta"]["content"].as_str().unwrap_or_default();
            match text {
                "" => json!({}),
                _ => self.chunk_filter_results.clone(),
            }
        }))
    }

    fn with_choices(
        &self,
        body: Map<String, Value>,
        results: impl Fn(&Value) -> Value,
    ) -> Map<String, Value> {
        let members = body.into_iter();
        let members = members.filter(|(name, _)| !self.left_out.contains(name));
        let mut body: Map<_, _> = members.map(|(name, value)| (name, sorted(value))).collect();
        let choices = body.get_mut("choices").and_then(Value::as_array_mut);
        for choice in choices.into_iter().flatten() {
            let results = results(choice);
            if let Value::Object(members) = choice {
                let mut members = std::mem::take(members);
                members.insert("content_filter_results".into(), results);
                *choice = ordered(members);
            }
        }
        body
    }
}

/// The members in the order of their names; what they hold stays as it is.
fn ordered(mut members: Map<String, Value>) -> Value {
    members.sort_keys();
    Value::Object(members)
}

/// The same, and for everything within.
fn sorted(mut value: Value) -> Value {
    value.sort_all_objects();
    value
}

//! Renders responses: members, items and the order of events as recorded in 2026.

mod items;
mod stream;

use serde_json::{Map, Value, json};

use crate::image::Rendered;
use crate::provider::Call;
use crate::provider::openai::chat::TEXT;
use crate::provider::openai::error::pretty;
use crate::provider::openai::render::splice;
use crate::provider::openai::usage::text_tokens;
use crate::provider::openai::validate::Wanted;
use crate::provider::openai::{Desk, headers};
use crate::wire::Answer;

/// A response that was found good.
pub(super) struct Asked<'a> {
    pub(super) body: &'a Map<String, Value>,
    /// What answers.
    pub(super) model: &'a str,
    /// How hard it thinks, if it can.
    pub(super) effort: Option<&'a str>,
    pub(super) reasoning_tokens: u64,
    pub(super) stream: bool,
    /// What the tool is to make, if it is called.
    pub(super) image: Option<Wanted<'a>>,
    /// The call ends without saying that it is complete.
    pub(super) unfinished: bool,
    pub(super) input_tokens: u64,
}

/// Paints and renders; a withheld image leaves a message alone.
pub(super) fn answer(asked: &Asked<'_>, withheld: bool, call: &Call, turn: &Desk<'_>) -> Answer {
    let wanted = asked.image.as_ref().filter(|_| !withheld);
    let paint = |wanted: &Wanted<'_>, partial| turn.paint(&wanted.picture(call, turn, 0, partial));
    let image: Vec<_> = wanted.iter().map(|wanted| paint(wanted, None)).collect();
    let told = Told {
        asked,
        wanted,
        call,
        turn,
        usage: usage(asked, wanted, turn),
    };
    let numbers = 0..wanted.map_or(0, |wanted| wanted.partial_images);
    let partials = numbers
        .filter(|_| asked.stream)
        .zip(wanted.into_iter().cycle());
    let partials: Vec<_> = partials
        .map(|(at, wanted)| paint(wanted, Some(at)))
        .collect();
    let hashes = |images: &[Rendered]| images.iter().map(Rendered::sha256).collect::<Vec<_>>();
    let images = hashes(&image);
    let mut answer = if asked.stream {
        // Where none is asked for, the final image comes as a partial one as well (recorded).
        let none = partials.is_empty();
        let mut answer = told.stream(&image, if none { &image } else { &partials });
        answer.summary.partial_images = if none {
            images.clone()
        } else {
            hashes(&partials)
        };
        answer
    } else {
        let text = pretty(&told.response(Moment::Whole));
        let headers = headers::of_success("application/json", call, turn);
        Answer::whole(200, headers, splice(text, &image))
    };
    answer.summary.images = images;
    answer.summary.usage = Some(told.usage);
    answer
}

/// The text model's tokens: images are not counted here (recorded).
fn usage(asked: &Asked<'_>, wanted: Option<&Wanted<'_>>, turn: &Desk<'_>) -> Value {
    let input = asked.input_tokens;
    let said = text_tokens(text(wanted), &turn.data.models.tokens);
    let output = said + asked.reasoning_tokens;
    json!({
        "input_tokens": input,
        "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": output,
        "output_tokens_details": { "reasoning_tokens": asked.reasoning_tokens },
        "total_tokens": input + output,
    })
}

/// Beside an image the message is empty (recorded).
fn text(wanted: Option<&Wanted<'_>>) -> &'static str {
    wanted.map_or(TEXT, |_| "")
}

/// Everything that an answer says, before it is framed.
struct Told<'a> {
    asked: &'a Asked<'a>,
    wanted: Option<&'a Wanted<'a>>,
    call: &'a Call,
    turn: &'a Desk<'a>,
    usage: Value,
}

/// When a response is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// In a stream, before anything was made.
    Begun,
    /// In a stream, at its end.
    Ended,
    /// In an answer that is no stream; only there it says who pays (recorded).
    Whole,
}

impl Told<'_> {
    /// The response with its members in the recorded order.
    fn response(&self, moment: Moment) -> Value {
        let done = moment != Moment::Begun;
        let echo = |name: &str, absent: Value| self.echo(name, absent);
        let effort = self.asked.effort;
        let mut response = json!({
            "id": self.id("resp"),
            "object": "response",
            "created_at": self.turn.now,
            "status": if done { "completed" } else { "in_progress" },
            "background": false,
            "billing": { "payer": "developer" },
            "completed_at": if done { json!(self.turn.now) } else { Value::Null },
            "error": null,
            "frequency_penalty": 0.0,
            "incomplete_details": null,
            "instructions": echo("instructions", Value::Null),
            "max_output_tokens": echo("max_output_tokens", Value::Null),
            "max_tool_calls": echo("max_tool_calls", Value::Null),
            "model": clean(self.asked.model.into()),
            "output": if done { self.output() } else { Vec::new() },
            "parallel_tool_calls": echo("parallel_tool_calls", true.into()),
            "presence_penalty": 0.0,
            "previous_response_id": echo("previous_response_id", Value::Null),
            "prompt_cache_key": echo("prompt_cache_key", Value::Null),
            "prompt_cache_retention": echo("prompt_cache_retention", Value::Null),
            "reasoning": { "effort": effort.map(|effort| clean(effort.into())), "summary": null },
            "safety_identifier": echo("safety_identifier", Value::Null),
            "service_tier": if done { "default" } else { "auto" },
            "store": echo("store", true.into()),
            "temperature": echo("temperature", json!(1.0)),
            "text": self.text(),
            "tool_choice": echo("tool_choice", "auto".into()),
            "tools": self.tools(),
            "top_logprobs": echo("top_logprobs", 0.into()),
            "top_p": echo("top_p", json!(1.0)),
            "truncation": echo("truncation", "disabled".into()),
            "usage": if done { self.usage.clone() } else { Value::Null },
            "user": echo("user", Value::Null),
            "metadata": echo("metadata", json!({})),
        });
        if let (Some(members), true) = (response.as_object_mut(), moment != Moment::Whole) {
            members.shift_remove("billing");
        }
        self.turn.data.additions.to_response(response)
    }

    fn echo(&self, name: &str, absent: Value) -> Value {
        let stated = self.asked.body.get(name).filter(|value| !value.is_null());
        stated.map_or(absent, |value| clean(value.clone()))
    }

    /// The settings of texts, with what absent members become.
    fn text(&self) -> Value {
        let mut stated = self.echo("text", json!({}));
        let mut text = json!({ "format": { "type": "text" }, "verbosity": "medium" });
        for (name, value) in text.as_object_mut().into_iter().flatten() {
            if let Some(told) = stated.get_mut(name).filter(|told| !told.is_null()) {
                *value = told.take();
            }
        }
        let format = text["format"].as_object_mut();
        if let Some(format) = format.filter(|format| format["type"] == "json_schema") {
            format.entry("description").or_insert(Value::Null);
        }
        text
    }

    fn id(&self, kind: &str) -> String {
        format!("{kind}_{}", self.turn.id)
    }
}

/// What a user sent, without the control character that marks the place of an image.
fn clean(value: Value) -> Value {
    match value {
        Value::String(text) => text.replace('\u{7f}', "").into(),
        Value::Array(items) => items.into_iter().map(clean).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            members
                .map(|(name, value)| (name.replace('\u{7f}', ""), clean(value)))
                .collect()
        }
        other => other,
    }
}

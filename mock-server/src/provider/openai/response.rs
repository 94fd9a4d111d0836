//! Renders responses: members, items and the order of events as recorded.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::image::Rendered;
use crate::provider::Call;
use crate::provider::openai::Desk;
use crate::provider::openai::chat::TEXT;
use crate::provider::openai::error::pretty;
use crate::provider::openai::render::{SPLICE, headers, splice};
use crate::provider::openai::usage::text_tokens;
use crate::provider::openai::validate::Wanted;
use crate::wire::{Answer, event};

/// A response that was found good.
pub(super) struct Asked<'a> {
    pub(super) body: &'a Map<String, Value>,
    /// The text model.
    pub(super) model: &'a str,
    pub(super) stream: bool,
    /// What the tool is to make, if it is called.
    pub(super) image: Option<Wanted<'a>>,
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
    let mut partials = Vec::new();
    let mut answer = if asked.stream {
        let wanted = wanted.into_iter();
        let all = wanted.flat_map(|wanted| (0..wanted.partial_images).map(move |at| (wanted, at)));
        partials.extend(all.map(|(wanted, at)| paint(wanted, Some(at))));
        told.stream(&image, &partials)
    } else {
        let text = pretty(&told.response("completed"));
        Answer::whole(200, headers("application/json", turn), splice(text, &image))
    };
    answer.summary.images = image.iter().map(Rendered::sha256).collect();
    answer.summary.partial_images = partials.iter().map(Rendered::sha256).collect();
    answer.summary.usage = Some(told.usage);
    answer
}

/// The text model's tokens: images are not counted here (recorded).
fn usage(asked: &Asked<'_>, wanted: Option<&Wanted<'_>>, turn: &Desk<'_>) -> Value {
    let input = asked.input_tokens;
    let output = text_tokens(text(wanted), &turn.data.models.tokens);
    json!({
        "input_tokens": input,
        "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": output,
        "output_tokens_details": { "reasoning_tokens": 0 },
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

/// The events of a stream.
#[derive(Default)]
struct Events(Vec<Vec<Bytes>>);

impl Events {
    fn push(&mut self, kind: &str, members: Value, images: &[Rendered]) {
        let mut data = json!({ "type": kind, "sequence_number": self.0.len() });
        if let (Some(data), Value::Object(members)) = (data.as_object_mut(), members) {
            data.extend(members);
        }
        self.0.push(event(kind, splice(data.to_string(), images)));
    }
}

impl Told<'_> {
    fn stream(&self, image: &[Rendered], partials: &[Rendered]) -> Answer {
        let mut events = Events::default();
        for kind in ["response.created", "response.in_progress"] {
            events.push(
                kind,
                json!({ "response": self.response("in_progress") }),
                &[],
            );
        }
        let result = self
            .wanted
            .map(|wanted| self.image(wanted, image, partials, &mut events));
        self.message(&mut events);
        let whole = json!({ "response": self.response("completed") });
        events.push("response.completed", whole, image);
        let last = events.0.len() - 1;
        let headers = headers("text/event-stream; charset=utf-8", self.turn);
        let mut answer = Answer::stream(200, headers, events.0);
        answer.result_event = Some(result.unwrap_or(last));
        answer
    }

    /// The events of the tool's call; returns the one after which the image is there.
    fn image(
        &self,
        wanted: &Wanted<'_>,
        image: &[Rendered],
        partials: &[Rendered],
        events: &mut Events,
    ) -> usize {
        let begun = json!({ "id": self.id("ig"), "type": "image_generation_call", "status": "in_progress" });
        let added = json!({ "output_index": 0, "item": begun });
        events.push("response.output_item.added", added, &[]);
        let place = || json!({ "output_index": 0, "item_id": self.id("ig") });
        for step in ["in_progress", "generating"] {
            events.push(
                &format!("response.image_generation_call.{step}"),
                place(),
                &[],
            );
        }
        for (index, partial) in partials.iter().enumerate() {
            let mut data = place();
            data["partial_image_index"] = index.into();
            data["partial_image_b64"] = SPLICE.into();
            data["size"] = format!("{}x{}", wanted.width, wanted.height).into();
            data["quality"] = wanted.quality.clone().into();
            data["background"] = wanted.background.clone().into();
            data["output_format"] = wanted.format.as_str().into();
            let kind = "response.image_generation_call.partial_image";
            events.push(kind, data, std::slice::from_ref(partial));
        }
        let result = events.0.len();
        events.push("response.image_generation_call.completed", place(), &[]);
        let done = json!({ "output_index": 0, "item": self.image_item(wanted) });
        events.push("response.output_item.done", done, image);
        result
    }

    fn message(&self, events: &mut Events) {
        let at = usize::from(self.wanted.is_some());
        let begun = self.message_item("in_progress", &json!([]));
        events.push(
            "response.output_item.added",
            json!({ "output_index": at, "item": begun }),
            &[],
        );
        let place = |name: &str, value: Value| {
            let mut data =
                json!({ "item_id": self.id("msg"), "output_index": at, "content_index": 0 });
            data[name] = value;
            data
        };
        let text = text(self.wanted);
        events.push("response.content_part.added", place("part", part("")), &[]);
        for word in text.split_inclusive(' ') {
            events.push(
                "response.output_text.delta",
                place("delta", word.into()),
                &[],
            );
        }
        events.push("response.output_text.done", place("text", text.into()), &[]);
        events.push("response.content_part.done", place("part", part(text)), &[]);
        let done = self.message_item("completed", &json!([part(text)]));
        events.push(
            "response.output_item.done",
            json!({ "output_index": at, "item": done }),
            &[],
        );
    }

    fn response(&self, status: &str) -> Value {
        let done = status == "completed";
        let echo = |name: &str, absent: Value| self.echo(name, absent);
        let body = json!({
            "id": self.id("resp"),
            "object": "response",
            "created_at": self.turn.now,
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": null,
            "instructions": echo("instructions", Value::Null),
            "max_output_tokens": echo("max_output_tokens", Value::Null),
            "max_tool_calls": echo("max_tool_calls", Value::Null),
            "model": clean(self.asked.model.into()),
            "output": if done { self.output() } else { Vec::new() },
            "parallel_tool_calls": echo("parallel_tool_calls", true.into()),
            "previous_response_id": echo("previous_response_id", Value::Null),
            "reasoning": echo("reasoning", json!({ "effort": null, "summary": null })),
            "service_tier": if done { "default" } else { "auto" },
            "store": echo("store", true.into()),
            "temperature": echo("temperature", json!(1.0)),
            "text": echo("text", json!({ "format": { "type": "text" }, "verbosity": "medium" })),
            "tool_choice": echo("tool_choice", "auto".into()),
            "tools": self.tools(),
            "top_p": echo("top_p", json!(1.0)),
            "truncation": echo("truncation", "disabled".into()),
            "usage": if done { self.usage.clone() } else { Value::Null },
            "user": echo("user", Value::Null),
            "metadata": echo("metadata", json!({})),
        });
        self.turn.data.additions.to_response(body)
    }

    fn output(&self) -> Vec<Value> {
        let message = self.message_item("completed", &json!([part(text(self.wanted))]));
        let image = self.wanted.map(|wanted| self.image_item(wanted));
        image.into_iter().chain([message]).collect()
    }

    fn image_item(&self, wanted: &Wanted<'_>) -> Value {
        let action = if self.call.images.is_empty() {
            "generate"
        } else {
            "edit"
        };
        json!({
            "id": self.id("ig"),
            "type": "image_generation_call",
            "status": "completed",
            "action": action,
            "background": wanted.background,
            "output_format": wanted.format.as_str(),
            "quality": wanted.quality,
            "result": SPLICE,
            "revised_prompt": clean(self.call.prompt.clone().into()),
            "size": format!("{}x{}", wanted.width, wanted.height),
        })
    }

    fn message_item(&self, status: &str, content: &Value) -> Value {
        json!({ "id": self.id("msg"), "type": "message", "status": status, "content": content, "role": "assistant" })
    }

    /// The tools as they were sent; those of images with what absent members become.
    fn tools(&self) -> Value {
        let mut tools = self.echo("tools", json!([]));
        for tool in tools.as_array_mut().into_iter().flatten() {
            let Some(stated) = tool
                .as_object()
                .filter(|_| tool["type"] == "image_generation")
            else {
                continue;
            };
            let mut filled = json!({
                "type": "image_generation", "background": "auto", "moderation": "auto", "n": 1,
                "output_compression": 100, "output_format": "png", "quality": "auto", "size": "auto",
            });
            for (name, value) in stated.iter().filter(|(_, value)| !value.is_null()) {
                filled[name] = value.clone();
            }
            *tool = filled;
        }
        tools
    }

    fn echo(&self, name: &str, absent: Value) -> Value {
        let stated = self.asked.body.get(name).filter(|value| !value.is_null());
        stated.map_or(absent, |value| clean(value.clone()))
    }

    fn id(&self, kind: &str) -> String {
        format!("{kind}_{}", self.turn.id)
    }
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
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

//! The events of a streamed response, in the order of the recordings of 2026: what was thought, the call of the tool
//! with a sign of life while it works, the message.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::items::part;
use super::{Moment, Told, text};
use crate::image::Rendered;
use crate::provider::openai::headers;
use crate::provider::openai::render::{SPLICE, splice};
use crate::provider::openai::validate::Wanted;
use crate::wire::{Answer, event};

/// The events so far.
#[derive(Default)]
struct Events {
    events: Vec<Vec<Bytes>>,
    /// How many items of the output are told.
    items: usize,
}

impl Events {
    /// The type comes first, everything else in the order of the alphabet (recorded).
    fn push(&mut self, kind: &str, members: Value, images: &[Rendered]) {
        let mut data = Map::new();
        data.insert("sequence_number".into(), self.events.len().into());
        if let Value::Object(members) = members {
            data.extend(members);
        }
        data.sort_keys();
        data.shift_insert(0, "type".into(), kind.into());
        let text = Value::Object(data).to_string();
        self.events.push(event(kind, splice(text, images)));
    }

    fn item(&mut self, step: &str, item: &Value, images: &[Rendered]) {
        let place = json!({ "item": item, "output_index": self.items });
        self.push(&format!("response.output_item.{step}"), place, images);
        self.items += usize::from(step == "done");
    }
}

impl Told<'_> {
    pub(super) fn stream(&self, image: &[Rendered], partials: &[Rendered]) -> Answer {
        let mut events = Events::default();
        for kind in ["response.created", "response.in_progress"] {
            let begun = json!({ "response": self.response(Moment::Begun) });
            events.push(kind, begun, &[]);
        }
        if self.reasons() {
            events.item("added", &self.reasoning_item(), &[]);
            events.item("done", &self.reasoning_item(), &[]);
        }
        let result = self
            .wanted
            .map(|wanted| self.call(wanted, image, partials, &mut events));
        self.message(&mut events);
        let whole = json!({ "response": self.response(Moment::Ended) });
        events.push("response.completed", whole, image);
        let last = events.events.len() - 1;
        let content_type = "text/event-stream; charset=utf-8";
        let headers = headers::of_success(content_type, self.call, self.turn);
        let mut answer = Answer::stream(200, headers, events.events);
        answer.result_event = Some(result.unwrap_or(last));
        answer
    }

    /// The events of the tool's call; returns the one with which the image is there.
    fn call(
        &self,
        wanted: &Wanted<'_>,
        image: &[Rendered],
        partials: &[Rendered],
        events: &mut Events,
    ) -> usize {
        let begun = json!({ "id": self.id("ig"), "type": "image_generation_call", "status": "in_progress" });
        events.item("added", &begun, &[]);
        let place = json!({ "item_id": self.id("ig"), "output_index": events.items });
        let kind = |step: &str| format!("response.image_generation_call.{step}");
        for step in ["in_progress", "generating"] {
            events.push(&kind(step), place.clone(), &[]);
        }
        events.push("keepalive", json!({}), &[]);
        for (index, partial) in partials.iter().enumerate() {
            let mut data = place.clone();
            data["partial_image_index"] = index.into();
            data["partial_image_b64"] = SPLICE.into();
            data["size"] = wanted.size().into();
            data["quality"] = wanted.quality.clone().into();
            data["background"] = wanted.background.clone().into();
            data["output_format"] = wanted.format.as_str().into();
            events.push(&kind("partial_image"), data, std::slice::from_ref(partial));
        }
        let result = events.events.len();
        if !self.asked.unfinished {
            events.push(&kind("completed"), place, &[]);
        }
        events.item("done", &self.image_item(wanted), image);
        result
    }

    fn message(&self, events: &mut Events) {
        let begun = self.message_item("in_progress", &json!([]));
        events.item("added", &begun, &[]);
        let at = events.items;
        let place = |members: Value| {
            let mut data =
                json!({ "item_id": self.id("msg"), "output_index": at, "content_index": 0 });
            if let (Some(data), Value::Object(members)) = (data.as_object_mut(), members) {
                data.extend(members);
            }
            data
        };
        let text = text(self.wanted);
        let begun = place(json!({ "part": part("") }));
        events.push("response.content_part.added", begun, &[]);
        for word in text.split_inclusive(' ') {
            let word = place(json!({ "delta": word, "logprobs": [] }));
            events.push("response.output_text.delta", word, &[]);
        }
        let said = place(json!({ "logprobs": [], "text": text }));
        events.push("response.output_text.done", said, &[]);
        let done = place(json!({ "part": part(text) }));
        events.push("response.content_part.done", done, &[]);
        let done = self.message_item("completed", &json!([part(text)]));
        events.item("done", &done, &[]);
    }
}

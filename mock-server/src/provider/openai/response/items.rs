//! The items of a response's output, and its tools.

use serde_json::{Map, Value, json};

use super::{Told, clean, text};
use crate::provider::openai::render::SPLICE;
use crate::provider::openai::validate::Wanted;

impl Told<'_> {
    /// What was thought, the call of the tool, the message.
    pub(super) fn output(&self) -> Vec<Value> {
        let reasoning = self.reasons().then(|| self.reasoning_item());
        let image = self.wanted.map(|wanted| self.image_item(wanted));
        let message = self.message_item("completed", &json!([part(text(self.wanted))]));
        reasoning
            .into_iter()
            .chain(image)
            .chain([message])
            .collect()
    }

    /// Whether a reasoning item comes first.
    pub(super) fn reasons(&self) -> bool {
        self.asked.reasoning_tokens > 0
    }

    /// Thoughts are shown to nobody; who asks for it gets them in a form that only the provider can read.
    pub(super) fn reasoning_item(&self) -> Value {
        let mut item = Map::new();
        item.insert("id".into(), self.id("rs").into());
        item.insert("type".into(), "reasoning".into());
        let include = self.asked.body.get("include").and_then(Value::as_array);
        let asked = |name: &Value| name == "reasoning.encrypted_content";
        if include.is_some_and(|names| names.iter().any(asked)) {
            let sealed = format!("gAAAAAB{}", self.turn.id.repeat(4));
            item.insert("encrypted_content".into(), sealed.into());
        }
        item.insert("summary".into(), json!([]));
        Value::Object(item)
    }

    pub(super) fn image_item(&self, wanted: &Wanted<'_>) -> Value {
        let action = if self.call.images.is_empty() {
            "generate"
        } else {
            "edit"
        };
        let status = if self.asked.unfinished {
            "generating"
        } else {
            "completed"
        };
        json!({
            "id": self.id("ig"),
            "type": "image_generation_call",
            "status": status,
            "action": action,
            "background": wanted.background,
            "output_format": wanted.format.as_str(),
            "quality": wanted.quality,
            "result": SPLICE,
            "revised_prompt": clean(self.call.prompt.clone().into()),
            "size": wanted.size(),
        })
    }

    pub(super) fn message_item(&self, status: &str, content: &Value) -> Value {
        json!({ "id": self.id("msg"), "type": "message", "status": status, "content": content, "role": "assistant" })
    }

    /// The tools as they were sent, functions first; those of images with these members and no others, and what
    /// absent ones become (recorded).
    pub(super) fn tools(&self) -> Value {
        let mut tools = self.echo("tools", json!([]));
        let model = &self.turn.data.models.defaults.tool_model;
        for tool in tools.as_array_mut().into_iter().flatten() {
            if tool["type"] != "image_generation" {
                continue;
            }
            let mut filled = json!({
                "type": "image_generation", "background": "auto", "model": model, "moderation": "auto", "n": 1,
                "output_compression": 100, "output_format": "png", "quality": "auto", "size": "auto",
            });
            for (name, value) in filled.as_object_mut().into_iter().flatten() {
                if !tool[name].is_null() {
                    *value = tool[name].take();
                }
            }
            *tool = filled;
        }
        if let Some(tools) = tools.as_array_mut() {
            tools.sort_by_key(|tool| tool["type"] != "function");
        }
        tools
    }
}

/// A part of a message.
pub(super) fn part(text: &str) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
}

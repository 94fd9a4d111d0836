//! Renders chat completions: OpenAI's members in their recorded order, and `images` beside the text as gateways
//! send them.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::image::{Format, Picture, Rendered};
use crate::provider::Call;
use crate::provider::openai::Desk;
use crate::provider::openai::error::pretty;
use crate::provider::openai::headers;
use crate::provider::openai::model::{ChatImageModel, edges};
use crate::provider::openai::render::{SPLICE, splice};
use crate::provider::openai::usage::text_tokens;
use crate::wire::{Answer, data};

/// A chat completion that was found good.
pub(super) struct Wanted<'a> {
    /// What answers.
    pub(super) model: &'a str,
    /// What it paints with, if it paints.
    pub(super) painter: Option<&'a ChatImageModel>,
    /// The number of choices.
    pub(super) n: u64,
    pub(super) stream: bool,
    /// A chunk with the usage is wanted at the end of the stream.
    pub(super) include_usage: bool,
    pub(super) prompt_tokens: u64,
    pub(super) reasoning_tokens: u64,
}

/// What text models say.
pub(super) const TEXT: &str = "This is a short answer of the mock server.";
/// What stands beside an image.
const WITH_IMAGE: &str = "I've generated an image of what you described.";

/// The JSON answer; the first `count` choices have their image.
pub(super) fn json(wanted: &Wanted<'_>, count: u64, call: &Call, turn: &Desk<'_>) -> Answer {
    let images = wanted.paint(count, call, turn);
    let choices = (0..wanted.n).map(|index| wanted.choice(index, &images));
    let choices: Vec<_> = choices.collect();
    let usage = wanted.usage(&images, turn);
    let mut body = wanted.head("chat.completion", turn);
    body.insert("choices".into(), choices.into());
    body.insert("usage".into(), usage.clone());
    body.extend(tail());
    let mut text = pretty(&Value::Object(body));
    text.push('\n');
    let mut answer = Answer::whole(
        200,
        headers::of_success("application/json", call, turn),
        splice(text, &images),
    );
    answer.summary.images = images.iter().map(Rendered::sha256).collect();
    answer.summary.usage = Some(usage);
    answer
}

/// The stream: the role, the text in words, the images, the reason of the end; then the usage if it is wanted.
pub(super) fn stream(wanted: &Wanted<'_>, count: u64, call: &Call, turn: &Desk<'_>) -> Answer {
    let images = wanted.paint(count, call, turn);
    let mut events = Vec::new();
    let mut result = None;
    let send = |index: u64, delta: Value, end: Option<&str>, image: &[Rendered]| {
        let choice =
            json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": end });
        wanted.chunk(json!([choice]), Value::Null, image, turn)
    };
    for index in 0..wanted.n {
        let role = json!({ "role": "assistant", "content": "", "refusal": null });
        events.push(send(index, role, None, &[]));
        for word in wanted.text().split_inclusive(' ') {
            events.push(send(index, json!({ "content": word }), None, &[]));
        }
        if let Some(image) = image(&images, index) {
            result = result.or(Some(events.len()));
            events.push(send(
                index,
                json!({ "images": [wanted.item()] }),
                None,
                image,
            ));
        }
        events.push(send(index, json!({}), Some("stop"), &[]));
    }
    let result = result.unwrap_or(events.len() - 1);
    let usage = wanted.usage(&images, turn);
    if wanted.include_usage {
        events.push(wanted.chunk(json!([]), usage.clone(), &[], turn));
    }
    events.push(data(vec![Bytes::from_static(b"[DONE]")]));
    let mut answer = Answer::stream(
        200,
        headers::of_success("text/event-stream; charset=utf-8", call, turn),
        events,
    );
    answer.result_event = Some(result);
    answer.summary.images = images.iter().map(Rendered::sha256).collect();
    answer.summary.usage = Some(usage);
    answer
}

impl Wanted<'_> {
    fn paint(&self, count: u64, call: &Call, turn: &Desk<'_>) -> Vec<Rendered> {
        let Some(painter) = self.painter else {
            return Vec::new();
        };
        let paint = |index| turn.paint(&picture(painter, index, call, turn));
        (0..count).map(paint).collect()
    }

    fn text(&self) -> &'static str {
        self.painter.map_or(TEXT, |_| WITH_IMAGE)
    }

    fn choice(&self, index: u64, images: &[Rendered]) -> Value {
        let mut message = Map::new();
        message.insert("role".into(), "assistant".into());
        message.insert("content".into(), self.text().into());
        message.insert("refusal".into(), Value::Null);
        message.insert("annotations".into(), json!([]));
        if image(images, index).is_some() {
            message.insert("images".into(), json!([self.item()]));
        }
        json!({ "index": index, "message": message, "logprobs": null, "finish_reason": "stop" })
    }

    fn chunk(
        &self,
        choices: Value,
        usage: Value,
        images: &[Rendered],
        turn: &Desk<'_>,
    ) -> Vec<Bytes> {
        let mut body = self.head("chat.completion.chunk", turn);
        body.extend(tail());
        body.insert("choices".into(), choices);
        // The member is there in every chunk once it was asked for, and null until the last one.
        if self.include_usage {
            body.insert("usage".into(), usage);
        }
        data(splice(Value::Object(body).to_string(), images))
    }

    fn head(&self, object: &str, turn: &Desk<'_>) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("id".into(), format!("chatcmpl-{}", &turn.id[..29]).into());
        body.insert("object".into(), object.into());
        body.insert("created".into(), turn.now.into());
        // Lenient validation takes any name.
        body.insert("model".into(), self.model.replace('\u{7f}', "").into());
        body
    }

    /// One item of `images`; the image is spliced in.
    fn item(&self) -> Value {
        let mime = self.painter.map_or(Format::Png, format).mime();
        let url = format!("data:{mime};base64,{SPLICE}");
        json!({ "type": "image_url", "image_url": { "url": url }, "index": 0 })
    }

    fn usage(&self, images: &[Rendered], turn: &Desk<'_>) -> Value {
        let text = text_tokens(self.text(), &turn.data.models.tokens) * self.n;
        let image = turn.data.chat_images.tokens.output_image * images.len() as u64;
        let reasoning = self.reasoning_tokens * self.n;
        let mut details = json!({
            "reasoning_tokens": reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        });
        if self.painter.is_some() {
            details["image_tokens"] = image.into();
        }
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": reasoning + text + image,
            "total_tokens": self.prompt_tokens + reasoning + text + image,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": details,
        })
    }
}

/// What an answer ends with, and a chunk has before its choices.
fn tail() -> [(String, Value); 2] {
    [
        ("service_tier".into(), "default".into()),
        ("system_fingerprint".into(), "fp_5d2f8a1c3e".into()),
    ]
}

/// The image of a choice, if it has one.
fn image(images: &[Rendered], index: u64) -> Option<&[Rendered]> {
    let at = usize::try_from(index).ok()?;
    images.get(at).map(std::slice::from_ref)
}

fn picture(painter: &ChatImageModel, index: u64, call: &Call, turn: &Desk<'_>) -> Picture {
    let (width, height) = edges(&painter.size).unwrap_or((1024, 1024));
    Picture {
        prompt: call.prompt.clone(),
        model: painter.id.clone(),
        width,
        height,
        format: format(painter),
        compression: None,
        transparent: false,
        token: call.marks.token,
        index: index.try_into().unwrap_or(u8::MAX),
        partial: None,
        seed: turn.world.settings.seed,
        pad_to: turn.world.settings.image_bytes,
    }
}

fn format(painter: &ChatImageModel) -> Format {
    painter.format.parse().unwrap_or(Format::Png)
}

//! Renders successes as OpenAI does: members and their order as recorded in 2026, two blanks of indent, the
//! base64 spliced in without copying.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::image::Rendered;
use crate::provider::Call;
use crate::provider::openai::Desk;
use crate::provider::openai::error::pretty;
use crate::provider::openai::model::Family;
use crate::provider::openai::usage::usage;
use crate::provider::openai::validate::Wanted;
use crate::provider::openai::{files, headers};
use crate::wire::{Answer, event};

/// Stands for the base64 of an image until the text is cut there. Texts of a user's in an answer have
/// these control characters taken out.
pub(super) const SPLICE: &str = "@@\u{7f}base64\u{7f}@@";

/// The JSON answer with `count` images.
pub(super) fn json(wanted: &Wanted<'_>, count: u64, call: &Call, turn: &Desk<'_>) -> Answer {
    let images: Vec<_> = (0..count)
        .map(|index| turn.paint(&wanted.picture(call, turn, index, None)))
        .collect();
    let items: Vec<_> = (0..count)
        .map(|index| wanted.item(call, turn, index))
        .collect();
    let spent = usage(wanted, &call.prompt, &turn.data.models);
    let mut body = Map::new();
    body.insert("created".into(), turn.now.into());
    if wanted.model.family == Family::GptImage {
        body.insert("background".into(), wanted.background.clone().into());
        body.insert("data".into(), items.into());
        body.insert("output_format".into(), wanted.format.as_str().into());
        body.insert("quality".into(), wanted.quality.clone().into());
        body.extend(wanted.safety());
        body.insert("size".into(), wanted.size().into());
        body.extend(spent.clone().map(named("usage")));
    } else {
        body.insert("data".into(), items.into());
    }
    let text = pretty(&Value::Object(body));
    let spliced: &[Rendered] = if wanted.as_url { &[] } else { &images };
    let mut answer = Answer::whole(
        200,
        headers::of_success("application/json", call, turn),
        splice(text, spliced),
    );
    answer.summary.images = images.iter().map(Rendered::sha256).collect();
    answer.summary.usage = spent;
    answer
}

/// The stream: partial images from coarse to fine, then the final one. `count` 0 leaves the final one out.
pub(super) fn stream(wanted: &Wanted<'_>, count: u64, call: &Call, turn: &Desk<'_>) -> Answer {
    let partials: Vec<_> = (0..wanted.partial_images)
        .map(|index| turn.paint(&wanted.picture(call, turn, 0, Some(index))))
        .collect();
    let last = (count > 0).then(|| turn.paint(&wanted.picture(call, turn, 0, None)));
    let spent = usage(wanted, &call.prompt, &turn.data.models);
    let mut events = Vec::new();
    for (index, image) in partials.iter().enumerate() {
        let data = wanted.event("partial_image", index, turn);
        events.push(frame(data, image));
    }
    if let Some(image) = &last {
        let mut data = wanted.event("completed", partials.len(), turn);
        data.extend(spent.clone().map(named("usage")));
        events.push(frame(data, image));
    }
    let mut answer = Answer::stream(
        200,
        headers::of_success("text/event-stream; charset=utf-8", call, turn),
        events,
    );
    answer.summary.images = last.iter().map(Rendered::sha256).collect();
    answer.summary.usage = last.and(spent);
    answer.summary.partial_images = partials.iter().map(Rendered::sha256).collect();
    answer
}

impl Wanted<'_> {
    /// `WxH`
    pub(super) fn size(&self) -> String {
        format!("{}x{}", self.width, self.height)
    }

    /// Between its neighbours by the alphabet, as all members are (inferred).
    fn safety(&self) -> Option<(String, Value)> {
        let id = self.safety_identifier.as_ref()?.replace('\u{7f}', "");
        Some(("safety_identifier".to_owned(), id.into()))
    }

    /// One item of `data`.
    fn item(&self, call: &Call, turn: &Desk<'_>, index: u64) -> Value {
        let mut item = Map::new();
        let revised =
            (self.model.id == "dall-e-3").then(|| call.prompt.replace('\u{7f}', "").into());
        if self.as_url {
            item.extend(revised.map(named("revised_prompt")));
            let picture = self.picture(call, turn, index, None);
            let url = turn.data.additions.signed(files::url(&picture, turn), turn);
            item.insert("url".into(), url.into());
        } else {
            item.insert("b64_json".into(), SPLICE.into());
            item.extend(revised.map(named("revised_prompt")));
        }
        if self.model.id == "dall-e-3" {
            item.extend(turn.data.additions.dalle_item.clone());
        }
        Value::Object(item)
    }

    /// The members of an event, in the order of the recording of 2026-03.
    fn event(&self, kind: &str, sequence: usize, turn: &Desk<'_>) -> Map<String, Value> {
        let mut data = Map::new();
        data.insert("created_at".into(), turn.now.into());
        data.insert("type".into(), format!("{}.{kind}", self.events).into());
        data.insert("b64_json".into(), SPLICE.into());
        data.insert("background".into(), self.background.clone().into());
        data.insert("output_format".into(), self.format.as_str().into());
        if kind == "partial_image" {
            data.insert("partial_image_index".into(), sequence.into());
        }
        data.insert("quality".into(), self.quality.clone().into());
        data.extend(self.safety());
        data.insert("sequence_number".into(), sequence.into());
        data.insert("size".into(), self.size().into());
        data
    }
}

fn frame(data: Map<String, Value>, image: &Rendered) -> Vec<Bytes> {
    let kind = data
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let text = Value::Object(data).to_string();
    event(&kind, splice(text, std::slice::from_ref(image)))
}

/// Puts the base64 of each image where its placeholder stands.
pub(super) fn splice(text: String, images: &[Rendered]) -> Vec<Bytes> {
    let text = Bytes::from(text);
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut images = images.iter();
    let places: Vec<usize> = placeholders(&text);
    for place in places {
        pieces.push(text.slice(at..place));
        pieces.extend(images.next().into_iter().flat_map(Rendered::base64));
        at = place + SPLICE.len();
    }
    pieces.push(text.slice(at..));
    pieces
}

fn placeholders(text: &[u8]) -> Vec<usize> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.match_indices(SPLICE).map(|(at, _)| at).collect()
}

fn named(name: &str) -> impl Fn(Value) -> (String, Value) + '_ {
    move |value| (name.to_owned(), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_without_images_is_one_piece() {
        let pieces = splice(json!({"a": 1}).to_string(), &[]);
        assert_eq!(pieces.concat(), br#"{"a":1}"#);
    }
}

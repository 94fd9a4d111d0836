//! Finds the images of an answer by what the answer is: a list of the Images API, Google's candidates, Imagen's
//! predictions, calls of the image generation tool, messages of a chat. Nothing is decoded here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::exchange::{Document, Received};

/// Where chat completions carry images: gateways differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Locator {
    /// `content` is an array with `image_url` parts.
    ContentArray,
    /// `content_blocks[]` beside the text.
    ContentBlocks,
    /// `images[]` beside the text.
    #[default]
    Images,
    /// `![…](URL)` inside the text.
    Markdown,
}

/// An image that was found, before anybody looks at its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where: `/data/0/b64_json`, or `event 2 /b64_json`.
    pub place: String,
    /// The member that holds it.
    pub location: &'static str,
    /// The number of a partial image, none for a final one.
    pub partial: Option<u64>,
    /// The format that the answer says it has.
    pub announced: Option<String>,
    /// Its bytes, or where they are.
    pub source: Source,
}

/// The bytes of an image, or where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Base64, as it stands in the answer.
    Base64(String),
    /// A `data:` URL or an address.
    Url(String),
}

impl Found {
    fn new(place: String, location: &'static str, source: Source) -> Self {
        let announced = match &source {
            Source::Url(url) => media_type(url).map(format_of),
            Source::Base64(_) => None,
        };
        Self {
            place,
            location,
            partial: None,
            announced,
            source,
        }
    }

    fn announced(mut self, format: Option<String>) -> Self {
        self.announced = self.announced.or(format);
        self
    }

    /// The http(s) address that has to be fetched.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        match &self.source {
            Source::Url(url) if url.starts_with("http") => Some(url),
            _ => None,
        }
    }
}

/// Finds the images of an answer, in its order.
#[must_use]
pub fn locate(answer: &Received, locator: Locator) -> Vec<Found> {
    let documents = answer.documents();
    let mut found = Vec::new();
    for document in &documents {
        list(document, &mut found);
        candidates(document, &mut found);
        predictions(document, &mut found);
        tool_calls(document, &mut found);
    }
    messages(&documents, locator, &mut found);
    found
}

/// `data[]` of the Images API, and the events of its streams.
fn list(Document { place, value, kind }: &Document, found: &mut Vec<Found>) {
    let format = || text(value, "output_format").map(str::to_owned);
    for (index, item) in items(value, "data") {
        if let Some(image) = text(item, "b64_json") {
            let source = Source::Base64(image.to_owned());
            let place = format!("{place}/data/{index}/b64_json");
            found.push(Found::new(place, "b64_json", source).announced(format()));
        }
        if let Some(url) = text(item, "url") {
            let source = Source::Url(url.to_owned());
            let place = format!("{place}/data/{index}/url");
            found.push(Found::new(place, "url", source).announced(format()));
        }
    }
    if let Some(image) = text(value, "b64_json") {
        let source = Source::Base64(image.to_owned());
        let mut image =
            Found::new(format!("{place}/b64_json"), "b64_json", source).announced(format());
        image.partial = partial(kind, value);
        found.push(image);
    }
}

/// The number of a partial image, none for what is no partial image.
fn partial(kind: &str, value: &Value) -> Option<u64> {
    kind.ends_with("partial_image").then(|| {
        let index = value.get("partial_image_index").and_then(Value::as_u64);
        index.unwrap_or_default()
    })
}

/// `candidates[].content.parts[].inlineData` of Google; drafts among the thoughts are no results.
fn candidates(Document { place, value, .. }: &Document, found: &mut Vec<Found>) {
    for (index, candidate) in items(value, "candidates") {
        let Some(content) = candidate.get("content") else {
            continue;
        };
        for (number, part) in items(content, "parts") {
            let is_thought = part.get("thought").and_then(Value::as_bool) == Some(true);
            let Some(data) = part.get("inlineData").filter(|_| !is_thought) else {
                continue;
            };
            let mime = text(data, "mimeType").unwrap_or_default();
            // Models that speak answer with sound in the same place.
            if !mime.is_empty() && !mime.starts_with("image/") {
                continue;
            }
            let Some(image) = text(data, "data") else {
                continue;
            };
            let place =
                format!("{place}/candidates/{index}/content/parts/{number}/inlineData/data");
            let source = Source::Base64(image.to_owned());
            let format = Some(mime).filter(|mime| !mime.is_empty()).map(format_of);
            found.push(Found::new(place, "inlineData", source).announced(format));
        }
    }
}

/// `predictions[]` of Imagen; those with nothing but a reason of the filter hold no image.
fn predictions(Document { place, value, .. }: &Document, found: &mut Vec<Found>) {
    for (index, prediction) in items(value, "predictions") {
        if let Some(image) = text(prediction, "bytesBase64Encoded") {
            let place = format!("{place}/predictions/{index}/bytesBase64Encoded");
            let source = Source::Base64(image.to_owned());
            let format = text(prediction, "mimeType").map(format_of);
            found.push(Found::new(place, "bytesBase64Encoded", source).announced(format));
        }
    }
}

/// Calls of the image generation tool, in a response and in the events of its stream. An image that an event
/// brought comes once more in the whole response at the end: it counts once.
fn tool_calls(Document { place, value, kind }: &Document, found: &mut Vec<Found>) {
    if let Some(image) = text(value, "partial_image_b64") {
        let place = format!("{place}/partial_image_b64");
        let source = Source::Base64(image.to_owned());
        let format = text(value, "output_format").map(format_of);
        let mut image = Found::new(place, "partial_image_b64", source).announced(format);
        image.partial = partial(kind, value);
        found.push(image);
    }
    if let Some(item) = value.get("item") {
        tool_call(item, &format!("{place}/item"), found);
    }
    for (whole, name) in [(Some(value), ""), (value.get("response"), "/response")] {
        let Some(whole) = whole else { continue };
        for (index, item) in items(whole, "output") {
            tool_call(item, &format!("{place}{name}/output/{index}"), found);
        }
    }
}

fn tool_call(item: &Value, place: &str, found: &mut Vec<Found>) {
    let is_call = text(item, "type") == Some("image_generation_call");
    let Some(image) = text(item, "result").filter(|_| is_call) else {
        return;
    };
    let same = |other: &Found| {
        other.location == "result"
            && matches!(&other.source, Source::Base64(before) if before == image)
    };
    // Within one document two equal images are two.
    let is_repeated = place.starts_with("event") && found.iter().any(same);
    if is_repeated {
        return;
    }
    let source = Source::Base64(image.to_owned());
    let format = text(item, "output_format").map(format_of);
    found.push(Found::new(format!("{place}/result"), "result", source).announced(format));
}

/// Images of chat messages and of their deltas.
fn messages(documents: &[Document], locator: Locator, found: &mut Vec<Found>) {
    // Text may be cut anywhere, so that of a stream is read as a whole.
    let mut texts: BTreeMap<u64, String> = BTreeMap::new();
    for Document { place, value, .. } in documents {
        for (index, choice) in items(value, "choices") {
            for name in ["message", "delta"] {
                let Some(message) = choice.get(name) else {
                    continue;
                };
                let place = format!("{place}/choices/{index}/{name}");
                match locator {
                    Locator::Images => links(message, "images", &place, found),
                    Locator::ContentBlocks => links(message, "content_blocks", &place, found),
                    Locator::ContentArray => links(message, "content", &place, found),
                    Locator::Markdown => {
                        let number = choice.get("index").and_then(Value::as_u64);
                        let text = text(message, "content").unwrap_or_default();
                        let number = number.unwrap_or(index as u64);
                        texts.entry(number).or_default().push_str(text);
                    }
                }
            }
        }
    }
    for (number, text) in &texts {
        let urls = markdown(text).into_iter().enumerate();
        found.extend(urls.map(|(index, url)| {
            let place = format!("image {index} in the text of choice {number}");
            Found::new(place, "url", Source::Url(url.to_owned()))
        }));
    }
}

/// Items with an `image_url`; the items of a stream's `content_blocks` have theirs in a `delta`.
fn links(message: &Value, member: &str, place: &str, found: &mut Vec<Found>) {
    for (index, item) in items(message, member) {
        for (item, inner) in [(Some(item), ""), (item.get("delta"), "/delta")] {
            let url = item.and_then(|item| item.pointer("/image_url/url"));
            if let Some(url) = url.and_then(Value::as_str) {
                let place = format!("{place}/{member}/{index}{inner}/image_url/url");
                found.push(Found::new(place, "url", Source::Url(url.to_owned())));
            }
        }
    }
}

/// The addresses of `![…](URL)` and `![…](URL "title")`.
fn markdown(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("![") {
        let Some((_, target)) = after.split_once("](") else {
            break;
        };
        let Some((target, behind)) = target.split_once(')') else {
            break;
        };
        let url = target.split_whitespace().next().unwrap_or_default();
        found.push(url.trim_start_matches('<').trim_end_matches('>'));
        rest = behind;
    }
    found
}

fn items<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    let items = value.get(name).and_then(Value::as_array);
    items.into_iter().flatten().enumerate()
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

/// The media type of a `data:` URL.
fn media_type(url: &str) -> Option<&str> {
    let (head, _) = url.strip_prefix("data:")?.split_once(',')?;
    head.split(';').next().filter(|kind| !kind.is_empty())
}

/// `png` of `image/png`; what is no image type stays as it is.
fn format_of(mime: &str) -> String {
    let mime = mime.to_ascii_lowercase();
    mime.strip_prefix("image/")
        .map_or(mime.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::End;
    use serde_json::json;

    fn answer(content_type: &str, body: String) -> Received {
        let mut reader = crate::exchange::sse::Reader::default();
        let events = match content_type {
            "text/event-stream" => reader.push(body.as_bytes()).unwrap(),
            _ => Vec::new(),
        };
        Received {
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            end: End::Whole,
            events,
        }
    }

    /// Place, member, announced format and number of each image.
    fn seen(answer: &Received, locator: Locator) -> Vec<String> {
        let found = locate(answer, locator).into_iter().map(|found| {
            let source = match &found.source {
                Source::Base64(text) | Source::Url(text) => text.clone(),
            };
            let partial = found
                .partial
                .map_or(String::new(), |index| format!(" partial {index}"));
            let announced = found.announced.unwrap_or_default();
            format!("{} {announced}{partial} {source}", found.place)
        });
        found.collect()
    }

    fn in_json(body: &Value) -> Vec<String> {
        seen(
            &answer("application/json", body.to_string()),
            Locator::Images,
        )
    }

    fn in_events(events: &[Value], locator: Locator) -> Vec<String> {
        let body = events.iter().map(|event| format!("data: {event}\n\n"));
        seen(&answer("text/event-stream", body.collect()), locator)
    }

    #[test]
    fn lists_of_the_images_api() {
        let body = json!({ "output_format": "webp", "data": [{ "b64_json": "A" }, { "url": "data:image/png;base64,B" }, {}] });
        assert_eq!(
            in_json(&body),
            [
                "/data/0/b64_json webp A",
                "/data/1/url png data:image/png;base64,B"
            ]
        );
        let events = [
            json!({ "type": "image_edit.partial_image", "partial_image_index": 1, "b64_json": "A" }),
            json!({ "type": "image_edit.completed", "output_format": "png", "b64_json": "B" }),
        ];
        assert_eq!(
            in_events(&events, Locator::Images),
            ["event 1 /b64_json  partial 1 A", "event 2 /b64_json png B"]
        );
    }

    #[test]
    fn candidates_without_thoughts_and_sound_in_all_three_frames() {
        let chunk = json!({ "candidates": [{ "content": { "parts": [
            { "text": "a fox" },
            { "thought": true, "inlineData": { "mimeType": "image/png", "data": "T" } },
            { "inlineData": { "mimeType": "audio/wav", "data": "S" } },
            { "inlineData": { "mimeType": "image/jpeg", "data": "A" } },
        ] } }] });
        let pointer = "/candidates/0/content/parts/3/inlineData/data jpeg A";
        assert_eq!(in_json(&chunk), [pointer]);
        assert_eq!(in_json(&json!([{}, chunk])), [format!("/1{pointer}")]);
        assert_eq!(
            in_events(&[json!({}), chunk], Locator::Images),
            [format!("event 2 {pointer}")]
        );
    }

    #[test]
    fn predictions_that_were_filtered_hold_no_image() {
        let body = json!({ "predictions": [
            { "raiFilteredReason": "no" }, { "mimeType": "image/png", "bytesBase64Encoded": "A" }
        ] });
        assert_eq!(in_json(&body), ["/predictions/1/bytesBase64Encoded png A"]);
    }

    #[test]
    fn tool_calls_count_once_in_a_stream() {
        let call =
            json!({ "type": "image_generation_call", "output_format": "png", "result": "A" });
        let output = json!([call, { "type": "message" }, { "type": "image_generation_call", "result": null }, call]);
        assert_eq!(
            in_json(&json!({ "output": output })),
            ["/output/0/result png A", "/output/3/result png A"]
        );
        let events = [
            json!({ "type": "response.image_generation_call.partial_image", "partial_image_index": 0, "partial_image_b64": "P" }),
            json!({ "type": "response.output_item.done", "item": call }),
            json!({ "type": "response.completed", "response": { "output": [call] } }),
        ];
        assert_eq!(
            in_events(&events, Locator::Images),
            [
                "event 1 /partial_image_b64  partial 0 P",
                "event 2 /item/result png A"
            ]
        );
    }

    #[test]
    fn chats_by_each_locator() {
        let url =
            json!({ "type": "image_url", "image_url": { "url": "data:image/webp;base64,A" } });
        let message = |message: Value| json!({ "choices": [{ "index": 0, "message": message }] });
        let find = |body: &Value, locator| {
            seen(&answer("application/json", body.to_string()), locator).len()
        };
        let all = [
            (
                Locator::Images,
                message(json!({ "content": "here", "images": [url] })),
            ),
            (
                Locator::ContentBlocks,
                message(json!({ "content_blocks": [{ "type": "text" }, url] })),
            ),
            (
                Locator::ContentArray,
                message(json!({ "content": [{ "type": "text" }, url] })),
            ),
            (
                Locator::Markdown,
                message(json!({ "content": "![a](data:image/webp;base64,A)" })),
            ),
        ];
        for (locator, body) in &all {
            for (other, _) in &all {
                assert_eq!(
                    find(body, *other),
                    usize::from(other == locator),
                    "{locator:?} {other:?}"
                );
            }
        }
        let delta = |delta: Value| json!({ "choices": [{ "index": 0, "delta": delta }] });
        let blocks = [delta(
            json!({ "content_blocks": [{ "index": 1, "delta": url }] }),
        )];
        assert_eq!(
            in_events(&blocks, Locator::ContentBlocks),
            [
                "event 1 /choices/0/delta/content_blocks/0/delta/image_url/url webp data:image/webp;base64,A"
            ]
        );
        let cut = [
            "a ![",
            "fox](data:image/png;ba",
            "se64,A) b ![x](http://h/2)",
        ];
        let cut = cut.map(|text| delta(json!({ "content": text })));
        assert_eq!(
            in_events(&cut, Locator::Markdown),
            [
                "image 0 in the text of choice 0 png data:image/png;base64,A",
                "image 1 in the text of choice 0  http://h/2"
            ]
        );
    }
}

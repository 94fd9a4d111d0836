//! Reads conversations: the messages of chat completions and the input of responses.

use serde_json::{Map, Value};

use crate::provider::{Call, InputImage};
use crate::wire::Marks;

/// Reads what the items of a list say into a call: the prompt and its directives from the last user message, a case
/// token from anywhere in the texts, images from everywhere. `list` is the name of the list.
pub(in crate::provider) fn read(call: &mut Call, list: &str, items: &[Value]) {
    let last = items.iter().rposition(is_user);
    let mut others = Marks::default();
    for (index, item) in items.iter().enumerate() {
        if Some(index) == last {
            call.prompt = call.marks.take(&raw(item));
        } else {
            texts(item).for_each(|text| drop(others.take(text)));
        }
        read_images(&mut call.images, &format!("{list}[{index}]"), item);
    }
    call.marks.token = call.marks.token.take().or(others.token);
}

/// The text of the last user message, as sent.
pub(in crate::provider) fn prompt(items: &[Value]) -> Option<String> {
    items.iter().rfind(|item| is_user(item)).map(raw)
}

/// Every text, for counting.
pub(in crate::provider) fn text(items: &[Value]) -> String {
    let texts: Vec<_> = items.iter().flat_map(texts).collect();
    texts.join("\n")
}

/// The items of a list, none where there is no list.
pub(in crate::provider) fn list<'b>(body: &'b Map<String, Value>, name: &str) -> &'b [Value] {
    let items = body.get(name).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}

fn is_user(item: &Value) -> bool {
    item["role"] == "user"
}

fn raw(item: &Value) -> String {
    texts(item).collect::<Vec<_>>().join("\n")
}

/// The content as a text, or the texts of its parts.
fn texts(item: &Value) -> impl Iterator<Item = &str> {
    let content = &item["content"];
    let parts = content.as_array().into_iter().flatten();
    let parts = parts.filter_map(|part| part["text"].as_str());
    content.as_str().into_iter().chain(parts)
}

/// The images of the content, and those that an assistant's turn echoes.
fn read_images(images: &mut Vec<InputImage>, place: &str, item: &Value) {
    for name in ["content", "images"] {
        let parts = item[name].as_array().into_iter().flatten().enumerate();
        let found =
            parts.filter_map(|(index, part)| image(&format!("{place}.{name}[{index}]"), part));
        images.extend(found);
    }
    // An image that the tool made in an earlier turn.
    if let Some(result) = item["result"].as_str() {
        let url = format!("data:;base64,{result}");
        images.extend(InputImage::of_url(&format!("{place}.result"), &url));
    }
}

fn image(place: &str, part: &Value) -> Option<InputImage> {
    if let Some((place, url)) = address(place, part) {
        return InputImage::of_url(&place, url).ok();
    }
    let is_image = part["type"] == "input_image";
    let file = part["file_id"].as_str().filter(|_| is_image)?;
    Some(InputImage::elsewhere(&format!("{place}.file_id"), file))
}

/// Where the address of an image part stands, and the address: chat has it one level deeper.
pub(in crate::provider::openai) fn address<'p>(
    place: &str,
    part: &'p Value,
) -> Option<(String, &'p str)> {
    let member = &part["image_url"];
    let direct = member
        .as_str()
        .map(|url| (format!("{place}.image_url"), url));
    direct.or_else(|| Some((format!("{place}.image_url.url"), member["url"].as_str()?)))
}

//! The provider-neutral digest of a request: what was sent, and what it means after defaults.

use serde_json::{Map, Value, json};

use crate::provider::openai::Data;
use crate::provider::{Call, InputImage};

/// Members that are shown by what they hold: `images` and `mask` by hash.
const IMAGE_MEMBERS: &[&str] = &["images", "mask"];

/// Writes `sent` and `effective` of a call of the Images API. Members keep OpenAI's names, which are the neutral
/// ones; `null` is absent.
pub(super) fn images(operation: &str, call: &mut Call, data: &Data) {
    let Some(body) = &call.body else {
        return;
    };
    let mut sent = head(operation, data);
    sent.extend(stated(body, IMAGE_MEMBERS));
    add_images(&mut sent, call);
    call.effective = with_defaults(&sent, &defaults(operation, data));
    call.sent = sent;
}

/// `provider` and `operation`.
pub(super) fn head(operation: &str, data: &Data) -> Map<String, Value> {
    let mut sent = Map::new();
    sent.insert("provider".into(), data.provider.into());
    sent.insert("operation".into(), operation.into());
    sent
}

/// The members that were sent, but for some.
pub(super) fn stated<'a>(
    body: &'a Map<String, Value>,
    without: &'a [&str],
) -> impl Iterator<Item = (String, Value)> + 'a {
    body.iter()
        .filter(|(name, value)| !value.is_null() && !without.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
}

/// The input images, the mask and the markup, by what they are.
pub(super) fn add_images(sent: &mut Map<String, Value>, call: &Call) {
    if !call.images.is_empty() {
        let images = call.images.iter().map(InputImage::digest);
        sent.insert("images".into(), images.collect());
    }
    if let Some(mask) = &call.mask {
        sent.insert("mask".into(), mask.digest());
    }
    if let Some(markup) = &call.markup {
        sent.insert("markup".into(), markup.digest());
    }
}

/// The same with what absent and `auto` members become.
pub(super) fn with_defaults(
    sent: &Map<String, Value>,
    defaults: &[(&str, Value)],
) -> Map<String, Value> {
    let mut effective = sent.clone();
    for (name, value) in defaults {
        let open = match effective.get(*name).map(Value::as_str) {
            None | Some(Some("auto")) => true,
            Some(text) => *name == "model" && text == Some(""),
        };
        if open {
            effective.insert((*name).to_owned(), value.clone());
        }
    }
    effective
}

fn defaults(operation: &str, data: &Data) -> Vec<(&'static str, Value)> {
    let defaults = &data.models.defaults;
    let mut all = vec![
        ("model", json!(data.models.default_model(operation))),
        ("n", json!(1)),
        ("size", json!(defaults.size)),
    ];
    if operation == "images.variations" {
        all.push(("response_format", json!("url")));
        return all;
    }
    all.extend([
        ("quality", json!(defaults.quality)),
        ("background", json!(defaults.background)),
        ("output_format", json!(defaults.output_format)),
        ("output_compression", json!(100)),
        ("moderation", json!(defaults.moderation)),
        ("stream", json!(false)),
        ("partial_images", json!(0)),
    ]);
    if operation == "images.edits" {
        all.push(("input_fidelity", json!("low")));
    }
    all
}

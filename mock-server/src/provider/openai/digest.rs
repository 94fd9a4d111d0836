//! The provider-neutral digest of an OpenAI request: what was sent, and what it means after defaults.

use serde_json::{Map, Value, json};

use crate::provider::openai::model::Models;

/// `sent` and `effective` of a JSON body. Members keep OpenAI's names, which are the neutral ones; `null` is
/// absent.
pub(super) fn both(
    operation: &str,
    body: &Map<String, Value>,
    models: &Models,
) -> (Map<String, Value>, Map<String, Value>) {
    let mut sent = Map::new();
    sent.insert("provider".into(), "openai".into());
    sent.insert("operation".into(), operation.into());
    let stated = body.iter().filter(|(_, value)| !value.is_null());
    sent.extend(stated.map(|(name, value)| (name.clone(), value.clone())));
    let mut effective = sent.clone();
    for (name, value) in defaults(models) {
        let open = match effective.get(name).map(Value::as_str) {
            None | Some(Some("auto")) => true,
            Some(text) => name == "model" && text == Some(""),
        };
        if open {
            effective.insert(name.to_owned(), value);
        }
    }
    (sent, effective)
}

fn defaults(models: &Models) -> [(&'static str, Value); 10] {
    let defaults = &models.defaults;
    [
        ("model", json!(defaults.model)),
        ("n", json!(1)),
        ("size", json!(defaults.size)),
        ("quality", json!(defaults.quality)),
        ("background", json!(defaults.background)),
        ("output_format", json!(defaults.output_format)),
        ("output_compression", json!(100)),
        ("moderation", json!(defaults.moderation)),
        ("stream", json!(false)),
        ("partial_images", json!(0)),
    ]
}

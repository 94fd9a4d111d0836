//! `deprecated`: a call has a parameter or model that its provider announced to end.

use crate::journal::Entry;

/// Provider, parameter, what to use instead (OpenAI's specification of 2026-08).
const PARAMETERS: &[(&str, &str, &str)] = &[("openai", "user", "safety_identifier")];
/// Beginnings of model ids (OpenAI's deprecations page: off since 2026-05-12).
const MODELS: &[&str] = &["dall-e-"];

pub(super) fn judge(calls: &[&Entry]) -> Vec<(Vec<u64>, String)> {
    let found = calls.iter().flat_map(|entry| {
        let provider = entry.provider.as_deref();
        let sent = PARAMETERS
            .iter()
            .filter(move |(of, name, _)| provider == Some(*of) && entry.sent.contains_key(*name));
        let sent =
            sent.map(|(_, name, instead)| format!("'{name}' is deprecated: use '{instead}'"));
        let model = entry.sent.get("model").and_then(|model| model.as_str());
        let model = model.filter(|model| MODELS.iter().any(|old| model.starts_with(old)));
        let model = model.map(|model| format!("the model '{model}' is deprecated"));
        sent.chain(model).map(|message| (vec![entry.seq], message))
    });
    found.collect()
}

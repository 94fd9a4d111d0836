//! `countTokens`: what a prompt would cost, without asking the model. Members are those of `CountTokensResponse`
//! (PyPI google-ai-generativelanguage 0.12.1; Vertex has them too).

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::provider::google::Desk;
use crate::provider::google::content;
use crate::provider::google::error::Refusal;
use crate::provider::google::generate::{served, spent};
use crate::provider::google::render::{JSON, headers};
use crate::settings::Validation;
use crate::wire::Answer;

/// Judges the body of a call and answers it.
///
/// # Errors
/// The refusal of the provider.
pub(super) fn judge(body: &Map<String, Value>, desk: &Desk<'_>) -> Result<Answer, Refusal> {
    let (body, problems) = desk.read("CountTokensRequest", body);
    let strict = desk.world.settings.validation == Validation::Strict;
    if strict && !problems.is_empty() {
        return Err(Refusal::problems(&problems));
    }
    let models = &desk.data.models;
    let found = served(&desk.route.model, desk)?;
    let model = found.or_else(|| models.models.first().filter(|_| !strict));
    let model = model.ok_or_else(|| Refusal::new("model-not-found", []))?;
    // The Gemini API also takes a whole request.
    let whole = body
        .get("generateContentRequest")
        .and_then(Value::as_object);
    let read = content::read(whole.unwrap_or(&body));
    let usage = spent(model, &read, models).metadata("", desk.face);
    let mut out = Map::new();
    let mut copy = |from: &str, to: &str| {
        out.extend(usage.get(from).map(|value| (to.to_owned(), value.clone())));
    };
    copy("promptTokenCount", "totalTokens");
    copy("promptTokensDetails", "promptTokensDetails");
    let body = desk.style.shaped(Value::Object(out), &desk.data.messages);
    let text = Bytes::from(desk.style.text(&body));
    let mut answer = Answer::whole(200, headers(JSON, desk), vec![text]);
    "ok".clone_into(&mut answer.summary.condition);
    Ok(answer)
}

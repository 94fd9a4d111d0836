//! The models of the Gemini API: the list and one of them.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::provider::google::Desk;
use crate::provider::google::error::Refusal;
use crate::provider::google::generate::served;
use crate::provider::google::model::{Kind, Model};
use crate::provider::google::render::{JSON, headers};
use crate::provider::google::route::Verb;
use crate::wire::{Answer, Request};

/// The models of a page when no number is said, and at most.
const PAGE: (usize, usize) = (50, 1000);

/// A page of the list; its token is the number of models before it.
pub(super) fn list(request: &Request, desk: &Desk<'_>) -> Answer {
    let number = |name: &str| request.query_value(name)?.parse::<usize>().ok();
    let size = number("pageSize").filter(|size| *size > 0);
    let size = size.unwrap_or(PAGE.0).min(PAGE.1);
    let start = number("pageToken").unwrap_or_default();
    let models = desk.data.models.models.iter();
    let models = models.filter(|model| !model.is_retired(&desk.world.settings));
    let all: Vec<_> = models
        .flat_map(|model| {
            let names = std::iter::once(&model.id).chain(&model.aliases);
            names.map(|id| described(id, model))
        })
        .collect();
    let page: Vec<_> = all.iter().skip(start).take(size).cloned().collect();
    let mut body = Map::from_iter([("models".to_owned(), Value::Array(page))]);
    let next = start.saturating_add(size);
    if next < all.len() {
        body.insert("nextPageToken".into(), next.to_string().into());
    }
    answer(Value::Object(body), desk)
}

/// The model that the path names.
///
/// # Errors
/// The refusal of the provider.
pub(super) fn single(desk: &Desk<'_>) -> Result<Answer, Refusal> {
    let id = &desk.route.model;
    let found = served(id, desk)?;
    let model = found.ok_or_else(|| Refusal::new("model-not-found", []))?;
    Ok(answer(described(id, model), desk))
}

/// The same in OpenAI's form, as users quote it: the list, or the model that the path names.
///
/// # Errors
/// The refusal of the provider.
pub(super) fn compatible(desk: &Desk<'_>) -> Result<Answer, Refusal> {
    let item = |id: &str, model: &Model| {
        json!({
            "id": format!("models/{id}"),
            "object": "model",
            "owned_by": "google",
            "display_name": model.display_name,
        })
    };
    if desk.route.verb == Verb::CompatibleModelGet {
        let id = &desk.route.model;
        let model = served(id, desk)?.ok_or_else(|| Refusal::new("model-not-found", []))?;
        return Ok(answer(item(id, model), desk));
    }
    let models = desk.data.models.models.iter();
    let models = models.filter(|model| !model.is_retired(&desk.world.settings));
    let all = models.flat_map(|model| {
        let names = std::iter::once(&model.id).chain(&model.aliases);
        names.map(|id| item(id, model))
    });
    let data: Vec<_> = all.collect();
    Ok(answer(json!({ "object": "list", "data": data }), desk))
}

fn described(id: &str, model: &Model) -> Value {
    let methods = match model.kind {
        Kind::Imagen => vec!["predict"],
        Kind::Gemini | Kind::Text => vec!["generateContent"],
    };
    json!({
        "name": format!("models/{id}"),
        "version": "001",
        "displayName": model.display_name,
        "supportedGenerationMethods": methods,
    })
}

fn answer(body: Value, desk: &Desk<'_>) -> Answer {
    let body = desk.style.shaped(body, &desk.data.messages);
    let text = Bytes::from(desk.style.text(&body));
    let mut answer = Answer::whole(200, headers(JSON, desk), vec![text]);
    "ok".clone_into(&mut answer.summary.condition);
    answer
}

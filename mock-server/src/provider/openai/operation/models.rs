//! `GET /v1/models` and `GET /v1/models/{id}`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Case, Operation, Work};
use crate::provider::Call;
use crate::provider::openai::error::{Refusal, pretty};
use crate::provider::openai::headers;
use crate::provider::openai::{Data, Desk};
use crate::settings::Settings;
use crate::wire::{Answer, Request};

/// What stands before the name of a model in a path.
const BEFORE: &str = "/models/";

/// The list.
pub(super) struct List;

impl Operation for List {
    fn id(&self) -> &'static str {
        "models.list"
    }

    fn read(&self, _: &Request, data: &Data) -> Call {
        let sent = super::digest::head(self.id(), data);
        Call {
            quick: true,
            effective: sent.clone(),
            sent,
            ..Call::default()
        }
    }

    fn judge<'a>(&self, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        let (call, desk) = (case.call, case.desk);
        Ok(Box::new(move || {
            let all: Vec<_> = listed(desk.data, &desk.world.settings).collect();
            answer(&json!({ "object": "list", "data": all }), call, desk)
        }))
    }
}

/// One model.
pub(super) struct Retrieve;

impl Operation for Retrieve {
    fn id(&self) -> &'static str {
        "models.retrieve"
    }

    fn read(&self, request: &Request, data: &Data) -> Call {
        let mut sent = super::digest::head(self.id(), data);
        sent.insert("model".into(), asked_for(request).into());
        Call {
            quick: true,
            effective: sent.clone(),
            sent,
            ..Call::default()
        }
    }

    fn judge<'a>(&self, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        let (call, desk) = (case.call, case.desk);
        let id = asked_for(case.request);
        let mut all = listed(desk.data, &desk.world.settings);
        let found = all.find(|model| model["id"] == id);
        let found = found.ok_or_else(|| Refusal::new("model-not-found", [("model", id)]))?;
        Ok(Box::new(move || answer(&found, call, desk)))
    }
}

fn asked_for(request: &Request) -> String {
    let end = request.path.find(BEFORE).map(|at| at + BEFORE.len());
    let behind = end.and_then(|end| request.path_behind(&request.path[..end]));
    behind.unwrap_or_default()
}

/// Everything that answers something, snapshots by their own names.
fn listed<'d>(data: &'d Data, settings: &'d Settings) -> impl Iterator<Item = Value> + 'd {
    let models = &data.models;
    let image = models.models.iter();
    let image = image.filter(|model| !model.is_retired(settings));
    let image = image.flat_map(|model| {
        let names = std::iter::once(&model.id).chain(&model.aliases);
        names.map(|id| (id, model.created))
    });
    let text = models.text_models.iter().flat_map(|model| {
        let names = std::iter::once(&model.id).chain(&model.snapshots);
        names.map(|id| (id, model.created))
    });
    let chat = data.chat_images.models.iter();
    let chat = chat.map(|model| (&model.id, model.created));
    image.chain(text).chain(chat).map(|(id, created)| {
        json!({ "id": id, "object": "model", "created": created, "owned_by": "system" })
    })
}

fn answer(body: &Value, call: &Call, desk: &Desk<'_>) -> Answer {
    let headers = headers::of_success("application/json", call, desk);
    Answer::whole(200, headers, vec![Bytes::from(pretty(body))])
}

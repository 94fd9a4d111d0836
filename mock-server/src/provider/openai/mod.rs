//! OpenAI: `POST /v1/images/generations`.
//!
//! Wire facts: OpenAI's OpenAPI document of 2026-08-21, recordings named in `fixtures/errors/openai.json` and
//! `fixtures/models/openai.json`.

mod digest;
mod error;
mod files;
mod generations;
mod model;
mod render;
mod usage;
mod validate;

pub use model::{Models, Sizes};

use bytes::Bytes;
use serde_json::{Map, Value};

use std::ops::Deref;

use crate::catalogue::{Catalogue, CatalogueError};
use crate::provider::{Call, Provider, Turn};
use crate::scenario::{Element, Order};
use crate::wire::{Answer, Marks, Request, event};

/// The provider.
pub struct OpenAi {
    data: Data,
}

/// A turn, and the data of the provider whose turn it is.
struct Desk<'w> {
    data: &'w Data,
    turn: &'w Turn<'w>,
}

impl<'w> Deref for Desk<'w> {
    type Target = Turn<'w>;

    fn deref(&self) -> &Turn<'w> {
        self.turn
    }
}

impl OpenAi {
    /// Reads its data.
    ///
    /// # Errors
    /// An embedded file is missing or of another form.
    pub fn load() -> Result<Box<dyn Provider>, CatalogueError> {
        let data = Data::builtin()?;
        Ok(Box::new(Self { data }))
    }

    fn desk<'w>(&'w self, turn: &'w Turn<'w>) -> Desk<'w> {
        Desk {
            data: &self.data,
            turn,
        }
    }
}

/// OpenAI's data files.
#[derive(Debug)]
pub struct Data {
    /// `fixtures/errors/openai.json`.
    pub errors: Catalogue,
    /// `fixtures/models/openai.json`.
    pub models: Models,
}

impl Data {
    /// Reads the embedded files.
    ///
    /// # Errors
    /// A file is missing or of another form.
    pub fn builtin() -> Result<Self, CatalogueError> {
        Ok(Self {
            errors: Catalogue::builtin(ID)?,
            models: Models::builtin()?,
        })
    }
}

/// The id of the provider.
pub const ID: &str = "openai";
const GENERATIONS: &str = "/v1/images/generations";
const FILES: &str = "/files/";

impl Provider for OpenAi {
    fn id(&self) -> &'static str {
        ID
    }

    fn claims(&self, _: &Request) -> bool {
        true
    }

    fn catalogue(&self) -> &Catalogue {
        &self.data.errors
    }

    fn read(&self, request: &Request) -> Call {
        let operation = operation(request);
        let body = operation.and_then(|_| object(&request.body));
        let mut marks = Marks::default();
        let prompt = body.as_ref().and_then(|body| body.get("prompt")?.as_str());
        let prompt = prompt.map(|text| marks.take(text)).unwrap_or_default();
        let (sent, effective) = match (operation, &body) {
            (Some(operation), Some(body)) => digest::both(operation, body, &self.data.models),
            _ => Default::default(),
        };
        Call {
            provider: ID,
            operation,
            framing: "",
            credential: bearer(request),
            marks,
            prompt,
            body,
            sent,
            effective,
        }
    }

    fn refusal(
        &self,
        request: &Request,
        call: &Call,
        order: &Order,
        turn: &Turn<'_>,
    ) -> Option<Answer> {
        let turn = &self.desk(turn);
        // The front looks at sizes before anything else is looked at.
        if request.body_too_large {
            let refusal = error::Refusal::new("body-too-large", []);
            return Some(error::render(&refusal, call, turn));
        }
        if request.path.starts_with(FILES) {
            return None;
        }
        if call.operation.is_none() {
            return Some(error::no_such_operation(request, turn));
        }
        let refusal = generations::judge(request, call, order, turn).err()?;
        Some(error::render(&refusal, call, turn))
    }

    fn answer(&self, request: &Request, call: &Call, order: &Order, turn: &Turn<'_>) -> Answer {
        let turn = &self.desk(turn);
        if let Some(id) = request.path.strip_prefix(FILES) {
            return files::answer(request, id, turn);
        }
        match generations::judge(request, call, order, turn) {
            Ok(wanted) => generations::answer(&wanted, call, order, turn),
            Err(refusal) => error::render(&refusal, call, turn),
        }
    }

    fn stream_error(&self, call: &Call, condition: &Element, turn: &Turn<'_>) -> Vec<Bytes> {
        let turn = &self.desk(turn);
        let refusal = error::Refusal::condition(condition);
        // What has no JSON form of its own fails in general.
        let general = || error::body(&error::Refusal::new("server-error", []), call, turn);
        let body = error::body(&refusal, call, turn).or_else(general);
        let mut data = Map::new();
        data.insert("type".into(), "error".into());
        data.extend(body.and_then(|body| Some(("error".into(), body.get("error")?.clone()))));
        event("error", vec![Value::Object(data).to_string().into()])
    }

    fn scenario_error(&self, message: &str, turn: &Turn<'_>) -> Answer {
        error::mock_error(message, &self.desk(turn))
    }
}

fn operation(request: &Request) -> Option<&'static str> {
    let known = request.method == "POST" && request.path == GENERATIONS;
    known.then_some("images.generations")
}

fn bearer(request: &Request) -> Option<String> {
    let value = request.header("authorization")?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then(|| key.to_owned())
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

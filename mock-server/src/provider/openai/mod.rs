//! OpenAI: images, chat completions, responses and the list of models.
//!
//! Wire facts: OpenAI's OpenAPI document of 2026-08-21, recordings named in `fixtures/errors/openai.json` and
//! `fixtures/models/openai.json`.

mod additions;
mod chat;
pub(in crate::provider) mod error;
mod files;
mod headers;
mod model;
pub(in crate::provider) mod operation;
mod render;
mod response;
mod usage;
mod validate;

pub use additions::Additions;
pub use model::{ChatImages, Models, Sizes};

use bytes::Bytes;

use std::ops::Deref;

use crate::catalogue::{Catalogue, CatalogueError};
use crate::provider::{Call, Provider, Turn};
use crate::scenario::{Element, Order};
use crate::wire::{Answer, Request};
use operation::Case;

/// The provider.
pub struct OpenAi {
    data: Data,
}

/// A turn, and the data of the provider whose turn it is.
pub(in crate::provider) struct Desk<'w> {
    pub(in crate::provider) data: &'w Data,
    pub(in crate::provider) turn: &'w Turn<'w>,
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
    /// The id of the provider.
    pub provider: &'static str,
    /// `fixtures/errors/openai.json`.
    pub errors: Catalogue,
    /// `fixtures/models/openai.json`.
    pub models: Models,
    /// `fixtures/models/gateway.json`.
    pub chat_images: ChatImages,
    /// What is added to answers.
    pub additions: Additions,
}

impl Data {
    /// Reads the embedded files.
    ///
    /// # Errors
    /// A file is missing or of another form.
    pub fn builtin() -> Result<Self, CatalogueError> {
        Ok(Self {
            provider: ID,
            errors: Catalogue::builtin(ID)?,
            models: Models::builtin()?,
            chat_images: ChatImages::builtin()?,
            additions: Additions::default(),
        })
    }
}

/// The id of the provider.
pub const ID: &str = "openai";
/// Where the files lie that `url` results point at.
pub(crate) const FILES: &str = "/files/";

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
        let called = operation::called(request);
        let call = called.map(|operation| operation.read(request, &self.data));
        Call {
            provider: ID,
            operation: called.map(operation::Operation::id),
            credential: bearer(request),
            ..call.unwrap_or_default()
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
        let Some(operation) = operation::called(request) else {
            return Some(error::no_such_operation(request, turn));
        };
        let case = Case::new(request, call, order, turn);
        let refusal = operation::judge(operation, &case).err()?;
        Some(error::render(&refusal, call, turn))
    }

    fn answer(&self, request: &Request, call: &Call, order: &Order, turn: &Turn<'_>) -> Answer {
        let turn = &self.desk(turn);
        if let Some(id) = request.path.strip_prefix(FILES) {
            return files::answer(request, id, turn);
        }
        let Some(operation) = operation::called(request) else {
            return error::no_such_operation(request, turn);
        };
        match operation::judge(operation, &Case::new(request, call, order, turn)) {
            Ok(work) => work(),
            Err(refusal) => error::render(&refusal, call, turn),
        }
    }

    fn stream_error(
        &self,
        call: &Call,
        condition: &Element,
        before: usize,
        turn: &Turn<'_>,
    ) -> Vec<Bytes> {
        stream_error(call, condition, before, &self.desk(turn))
    }

    fn scenario_error(&self, message: &str, turn: &Turn<'_>) -> Answer {
        error::mock_error(message, &self.desk(turn))
    }
}

/// A condition as an error inside a stream of the operation.
pub(in crate::provider) fn stream_error(
    call: &Call,
    condition: &Element,
    before: usize,
    desk: &Desk<'_>,
) -> Vec<Bytes> {
    let refusal = error::Refusal::condition(condition);
    // What has no JSON form of its own fails in general.
    let general = || error::body(&error::Refusal::new("server-error", []), call, desk);
    let body = error::body(&refusal, call, desk).or_else(general);
    let body = body.and_then(|body| body.as_object().cloned());
    let called = call.operation.and_then(operation::by_id);
    called.map_or_else(Vec::new, |operation| {
        operation.stream_error(&body.unwrap_or_default(), before)
    })
}

/// The token of an `authorization` header.
pub(in crate::provider) fn bearer(request: &Request) -> Option<String> {
    let value = request.header("authorization")?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then(|| key.to_owned())
}

//! Google's two faces: Vertex AI (projects, locations, OAuth) and the Gemini API (keys). They share their
//! operations and differ in paths, credentials, errors and small things of the answers.
//!
//! Wire facts: the sources named in `fixtures/{errors,messages,models}/{vertex,gemini}.json`.

mod chat;
mod compatible;
mod content;
mod count;
mod decide;
mod digest;
mod error;
mod generate;
mod json;
mod listing;
mod messages;
mod metadata;
mod model;
mod oauth;
mod options;
mod predict;
mod reader;
mod render;
mod route;
mod shape;
mod signature;
mod sniff;
mod style;
mod usage;

pub use messages::Messages;
pub use model::{Kind, Model, Models};

use std::ops::Deref;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::catalogue::{Catalogue, CatalogueError};
use crate::provider::{Call, Provider, Turn};
use crate::scenario::{Element, Order};
use crate::wire::{Answer, Request};
use decide::Decision;
use reader::{Edition, Problem};
use route::{Route, Verb, route};
use style::Style;

/// The id of Vertex AI.
pub const VERTEX: &str = "vertex";
/// The id of the Gemini API.
pub const GEMINI: &str = "gemini";

/// One face of Google.
pub struct Google {
    face: Face,
    data: Data,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Gemini,
    Vertex,
}

/// The data files of one face.
#[derive(Debug)]
pub struct Data {
    /// `fixtures/errors/<face>.json`.
    pub errors: Catalogue,
    /// `fixtures/messages/<face>.json`.
    pub messages: Messages,
    /// `fixtures/models/<face>.json`.
    pub models: Models,
}

/// A turn, with everything that the face knows about the request.
struct Desk<'w> {
    face: Face,
    data: &'w Data,
    turn: &'w Turn<'w>,
    route: Route,
    /// The path as it was called, fit for HTML.
    path: String,
    /// How the answer is written down.
    style: Style,
    /// Vertex: the kind of capacity that the request's headers ask for.
    traffic: &'static str,
}

impl<'w> Deref for Desk<'w> {
    type Target = Turn<'w>;

    fn deref(&self) -> &Turn<'w> {
        self.turn
    }
}

impl Desk<'_> {
    /// Reads a message as the version of the API that was called does.
    fn read(&self, message: &str, body: &Map<String, Value>) -> (Map<String, Value>, Vec<Problem>) {
        reader::read(&self.data.messages, message, body, self.edition())
    }

    /// The version of the API that was called.
    fn edition(&self) -> Edition<'_> {
        let version = &self.route.version;
        Edition {
            version,
            gap: self.data.messages.gap(version, &self.turn.world.settings),
        }
    }

    /// Now, as Vertex writes it.
    fn create_time(&self) -> String {
        let now = time::OffsetDateTime::from_unix_timestamp(self.now).ok();
        let form = time::macros::format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].000000Z"
        );
        now.and_then(|now| now.format(form).ok())
            .unwrap_or_default()
    }
}

impl Face {
    fn id(self) -> &'static str {
        match self {
            Self::Gemini => GEMINI,
            Self::Vertex => VERTEX,
        }
    }
}

impl Google {
    /// Reads the data of Vertex AI.
    ///
    /// # Errors
    /// An embedded file is missing or of another form.
    pub fn load_vertex() -> Result<Box<dyn Provider>, CatalogueError> {
        Self::load(Face::Vertex)
    }

    /// Reads the data of the Gemini API.
    ///
    /// # Errors
    /// An embedded file is missing or of another form.
    pub fn load_gemini() -> Result<Box<dyn Provider>, CatalogueError> {
        Self::load(Face::Gemini)
    }

    fn load(face: Face) -> Result<Box<dyn Provider>, CatalogueError> {
        let data = Data {
            errors: Catalogue::builtin(face.id())?,
            messages: Messages::builtin(face.id())?,
            models: Models::builtin(face.id())?,
        };
        Ok(Box::new(Self { face, data }))
    }

    fn desk<'w>(&'w self, request: &Request, turn: &'w Turn<'w>) -> Desk<'w> {
        let mut desk = self.desk_of(route(self.face, request), turn);
        desk.path = request.path.replace('&', "&amp;").replace('<', "&lt;");
        desk.style = Style::of(request);
        desk.traffic = usage::traffic(request);
        desk
    }

    fn desk_of<'w>(&'w self, route: Option<Route>, turn: &'w Turn<'w>) -> Desk<'w> {
        Desk {
            face: self.face,
            data: &self.data,
            turn,
            route: route.unwrap_or_else(Route::nowhere),
            path: String::new(),
            style: Style::default(),
            traffic: usage::traffic_of("", ""),
        }
    }
}

impl Provider for Google {
    fn id(&self) -> &'static str {
        self.face.id()
    }

    fn claims(&self, request: &Request) -> bool {
        route(self.face, request).is_some()
    }

    fn catalogue(&self) -> &Catalogue {
        &self.data.errors
    }

    fn read(&self, request: &Request) -> Call {
        let route = route(self.face, request).unwrap_or_else(Route::nowhere);
        digest::call(self.face, &self.data, &route, request)
    }

    fn refusal(
        &self,
        request: &Request,
        call: &Call,
        order: &Order,
        turn: &Turn<'_>,
    ) -> Option<Answer> {
        match decide::decide(request, call, order, &self.desk(request, turn)) {
            Decision::Ready(answer) => Some(answer),
            Decision::Paint(_) => None,
        }
    }

    fn answer(&self, request: &Request, call: &Call, order: &Order, turn: &Turn<'_>) -> Answer {
        let desk = &self.desk(request, turn);
        match decide::decide(request, call, order, desk) {
            Decision::Ready(answer) => answer,
            Decision::Paint(job) => job.answer(call, order, desk),
        }
    }

    fn stream_error(
        &self,
        call: &Call,
        condition: &Element,
        before: usize,
        turn: &Turn<'_>,
    ) -> Vec<Bytes> {
        error::in_stream(call, condition, before == 0, &self.desk_of(None, turn))
    }

    fn scenario_error(&self, message: &str, turn: &Turn<'_>) -> Answer {
        error::mock_error(message, &self.desk_of(None, turn))
    }
}

impl Route {
    /// The route where no request is at hand.
    fn nowhere() -> Self {
        Self::new(Verb::Unknown, "v1", "")
    }
}

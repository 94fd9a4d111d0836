//! The operations of the API: one file each, one line each in [`ROUTES`].
//!
//! An operation reads a request into a [`Call`], judges it, and answers it. It knows its data only through the
//! [`Desk`], so that another provider with other data, paths and headers can offer the same operation.

mod chat;
pub(in crate::provider) mod conversation;
mod digest;
mod edits;
mod form;
mod generations;
mod images;
mod json;
mod models;
mod responses;
mod variations;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::catalogue::Stage;
use crate::provider::openai::error::{self, Layout, Refusal};
use crate::provider::openai::{Data, Desk};
use crate::provider::{Call, token_in};
use crate::scenario::Order;
use crate::wire::{Answer, Request, event};

/// One operation of the API.
pub(in crate::provider) trait Operation: Sync {
    /// `images.generations`, …
    fn id(&self) -> &'static str;

    /// Reads what was asked, without judging it.
    fn read(&self, request: &Request, data: &Data) -> Call;

    /// Judges a call whose credential is good, and returns the work that is left to do.
    ///
    /// # Errors
    /// The refusal of the provider.
    fn judge<'a>(&self, case: &Case<'a>) -> Result<Work<'a>, Refusal>;

    /// How its errors are laid out.
    fn layout(&self) -> Layout {
        Layout::Images
    }

    /// An error inside a stream; `body` is the envelope, `before` the number of events before it.
    fn stream_error(&self, body: &Map<String, Value>, before: usize) -> Vec<Bytes> {
        let _ = before;
        let mut data = Map::new();
        data.insert("type".into(), "error".into());
        data.extend(body.clone());
        event("error", vec![Value::Object(data).to_string().into()])
    }
}

/// What is left once a call was found good; painting takes its time.
pub(in crate::provider) type Work<'a> = Box<dyn FnOnce() -> Answer + 'a>;

/// A call, and everything that decides its answer.
#[derive(Clone, Copy)]
pub(in crate::provider) struct Case<'a> {
    pub(in crate::provider) request: &'a Request,
    pub(in crate::provider) call: &'a Call,
    pub(in crate::provider) order: &'a Order,
    pub(in crate::provider) desk: &'a Desk<'a>,
}

impl<'a> Case<'a> {
    pub(in crate::provider) fn new(
        request: &'a Request,
        call: &'a Call,
        order: &'a Order,
        desk: &'a Desk<'a>,
    ) -> Self {
        Self {
            request,
            call,
            order,
            desk,
        }
    }
}

/// Where an operation is found.
pub(in crate::provider) struct Route {
    pub(in crate::provider) method: &'static str,
    pub(in crate::provider) path: Path,
    pub(in crate::provider) operation: &'static dyn Operation,
}

/// A path of the API.
pub(in crate::provider) enum Path {
    /// This one.
    Exact(&'static str),
    /// Anything behind this beginning.
    Behind(&'static str),
}

/// Every operation of OpenAI.
pub(in crate::provider) static ROUTES: &[Route] = &[
    post("/v1/images/generations", &generations::Generations),
    post("/v1/images/edits", &edits::Edits),
    post("/v1/images/variations", &variations::Variations),
    post("/v1/chat/completions", &chat::Chat),
    post("/v1/responses", &responses::Responses),
    get(Path::Exact("/v1/models"), &models::List),
    get(Path::Behind("/v1/models/"), &models::Retrieve),
];

const fn post(path: &'static str, operation: &'static dyn Operation) -> Route {
    Route {
        method: "POST",
        path: Path::Exact(path),
        operation,
    }
}

const fn get(path: Path, operation: &'static dyn Operation) -> Route {
    Route {
        method: "GET",
        path,
        operation,
    }
}

impl Route {
    fn has_path(&self, request: &Request) -> bool {
        match self.path {
            Path::Exact(path) => request.path == path,
            Path::Behind(beginning) => request.path_behind(beginning).is_some(),
        }
    }

    /// HEAD is GET without a body.
    fn takes(&self, method: &str) -> bool {
        method == self.method || (method == "HEAD" && self.method == "GET")
    }

    fn methods(&self) -> &'static str {
        if self.method == "GET" {
            "GET, HEAD"
        } else {
            self.method
        }
    }
}

/// The operation that a request calls.
pub(super) fn called(request: &Request) -> Option<&'static dyn Operation> {
    let mut routes = ROUTES.iter();
    let route = routes.find(|route| route.has_path(request) && route.takes(&request.method))?;
    Some(route.operation)
}

/// The operation with this id.
pub(in crate::provider) fn by_id(id: &str) -> Option<&'static dyn Operation> {
    let mut routes = ROUTES.iter();
    Some(routes.find(|route| route.operation.id() == id)?.operation)
}

/// What a known path may be asked with.
pub(super) fn methods(request: &Request) -> Option<&'static str> {
    let mut routes = ROUTES.iter();
    Some(routes.find(|route| route.has_path(request))?.methods())
}

/// Judges a call: credential, conditions, the operation's own rules, in the order in which the provider does.
///
/// # Errors
/// The refusal of the provider, its own or the one that a scenario asks for.
pub(in crate::provider) fn judge<'a>(
    operation: &dyn Operation,
    case: &Case<'a>,
) -> Result<Work<'a>, Refusal> {
    error::authenticate(case.call, case.desk)?;
    judge_admitted(operation, case)
}

/// The same for a call whose credential was found good.
///
/// # Errors
/// The refusal of the provider, its own or the one that a scenario asks for.
pub(in crate::provider) fn judge_admitted<'a>(
    operation: &dyn Operation,
    case: &Case<'a>,
) -> Result<Work<'a>, Refusal> {
    error::of_condition(Stage::Before, case.order, case.desk)?;
    let work = operation.judge(case)?;
    error::of_condition(Stage::Content, case.order, case.desk)?;
    let condition = case.order.condition.as_ref();
    Ok(Box::new(move || {
        let mut answer = work();
        let condition = condition.map_or("ok", |element| &element.name);
        condition.clone_into(&mut answer.summary.condition);
        answer
    }))
}

impl<'a> Case<'a> {
    /// The JSON body, where JSON is all that the operation takes.
    ///
    /// # Errors
    /// Another content type, or no JSON object.
    fn json(&self) -> Result<&'a Map<String, Value>, Refusal> {
        let media_type = self.request.media_type();
        if !media_type.is_empty() && media_type != "application/json" {
            return Err(self.unsupported("application/json"));
        }
        let body = self.call.body.as_ref();
        body.ok_or_else(|| Refusal::new("malformed-body", []))
    }

    fn unsupported(&self, accepted: &str) -> Refusal {
        let value = self.request.header("content-type").unwrap_or_default();
        let values = [
            ("value", value.to_owned()),
            ("accepted", accepted.to_owned()),
        ];
        Refusal::new("unsupported-content-type", values)
    }
}

/// Looks for a case token where no prompt carries one: in input images, in file names, in `user`.
fn find_token(call: &mut Call) {
    let told = call.images.iter().chain(&call.mask);
    let painted = told.clone().find_map(|image| image.token);
    let named = || {
        told.filter_map(|image| image.filename.as_deref())
            .find_map(token_in)
    };
    let user = || {
        let body = call.body.as_ref()?;
        body.get("user")?.as_str().and_then(token_in)
    };
    let token = painted.or_else(named).or_else(user);
    call.marks.token = call.marks.token.take().or(token);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = ROUTES.iter().map(|route| route.operation.id()).collect();
        let total = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), total);
    }
}

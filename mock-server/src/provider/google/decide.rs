//! Decides a call: credential, conditions, body, model, in the order in which Google does.

use serde_json::{Map, Value};

use crate::catalogue::Stage;
use crate::provider::Call;
use crate::provider::google::chat;
use crate::provider::google::compatible;
use crate::provider::google::count;
use crate::provider::google::digest::bearer;
use crate::provider::google::error::{self, Refusal};
use crate::provider::google::generate::{self, Wanted};
use crate::provider::google::listing;
use crate::provider::google::metadata;
use crate::provider::google::oauth;
use crate::provider::google::predict;
use crate::provider::google::render;
use crate::provider::google::route::Verb;
use crate::provider::google::{Desk, Face};
use crate::scenario::Order;
use crate::settings::Validation;
use crate::wire::{Answer, Request};

/// An answer, or a picture that must be painted first.
pub(super) enum Decision<'w> {
    Ready(Answer),
    Paint(Job<'w>),
}

/// What is to be painted.
pub(super) enum Job<'w> {
    Content(Wanted<'w>),
    Images(compatible::Wanted),
    Predictions(predict::Wanted),
}

/// Decides a call.
pub(super) fn decide<'w>(
    request: &Request,
    call: &Call,
    order: &Order,
    desk: &Desk<'w>,
) -> Decision<'w> {
    if request.body_too_large {
        let refusal = Refusal::new("body-too-large", []);
        return Decision::Ready(error::render(&refusal, call, desk));
    }
    let decided = match desk.route.verb {
        Verb::Generate | Verb::Stream => judged(request, call, order, desk, generate::judge)
            .map(|wanted| Decision::Paint(Job::Content(wanted))),
        Verb::Images => judged(request, call, order, desk, compatible::judge)
            .map(|wanted| Decision::Paint(Job::Images(wanted))),
        Verb::Predict => judged(request, call, order, desk, predict::judge)
            .map(|wanted| Decision::Paint(Job::Predictions(wanted))),
        Verb::ChatCompletions => judged(request, call, order, desk, chat::judge)
            .map(|wanted| Decision::Ready(chat::answer(&wanted, order, desk))),
        Verb::CompatibleModelGet | Verb::CompatibleModelList => {
            let admitted = admit(request, call, order, desk);
            admitted
                .and_then(|()| listing::compatible(desk))
                .map(Decision::Ready)
        }
        Verb::Count => judged(request, call, order, desk, count::judge).map(Decision::Ready),
        Verb::Metadata => Ok(Decision::Ready(metadata::answer(request, desk))),
        Verb::ModelList => admit(request, call, order, desk)
            .map(|()| Decision::Ready(listing::list(request, desk))),
        Verb::ModelGet => {
            let admitted = admit(request, call, order, desk);
            let found = admitted.and_then(|()| listing::single(desk));
            found.map(Decision::Ready)
        }
        Verb::Token => Ok(Decision::Ready(oauth::token(request, desk))),
        _ => Err(Refusal::new("unknown-path", [])),
    };
    decided.unwrap_or_else(|refusal| Decision::Ready(error::render(&refusal, call, desk)))
}

/// Judges a call that makes pictures: `judge` knows what its body may hold.
fn judged<'w, W>(
    request: &Request,
    call: &Call,
    order: &Order,
    desk: &Desk<'w>,
    judge: impl FnOnce(&Map<String, Value>, &Desk<'w>) -> Result<W, Refusal>,
) -> Result<W, Refusal> {
    admit(request, call, order, desk)?;
    let body = call.body.as_ref().ok_or_else(|| malformed(request))?;
    let wanted = judge(body, desk)?;
    error::of_condition(Stage::Content, order, desk)?;
    Ok(wanted)
}

/// Accepts the credential, and refuses where a scenario says so before anything is looked at.
pub(super) fn admit(
    request: &Request,
    call: &Call,
    order: &Order,
    desk: &Desk<'_>,
) -> Result<(), Refusal> {
    authenticate(request, call, desk)?;
    let strict = desk.world.settings.validation == Validation::Strict;
    if strict
        && desk
            .route
            .project
            .as_deref()
            .is_some_and(|name| !is_project(name))
    {
        return Err(Refusal::new("project-invalid", []));
    }
    error::of_condition(Stage::Before, order, desk)
}

/// Whether a project may have this id or number; old ids have a domain in front.
fn is_project(name: &str) -> bool {
    let sign =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-:.".contains(&byte);
    !name.is_empty() && name.bytes().all(sign)
}

fn authenticate(request: &Request, call: &Call, desk: &Desk<'_>) -> Result<(), Refusal> {
    let settings = &desk.world.settings;
    let is_token = bearer(request).is_some();
    let express = desk.route.project.is_none();
    let Some(credential) = &call.credential else {
        let open = settings.anonymous && desk.face == Face::Vertex;
        return open
            .then_some(())
            .ok_or_else(|| Refusal::new("missing-key", []));
    };
    match desk.face {
        Face::Vertex if !is_token && !express => {
            return Err(Refusal::new("api-key-unsupported", []));
        }
        Face::Gemini if is_token && !desk.route.verb.compatible() => {
            return Err(Refusal::new("bearer-unsupported", []));
        }
        _ => {}
    }
    let known = if settings.api_keys.is_empty() {
        !credential.contains("invalid")
    } else {
        let given = desk.face == Face::Vertex && oauth::issued(credential);
        given || settings.api_keys.contains(credential)
    };
    let row = match desk.face {
        Face::Vertex if !is_token => "express-key-invalid",
        _ => "invalid-key",
    };
    known.then_some(()).ok_or_else(|| Refusal::new(row, []))
}

/// The refusal of a body that is no JSON object.
pub(super) fn malformed(request: &Request) -> Refusal {
    let parsed = serde_json::from_slice::<serde_json::Value>(&request.body);
    let reason = match parsed {
        Ok(_) => "Root element must be a message.".to_owned(),
        Err(error) if error.is_eof() => {
            "Unexpected end of string. Expected a value.\n\n^".to_owned()
        }
        Err(_) => "Expected a value.".to_owned(),
    };
    Refusal::new("malformed-body", [("reason", reason)])
}

impl Job<'_> {
    /// Paints and answers.
    pub(super) fn answer(&self, call: &Call, order: &Order, desk: &Desk<'_>) -> Answer {
        let mut answer = match self {
            Job::Content(wanted) => render::content(wanted, call, order, desk),
            Job::Images(wanted) => compatible::answer(wanted, call, order, desk),
            Job::Predictions(wanted) => predict::answer(wanted, call, order, desk),
        };
        let condition = order.condition.as_ref();
        let condition = condition.map_or("ok", |element| &element.name);
        condition.clone_into(&mut answer.summary.condition);
        answer
    }
}

//! Sends the doctor's requests and finds what arrived upstream for each.

use mock_server::journal::Entry;
use serde_json::{Map, Value, json};

use crate::case::{Credential, RequestStep};
use crate::exchange::client::Manner;
use crate::exchange::images::{self, SeenImage};
use crate::exchange::mock::{Mock, MockError};
use crate::exchange::progress::Progress;
use crate::exchange::{Fetched, Outcome, Sent};
use crate::operation::Operation;
use crate::profile::Model;
use crate::run::probe;
use crate::run::request::{self, Setting};
use crate::run::session::Session;
use crate::run::setup::Opened;
use crate::run::token::Origin;

/// What tokens of the doctor are made from; no case has this name.
const NAME: &str = "doctor";
/// What is asked for, before its token.
const TEXT: &str = "a lighthouse at dusk";

/// Asks a target.
pub(super) struct Asker<'o> {
    pub(super) session: &'o Session,
    probe: Option<&'o Map<String, Value>>,
    asked: std::sync::atomic::AtomicUsize,
}

/// A request and what came of it.
pub(super) struct Asked {
    pub(super) token: String,
    pub(super) operation: Operation,
    pub(super) model: String,
    pub(super) outcome: Outcome,
    /// Everything that arrived at the mock since, whatever it belongs to.
    pub(super) arrived: Result<Vec<Entry>, MockError>,
}

impl Asked {
    /// The status; none where no answer came.
    pub(super) fn status(&self) -> Option<u16> {
        match &self.outcome {
            Outcome::Answer(answer) => Some(answer.status),
            _ => None,
        }
    }

    /// The images of the answer, decoded.
    pub(super) fn images(&self, locator: images::Locator) -> Vec<SeenImage> {
        match &self.outcome {
            Outcome::Answer(answer) => {
                images::look(images::locate(answer, locator), &Fetched::new())
            }
            _ => Vec::new(),
        }
    }

    /// The answer in half a sentence.
    pub(super) fn told(&self) -> String {
        match &self.outcome {
            Outcome::Answer(answer) => {
                let message = answer.error().and_then(|error| {
                    let message = error.get("message")?.as_str()?;
                    Some(format!(
                        ": {}",
                        message.chars().take(200).collect::<String>()
                    ))
                });
                format!("{}{}", answer.status, message.unwrap_or_default())
            }
            Outcome::NoAnswer(reason) => format!("no answer: {reason}"),
            Outcome::TimedOut | Outcome::HungUp => "no answer in time".to_owned(),
        }
    }
}

impl<'o> Asker<'o> {
    pub(super) fn new(opened: &'o Opened) -> Self {
        Self {
            session: &opened.session,
            probe: opened.probe.as_ref(),
            asked: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// Whether good requests may be sent: to the mock they cost nothing.
    pub(super) fn may_pay(&self) -> bool {
        self.session.mock.is_some() || self.session.paid
    }

    /// The mock, if there is one.
    pub(super) fn mock(&self) -> Option<&Mock> {
        self.session.mock.as_ref()
    }

    /// The model that serves an operation, or the first of the table that serves anything.
    pub(super) fn model(&self, wanted: Option<Operation>) -> Option<(Operation, &Model)> {
        let profile = &self.session.target.profile;
        profile.models.values().find_map(|model| {
            let mut operations = model.operations.iter();
            let fits = |operation: &&Operation| {
                profile.paths.contains_key(*operation)
                    && wanted.is_none_or(|wanted| wanted == **operation)
            };
            Some((*operations.find(fits)?, model))
        })
    }

    /// A request that every provider refuses, unpaid; none without a model.
    pub(super) async fn probe(&self) -> Option<Asked> {
        self.probe_as(Credential::Default).await
    }

    /// The same with another credential.
    pub(super) async fn probe_as(&self, credential: Credential) -> Option<Asked> {
        let (operation, model) = self.model(None)?;
        let token = self.token();
        let own = self.probe.cloned();
        let body = probe::body(own, operation, model, &token, false);
        let step = RequestStep {
            operation: Some(operation),
            model: Some(model.name.clone()),
            body: Some(body),
            credential,
            ..RequestStep::default()
        };
        self.send(&step, token).await
    }

    /// A good image, with these members of the Images API beside the usual ones.
    pub(super) async fn image(&self, members: Value) -> Option<Asked> {
        let (operation, model) = self.model(Some(Operation::ImagesGenerations))?;
        let token = self.token();
        let mut body = Map::new();
        body.insert("model".into(), model.name.clone().into());
        body.insert("prompt".into(), format!("{TEXT} [[case:{token}]]").into());
        body.insert("quality".into(), json!("low"));
        body.extend(members.as_object().cloned().unwrap_or_default());
        let step = RequestStep {
            operation: Some(operation),
            body: Some(body),
            ..RequestStep::default()
        };
        self.send(&step, token).await
    }

    /// Any good request of the first model; none where nothing is known of its operation.
    pub(super) async fn good(&self) -> Option<Asked> {
        let (operation, model) = self.model(None)?;
        let token = self.token();
        let body = probe::body(None, operation, model, &token, true);
        let step = RequestStep {
            operation: Some(operation),
            model: Some(model.name.clone()),
            body: Some(body),
            ..RequestStep::default()
        };
        self.send(&step, token).await
    }

    /// Sends a request as it is.
    pub(super) async fn send(&self, step: &RequestStep, token: String) -> Option<Asked> {
        let session = self.session;
        let setting = Setting {
            target: &session.target,
            origins: &[],
            files: &session.catalog.files,
            token: &token,
        };
        let sent = request::build(step, &setting).ok()?;
        let before = match self.mock() {
            Some(mock) => mock.last().await,
            None => Ok(0),
        };
        let outcome = self.raw(&sent).await;
        let arrived = match (self.mock(), before) {
            (Some(mock), Ok(before)) => mock.all_entries(before).await,
            (_, Err(error)) => Err(error),
            (None, Ok(_)) => Ok(Vec::new()),
        };
        Some(Asked {
            operation: step.operation?,
            model: step.model.clone().unwrap_or_default(),
            token,
            outcome,
            arrived,
        })
    }

    /// Sends anything.
    pub(super) async fn raw(&self, sent: &Sent) -> Outcome {
        let manner = Manner::within(self.session.target.timeout);
        let client = &self.session.client;
        client.send(sent, manner, &Progress::default()).await
    }

    /// A token that no other request has.
    pub(super) fn token(&self) -> String {
        let copy = self
            .asked
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let origin = Origin {
            seed: self.session.seed,
            instance: NAME,
            repetition: 0,
            copy,
        };
        origin.token().to_string()
    }
}

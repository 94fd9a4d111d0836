//! Azure OpenAI: OpenAI's operations, called by deployment, behind a gateway with paths, credentials, errors and
//! headers of its own; and the token server of Entra beside it.
//!
//! Wire facts: the sources named in `fixtures/errors/azure.json` and `fixtures/models/azure.json`.

mod data;
mod deployed;
mod dress;
mod entra;
mod route;

pub use data::{
    AnswerHeaders, ApiVersions, Chat, Dalle, Differences, Known, Limits, Named, Outcome,
    ResponseFormat, Responses,
};

use bytes::Bytes;

use crate::StartError;
use crate::catalogue::Catalogue;
use crate::habit::NO_KEYS;
use crate::provider::openai::error::{self, Refusal};
use crate::provider::openai::operation::{self, Case, Work};
use crate::provider::openai::{self, Desk};
use crate::provider::{Call, Provider, Turn, grant};
use crate::scenario::{Element, Order};
use crate::settings::{Deployment, DeploymentError, Settings};
use crate::wire::{Answer, Request};
use deployed::Deployed;
use dress::Dress;
use route::{Place, Route};

/// The id of the provider.
pub const ID: &str = "azure";

/// The provider.
pub struct Azure {
    data: openai::Data,
    differences: Differences,
    deployments: Vec<Deployment>,
}

impl Azure {
    /// Reads its data.
    ///
    /// # Errors
    /// An embedded file is missing or of another form, or a deployment has a model that is not known.
    pub fn load(settings: &Settings) -> Result<Box<dyn Provider>, StartError> {
        let differences = Differences::builtin()?;
        let azure = Self {
            data: differences.applied()?,
            differences,
            deployments: settings.deployments.clone(),
        };
        azure.check_deployments()?;
        Ok(Box::new(azure))
    }

    fn check_deployments(&self) -> Result<(), DeploymentError> {
        let known: Vec<_> = self.known_models().map(|(name, _)| name).collect();
        let mut made = self.deployments.iter();
        let unknown = made.find(|made| !known.contains(&made.model.as_str()));
        unknown.map_or(Ok(()), |unknown| {
            Err(DeploymentError::Model {
                deployment: unknown.clone(),
                known: known.join(", "),
            })
        })
    }

    /// Every name of a model that can be deployed, with the id of that model.
    fn known_models(&self) -> impl Iterator<Item = (&str, &str)> {
        let models = &self.data.models;
        let image = models.models.iter().flat_map(|model| {
            let names = std::iter::once(&model.id).chain(&model.aliases);
            names.map(|name| (name.as_str(), model.id.as_str()))
        });
        // An answer names the snapshot, so that one stands for itself.
        let text = models.text_models.iter();
        let text = text.flat_map(|model| std::iter::once(&model.id).chain(&model.snapshots));
        image.chain(text.map(|id| (id.as_str(), id.as_str())))
    }

    fn desk<'w>(&'w self, turn: &'w Turn<'w>) -> Desk<'w> {
        Desk {
            data: &self.data,
            turn,
        }
    }

    fn route(&self, request: &Request) -> Option<Route> {
        route::route(request, &self.differences.api_versions)
    }

    /// The model behind a deployment: the one it was made with, or the longest known id in its name.
    fn model_of(&self, name: &str) -> Option<String> {
        let mut known = self.known_models();
        let mut made = self.deployments.iter().rev();
        let (_, id) = match made.find(|made| made.name == name) {
            Some(made) => known.find(|(known, _)| *known == made.model)?,
            None => {
                let within = known.filter(|(known, _)| name.contains(known));
                within.max_by_key(|(known, _)| known.len())?
            }
        };
        Some(id.to_owned())
    }

    /// What is answered before any deployment is reached; else the route.
    fn gateway(
        &self,
        request: &Request,
        call: &Call,
        desk: &Desk<'_>,
    ) -> Result<Route, Box<Answer>> {
        let refused = |row| Box::new(error::render(&Refusal::new(row, []), call, desk));
        if request.body_too_large {
            return Err(refused("body-too-large"));
        }
        if let Some(asked) = entra::asked(request) {
            return Err(Box::new(entra::answer(asked, request, desk)));
        }
        let route = self.route(request);
        route.ok_or_else(|| refused("resource-not-found"))
    }

    fn dressed(&self, answer: Answer, route: &Route, case: &Case<'_>) -> Answer {
        let dress = Dress {
            differences: &self.differences,
            route,
            name: named(case.call),
            request: case.request,
            call: case.call,
            desk: case.desk,
        };
        dress.put_on(answer)
    }

    fn read_operation(&self, route: &Route, request: &Request) -> Call {
        let mut call = route.operation.read(request, &self.data);
        call.operation = Some(route.operation.id());
        let body = call.body.as_ref();
        let stated = body.and_then(|body| body.get("model")?.as_str().map(str::to_owned));
        let name = match &route.place {
            Place::Path(name) => Some(name.clone()),
            Place::Resource | Place::V1 => stated.clone().filter(|_| route.body_names_deployment()),
        };
        if let Some(name) = name {
            call.named_model = stated;
            self.deploy(&name, &mut call);
        }
        call
    }

    /// Puts the model of a deployment where the operations look for it. What the body itself says there is no
    /// matter on paths that name a deployment.
    fn deploy(&self, name: &str, call: &mut Call) {
        let model = self.model_of(name);
        for digest in [&mut call.sent, &mut call.effective] {
            digest.insert("deployment".into(), name.into());
            match &model {
                Some(model) => digest.insert("model".into(), model.clone().into()),
                None => digest.shift_remove("model"),
            };
        }
        if let Some(body) = &mut call.body {
            let model = model.unwrap_or_else(|| name.to_owned());
            body.insert("model".into(), model.into());
        }
    }

    /// What is left to do, or why nothing is.
    fn judge<'a>(&self, route: &Route, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        self.admit(case)?;
        let name = named(case.call);
        let deployed = Deployed {
            differences: &self.differences,
            route,
            name,
            model: name.and_then(|name| self.model_of(name)),
        };
        operation::judge_admitted(&deployed, case)
    }

    /// Takes a token of this server's own as well as the keys that it was given. A token is refused in other words
    /// than a key.
    fn admit(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let keyed = case.request.header("api-key").is_some();
        if keyed && case.order.has(NO_KEYS) {
            return Err(Refusal::new("key-auth-disabled", []));
        }
        let token = openai::bearer(case.request).filter(|_| key(case.request).is_none());
        let audiences = &self.differences.audiences.values;
        let issued = token.and_then(|token| entra::is_good(&token, audiences, case.desk.turn));
        let good = issued.unwrap_or_else(|| error::authenticate(case.call, case.desk).is_ok());
        let refused = if keyed { "invalid-key" } else { "missing-key" };
        good.then_some(()).ok_or_else(|| Refusal::new(refused, []))
    }

    /// The order, with what texts of Azure say of the request.
    fn informed(&self, order: &Order, request: &Request, call: &Call) -> Order {
        let mut order = order.clone();
        let Some(condition) = &mut order.condition else {
            return order;
        };
        let version = request.query_value("api-version");
        let version = version.unwrap_or_else(|| "v1".to_owned());
        let named = self.differences.named(call.operation);
        let named = named.map(|named| {
            [
                ("operation-name", named.throttled_as.clone()),
                ("action", named.action.clone()),
            ]
        });
        let stated = named
            .into_iter()
            .flatten()
            .chain([("api-version", version)]);
        for (name, value) in stated {
            condition.params.entry(name.to_owned()).or_insert(value);
        }
        order
    }
}

impl Provider for Azure {
    fn id(&self) -> &'static str {
        ID
    }

    fn claims(&self, request: &Request) -> bool {
        request.path.starts_with(route::ROOT) || entra::asked(request).is_some()
    }

    fn catalogue(&self) -> &Catalogue {
        &self.data.errors
    }

    fn read(&self, request: &Request) -> Call {
        if entra::asked(request).is_some() {
            return Call {
                provider: ID,
                shown: Some(grant::shown(request)),
                ..Call::default()
            };
        }
        let route = self.route(request);
        let call = route.map(|route| self.read_operation(&route, request));
        Call {
            provider: ID,
            credential: key(request)
                .map(str::to_owned)
                .or_else(|| openai::bearer(request)),
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
        let desk = &self.desk(turn);
        let route = match self.gateway(request, call, desk) {
            Ok(route) => route,
            Err(answer) => return Some(*answer),
        };
        let order = &self.informed(order, request, call);
        let case = Case::new(request, call, order, desk);
        let refusal = self.judge(&route, &case).err()?;
        Some(self.dressed(error::render(&refusal, call, desk), &route, &case))
    }

    fn answer(&self, request: &Request, call: &Call, order: &Order, turn: &Turn<'_>) -> Answer {
        let desk = &self.desk(turn);
        let route = match self.gateway(request, call, desk) {
            Ok(route) => route,
            Err(answer) => return *answer,
        };
        let order = &self.informed(order, request, call);
        let case = Case::new(request, call, order, desk);
        let answer = match self.judge(&route, &case) {
            Ok(work) => work(),
            Err(refusal) => error::render(&refusal, call, desk),
        };
        self.dressed(answer, &route, &case)
    }

    fn stream_error(
        &self,
        call: &Call,
        condition: &Element,
        before: usize,
        turn: &Turn<'_>,
    ) -> Vec<Bytes> {
        openai::stream_error(call, condition, before, &self.desk(turn))
    }

    fn scenario_error(&self, message: &str, turn: &Turn<'_>) -> Answer {
        error::mock_error(message, &self.desk(turn))
    }
}

/// What the deployment is called, if the request says so.
fn named(call: &Call) -> Option<&str> {
    call.sent.get("deployment")?.as_str()
}

/// The key; a token is no key.
fn key(request: &Request) -> Option<&str> {
    let key = request.header("api-key").map(str::trim);
    key.filter(|key| !key.is_empty())
}

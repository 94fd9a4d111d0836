//! Azure OpenAI: OpenAI's image operations, called by deployment, behind a gateway with paths, credentials, errors
//! and headers of its own.
//!
//! Wire facts: the sources named in `fixtures/errors/azure.json` and `fixtures/models/azure.json`.

mod data;
mod deployed;
mod route;

pub use data::{ApiVersions, Differences, Known, ResponseFormat};

use bytes::Bytes;
use serde_json::Value;

use crate::StartError;
use crate::catalogue::{Catalogue, Layer, fill};
use crate::provider::openai::error::{self, Refusal};
use crate::provider::openai::operation::{self, Case, Work};
use crate::provider::openai::{self, Desk};
use crate::provider::{Call, Provider, Turn};
use crate::scenario::{Element, Order};
use crate::settings::{Deployment, DeploymentError, Settings};
use crate::wire::{Answer, Request};
use deployed::Deployed;
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
        let text = models.text_models.iter().map(|model| &model.id);
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

    fn read_operation(&self, route: &Route, request: &Request) -> Call {
        let mut call = route.operation.read(request, &self.data);
        call.operation = Some(route.operation.id());
        let stated = call.body.as_ref().and_then(|body| body.get("model"));
        let name = match &route.place {
            Place::Path(name) => Some(name.clone()),
            Place::Resource => None,
            Place::V1 => stated.and_then(Value::as_str).map(str::to_owned),
        };
        if let Some(name) = name {
            self.deploy(&name, &mut call);
        }
        call
    }

    /// Puts the model of a deployment where the operations look for it. What the body itself says there is no
    /// matter on paths that name a deployment.
    fn deploy(&self, name: &str, call: &mut Call) {
        let Some(body) = &mut call.body else {
            return;
        };
        let model = self.model_of(name);
        for digest in [&mut call.sent, &mut call.effective] {
            digest.insert("deployment".into(), name.into());
            match &model {
                Some(model) => digest.insert("model".into(), model.clone().into()),
                None => digest.shift_remove("model"),
            };
        }
        let model = model.unwrap_or_else(|| name.to_owned());
        body.insert("model".into(), model.into());
    }

    /// What is left to do, or why nothing is.
    fn judge<'a>(&self, route: &Route, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        // A token is refused in other words than a key.
        let refused = match case.request.header("api-key") {
            Some(_) => "invalid-key",
            None => "missing-key",
        };
        error::authenticate(case.call, case.desk).map_err(|_| Refusal::new(refused, []))?;
        let name = named(route, case.call);
        let deployed = Deployed {
            differences: &self.differences,
            route,
            name,
            model: name.and_then(|name| self.model_of(name)),
        };
        operation::judge(&deployed, case)
    }

    /// Adds the headers of a deployment to what a deployment answers.
    fn dressed(&self, mut answer: Answer, route: &Route, call: &Call, desk: &Desk<'_>) -> Answer {
        let row = self.data.errors.row(&answer.summary.condition);
        let by_gateway = row.is_some_and(|row| {
            row.layer == Layer::Gateway || row.text.is_some() || row.status == 404
        });
        if by_gateway {
            return answer;
        }
        let name = named(route, call);
        for (header, template) in &self.differences.deployment_headers.values {
            let value = fill(template, |place| match place {
                "deployment" => name.map(str::to_owned),
                "session" => Some(desk.turn.id[..12].to_owned()),
                "uuid" => Some(desk.turn.uuid()),
                _ => None,
            });
            // The list of models is no deployment's.
            if !value.contains("{deployment}") {
                answer.headers.push((header.clone(), value));
            }
        }
        answer
    }
}

impl Provider for Azure {
    fn id(&self) -> &'static str {
        ID
    }

    fn claims(&self, request: &Request) -> bool {
        request.path.starts_with(route::ROOT)
    }

    fn catalogue(&self) -> &Catalogue {
        &self.data.errors
    }

    fn read(&self, request: &Request) -> Call {
        let route = self.route(request);
        let call = route.map(|route| self.read_operation(&route, request));
        Call {
            provider: ID,
            credential: credential(request),
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
        if request.body_too_large {
            return Some(error::render(
                &Refusal::new("body-too-large", []),
                call,
                desk,
            ));
        }
        let Some(route) = self.route(request) else {
            return Some(error::render(
                &Refusal::new("resource-not-found", []),
                call,
                desk,
            ));
        };
        let order = &informed(order, request, call);
        let case = Case {
            request,
            call,
            order,
            desk,
        };
        let refusal = self.judge(&route, &case).err()?;
        let answer = error::render(&refusal, call, desk);
        Some(self.dressed(answer, &route, call, desk))
    }

    fn answer(&self, request: &Request, call: &Call, order: &Order, turn: &Turn<'_>) -> Answer {
        let desk = &self.desk(turn);
        let Some(route) = self.route(request) else {
            return error::render(&Refusal::new("resource-not-found", []), call, desk);
        };
        let order = &informed(order, request, call);
        let case = Case {
            request,
            call,
            order,
            desk,
        };
        let answer = match self.judge(&route, &case) {
            Ok(work) => work(),
            Err(refusal) => error::render(&refusal, call, desk),
        };
        self.dressed(answer, &route, call, desk)
    }

    fn stream_error(&self, call: &Call, condition: &Element, turn: &Turn<'_>) -> Vec<Bytes> {
        openai::stream_error(call, condition, &self.desk(turn))
    }

    fn scenario_error(&self, message: &str, turn: &Turn<'_>) -> Answer {
        error::mock_error(message, &self.desk(turn))
    }
}

/// What the deployment is called, if the request says so.
fn named<'n>(route: &'n Route, call: &'n Call) -> Option<&'n str> {
    match &route.place {
        Place::Path(name) => Some(name),
        Place::Resource => None,
        Place::V1 => call.sent.get("deployment")?.as_str(),
    }
}

fn credential(request: &Request) -> Option<String> {
    let key = request.header("api-key").map(str::trim);
    let key = key.filter(|key| !key.is_empty()).map(str::to_owned);
    key.or_else(|| openai::bearer(request))
}

/// The order, with what texts of Azure say of the request.
fn informed(order: &Order, request: &Request, call: &Call) -> Order {
    let mut order = order.clone();
    if let Some(condition) = &mut order.condition {
        let operation = match call.operation {
            Some("images.edits") => "ImageEdits_Create",
            _ => "ImageGenerations_Create",
        };
        let version = request.query_value("api-version");
        let stated = [
            ("api-version", version.unwrap_or_else(|| "v1".to_owned())),
            ("operation-name", operation.to_owned()),
        ];
        for (name, value) in stated {
            condition.params.entry(name.to_owned()).or_insert(value);
        }
    }
    order
}

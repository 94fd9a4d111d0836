//! An operation of OpenAI as a deployment offers it: version, deployment and the members that its name decides.

use serde_json::Value;

use super::data::{Differences, MEMBER};
use super::route::{Place, Route};
use crate::habit::STRICT_MODEL;
use crate::provider::Call;
use crate::provider::openai::Data;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::operation::{Case, Operation, Work};
use crate::settings::Validation;
use crate::wire::Request;

/// See the module.
pub(super) struct Deployed<'d> {
    pub(super) differences: &'d Differences,
    pub(super) route: &'d Route,
    /// What the deployment is called, if the request says so.
    pub(super) name: Option<&'d str>,
    /// The model behind it, if there is such a deployment.
    pub(super) model: Option<String>,
}

impl Operation for Deployed<'_> {
    fn id(&self) -> &'static str {
        self.route.operation.id()
    }

    fn read(&self, request: &Request, data: &Data) -> Call {
        self.route.operation.read(request, data)
    }

    fn judge<'a>(&self, case: &Case<'a>) -> Result<Work<'a>, Refusal> {
        self.version(case.request)?;
        if !self.id().starts_with("models.") {
            self.deployment(case)?;
            self.body_model(case)?;
        }
        if self.id().starts_with("images.") {
            self.response_format(case)?;
        }
        self.tool_model(case)?;
        self.route.operation.judge(case)
    }
}

impl Deployed<'_> {
    fn version(&self, request: &Request) -> Result<(), Refusal> {
        let stated = request.query_value("api-version");
        let known = |version: &String| self.differences.api_versions.v1.contains(version);
        if self.route.place == Place::V1 && stated.is_some_and(|version| !known(&version)) {
            return Err(Refusal::new("api-version", []));
        }
        Ok(())
    }

    fn deployment(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let lenient = case.desk.world.settings.validation == Validation::Lenient;
        let Some(name) = self.name else {
            let stated = case.call.body.as_ref().filter(|_| !lenient);
            let Some(body) = stated else {
                // The operation says what is wrong with the body.
                return Ok(());
            };
            return Err(match body.get("model") {
                None | Some(Value::Null) => {
                    Refusal::new("missing-parameter", [("param", "model".to_owned())])
                }
                Some(Value::String(name)) => {
                    Refusal::new("model-not-found", [("model", name.clone())])
                }
                Some(other) => Refusal::wrong_type("model", "a string", other),
            });
        };
        match &self.model {
            None if lenient => Ok(()),
            None => Err(Refusal::new(
                "model-not-found",
                [("model", name.to_owned())],
            )),
            Some(model) => self.fits(model, case),
        }
    }

    /// Models of texts make no images, and the other way round.
    fn fits(&self, model: &str, case: &Case<'_>) -> Result<(), Refusal> {
        let makes_images = !case.desk.data.models.is_text(model);
        if makes_images == self.id().starts_with("images.") {
            return Ok(());
        }
        let named = self.differences.named(Some(self.id()));
        let verb = named.map_or_else(String::new, |named| named.verb.clone());
        let values = [("operation", verb), ("model", model.to_owned())];
        Err(Refusal::new("operation-not-supported", values))
    }

    /// Some deployments were seen to look at a member that nobody needs there.
    fn body_model(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let in_path = matches!(self.route.place, Place::Path(_));
        let stated = case.call.named_model.as_ref();
        let other = stated.filter(|stated| Some(*stated) != self.model.as_ref());
        match other {
            Some(other) if in_path && case.order.has(STRICT_MODEL) => Err(Refusal::new(
                "body-model-not-found",
                [("model", other.clone())],
            )),
            _ => Ok(()),
        }
    }

    /// Refused by the deployment's name, whatever model is behind it.
    fn response_format(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let strict = case.desk.world.settings.validation == Validation::Strict;
        let refused_for = &self.differences.response_format.refused_for;
        let named = self.name.is_some_and(|name| name.starts_with(refused_for));
        let body = case.call.body.as_ref();
        let stated = body.and_then(|body| body.get(MEMBER));
        if strict && named && stated.is_some_and(|value| !value.is_null()) {
            let param = [("param", MEMBER.to_owned())];
            return Err(Refusal::new("unknown-parameter", param));
        }
        Ok(())
    }

    /// The image generation tool has fewer models than there are.
    fn tool_model(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let strict = case.desk.world.settings.validation == Validation::Strict;
        let stated = case.call.sent.get("image_model").and_then(Value::as_str);
        let known = &self.differences.responses.tool_models;
        match stated {
            Some(stated) if strict && !known.iter().any(|model| model == stated) => {
                let known: Vec<_> = known.iter().map(|model| format!("'{model}'")).collect();
                let models = [("models", known.join(", "))];
                Err(Refusal::new("tool-model-not-supported", models))
            }
            _ => Ok(()),
        }
    }
}

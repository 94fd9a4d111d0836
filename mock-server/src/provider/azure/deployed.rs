//! An operation of OpenAI as a deployment offers it: version, deployment and the members that its name decides.

use serde_json::Value;

use super::data::{Differences, MEMBER};
use super::route::{Place, Route};
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
        if self.id().starts_with("images.") {
            self.deployment(case)?;
            self.response_format(case)?;
        }
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
        let Some(name) = self.name else {
            let Some(body) = &case.call.body else {
                // The operation says what is wrong with the body.
                return Ok(());
            };
            return Err(match body.get("model") {
                None | Some(Value::Null) => {
                    Refusal::new("missing-parameter", [("param", "model".to_owned())])
                }
                Some(other) => Refusal::wrong_type("model", "a string", other),
            });
        };
        let lenient = case.desk.world.settings.validation == Validation::Lenient;
        match &self.model {
            None if lenient => Ok(()),
            None => Err(Refusal::new(
                "model-not-found",
                [("model", name.to_owned())],
            )),
            Some(model) if case.desk.data.models.is_text(model) => {
                let operation = match self.id() {
                    "images.edits" => "imageEdits",
                    _ => "imageGenerations",
                };
                let values = [
                    ("operation", operation.to_owned()),
                    ("model", model.clone()),
                ];
                Err(Refusal::new("operation-not-supported", values))
            }
            Some(_) => Ok(()),
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
}

//! Azure's paths: which operation a request calls, and where the deployment is named.

use super::data::ApiVersions;
use crate::provider::openai::operation::{self, Operation};
use crate::wire::Request;

/// What all paths begin with.
pub(super) const ROOT: &str = "/openai/";

/// An operation and how it was called.
pub(super) struct Route {
    pub(super) place: Place,
    pub(super) operation: &'static dyn Operation,
}

/// What the path says of deployment and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `/openai/deployments/{name}/…` with a dated version.
    Path(String),
    /// `/openai/models`, `/openai/responses` with a dated version.
    Resource,
    /// `/openai/v1/…`.
    V1,
}

/// The route of a request; none also where a dated `api-version` is missing or unknown, which Azure answers as it
/// answers a wrong path.
pub(super) fn route(request: &Request, versions: &ApiVersions) -> Option<Route> {
    let path = request.path_behind(ROOT)?;
    let (place, rest) = place(&path)?;
    let operation = operation::by_id(called(&place, &request.method, rest)?)?;
    if place != Place::V1 {
        let version = request.query_value("api-version")?;
        versions.dated.iter().find(|known| **known == version)?;
        // They begin with the day, so that their texts are in order.
        let images = operation.id().starts_with("images.");
        if images && version < versions.images_from {
            return None;
        }
    }
    Some(Route { place, operation })
}

impl Route {
    /// Whether the body's `model` is the deployment.
    pub(super) fn body_names_deployment(&self) -> bool {
        match self.place {
            Place::Path(_) => false,
            Place::Resource | Place::V1 => !self.operation.id().starts_with("models."),
        }
    }
}

fn place(path: &str) -> Option<(Place, &str)> {
    if let Some(path) = path.strip_prefix("deployments/") {
        let (name, rest) = path.split_once('/')?;
        return (!name.is_empty()).then(|| (Place::Path(name.to_owned()), rest));
    }
    let v1 = path.strip_prefix("v1/").map(|rest| (Place::V1, rest));
    Some(v1.unwrap_or((Place::Resource, path)))
}

/// The id of the operation.
fn called(place: &Place, method: &str, rest: &str) -> Option<&'static str> {
    let deployed = *place != Place::Resource;
    let global = !matches!(place, Place::Path(_));
    let one = rest.strip_prefix("models/").unwrap_or_default();
    match (method, rest) {
        ("POST", "images/generations") if deployed => Some("images.generations"),
        ("POST", "images/edits") if deployed => Some("images.edits"),
        ("POST", "chat/completions") if deployed => Some("chat.completions"),
        ("POST", "responses") if global => Some("responses"),
        ("GET" | "HEAD", "models") if global => Some("models.list"),
        ("GET" | "HEAD", _) if global && !one.is_empty() => Some("models.retrieve"),
        _ => None,
    }
}

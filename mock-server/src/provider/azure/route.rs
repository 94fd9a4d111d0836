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

/// Where the deployment is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the path: `/openai/deployments/{name}/…`.
    Path(String),
    /// Nowhere: `/openai/models`.
    Resource,
    /// In the body: `/openai/v1/…`.
    V1,
}

/// The route of a request; none also where a dated `api-version` is missing or unknown, which Azure answers as it
/// answers a wrong path.
pub(super) fn route(request: &Request, versions: &ApiVersions) -> Option<Route> {
    let path = request.path_behind(ROOT)?;
    let (place, rest) = place(&path)?;
    let id = match (&place, request.method.as_str(), rest) {
        (Place::Path(_) | Place::V1, "POST", "images/generations") => "images.generations",
        (Place::Path(_) | Place::V1, "POST", "images/edits") => "images.edits",
        (Place::Resource | Place::V1, "GET" | "HEAD", "models") => "models.list",
        _ => return None,
    };
    if place != Place::V1 {
        let version = request.query_value("api-version")?;
        versions.dated.iter().find(|known| **known == version)?;
    }
    Some(Route {
        place,
        operation: operation::by_id(id)?,
    })
}

fn place(path: &str) -> Option<(Place, &str)> {
    if let Some(path) = path.strip_prefix("deployments/") {
        let (name, rest) = path.split_once('/')?;
        return (!name.is_empty()).then(|| (Place::Path(name.to_owned()), rest));
    }
    let v1 = path.strip_prefix("v1/").map(|rest| (Place::V1, rest));
    Some(v1.unwrap_or((Place::Resource, path)))
}

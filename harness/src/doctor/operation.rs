//! Which operations the target has: each is asked for with a body that no provider can make anything of.

use serde_json::json;

use super::Step;
use super::ask::Asker;
use crate::case::RequestStep;
use crate::operation::{Operation, Protocol};

/// The profile whose paths are tried as well: what a gateway has beside its own profile is mostly OpenAI's.
const WIDEST: &str = "openai";

/// An operation and how a request for nothing was answered.
pub(super) struct Found {
    pub(super) operation: Operation,
    /// The status; none where no answer came.
    pub(super) status: Option<u16>,
    /// Whether some model of the table is for it.
    pub(super) is_promised: bool,
}

impl Found {
    /// Whether the target has the operation.
    pub(super) fn is_there(&self) -> bool {
        self.status
            .is_some_and(|status| !matches!(status, 404 | 405 | 501))
    }
}

/// Every operation of the profile, and OpenAI's.
pub(super) async fn found(asker: &Asker<'_>) -> Vec<Found> {
    let session = asker.session;
    let own = &session.target.profile.paths;
    let is_google = own
        .keys()
        .any(|operation| matches!(operation.protocol(), Protocol::Content | Protocol::Predict));
    let widest = session.catalog.profiles.get(WIDEST).filter(|_| !is_google);
    let more = widest.into_iter().flat_map(|profile| &profile.paths);
    let more = more.filter(|(operation, _)| !own.contains_key(operation));
    let mut found = Vec::new();
    for (operation, path) in own.iter().chain(more) {
        let method = session.target.profile.methods.get(operation);
        let reads = operation.protocol() == Protocol::Models;
        let usual = if reads { "GET" } else { "POST" };
        let model = asker.model(Some(*operation)).or_else(|| asker.model(None));
        let model = model.map_or(String::new(), |(_, model)| model.name.clone());
        let body = json!({ "model": model.clone() });
        let step = RequestStep {
            operation: Some(*operation),
            method: Some(method.cloned().unwrap_or_else(|| usual.to_owned())),
            path: Some(path.replace("{model}", &model)),
            body: body.as_object().filter(|_| !reads).cloned(),
            model: Some(model),
            ..RequestStep::default()
        };
        let asked = asker.send(&step, asker.token()).await;
        found.push(Found {
            operation: *operation,
            status: asked.and_then(|asked| asked.status()),
            is_promised: asker.model(Some(*operation)).is_some(),
        });
    }
    found
}

/// What that says.
pub(super) fn step(found: &[Found]) -> Step {
    let shown = |found: &Found| {
        let status = found
            .status
            .map_or("no answer".to_owned(), |status| status.to_string());
        format!("{} ({status})", found.operation)
    };
    let there: Vec<_> = found
        .iter()
        .filter(|found| found.is_there())
        .map(shown)
        .collect();
    let missing = found
        .iter()
        .filter(|found| found.is_promised && !found.is_there());
    let missing: Vec<_> = missing.map(shown).collect();
    let listed = match there.is_empty() {
        true => "none answers anything but 404 or 405".to_owned(),
        false => format!("there are {}", there.join(", ")),
    };
    if missing.is_empty() {
        return Step::good("operations", listed);
    }
    Step::note(
        "operations",
        format!("{listed}; the model table has also {}", missing.join(", ")),
        "say `lacks` with their names, or `paths` if they stand elsewhere",
    )
}

//! Whether the target takes the key, refuses a wrong one, and knows the model.

use mock_server::journal::Entry;
use serde_json::Value;

use super::Step;
use super::ask::{Asked, Asker};
use crate::case::Credential;
use crate::exchange::{Outcome, Sent};
use crate::operation::Operation;
use crate::run::setup::DEFAULT_KEY_VARIABLE;
use crate::target::Target;

/// So many names of models are shown.
const MOST_MODELS: usize = 8;

/// A step for a target that refuses the key.
pub(super) fn refused(target: &Target, probed: &Asked) -> Step {
    let key = target.credential(Credential::Default);
    let shown = key.map_or("no key".to_owned(), |key| key.shown);
    Step::bad(
        "key",
        format!("the target refuses {shown} with {}", probed.told()),
        format!(
            "put a client key of the gateway into the variable {DEFAULT_KEY_VARIABLE}, name another with --api-key-env, or say [credentials] default = \"VARIABLE\"; where it goes is [auth]"
        ),
    )
}

/// Whether a key that nobody knows is refused.
pub(super) async fn taken(asker: &Asker<'_>, probed: &Asked) -> Step {
    let good = "the key is taken";
    let Some(wrong) = asker.probe_as(Credential::Invalid).await else {
        return Step::good("key", good);
    };
    if wrong.told() == probed.told() {
        return Step::note(
            "key",
            format!("{good}, and so is one that nobody knows"),
            "if the gateway checks no keys, say lacks = [\"authentication\"]",
        );
    }
    Step::good(
        "key",
        format!("{good}, an invalid one is refused with {}", wrong.told()),
    )
}

/// The target's own refusal of the model.
pub(super) async fn model_unknown(
    asker: &Asker<'_>,
    probed: &Asked,
    own: &[&Entry],
) -> Option<Step> {
    let Outcome::Answer(answer) = &probed.outcome else {
        return None;
    };
    let error = answer
        .error()
        .map(|error| error.to_string())
        .unwrap_or_default();
    let names_it = error.contains(&probed.model) || error.to_lowercase().contains("model");
    let refused = matches!(answer.status, 400..=404 | 422) && names_it;
    if !own.is_empty() || asker.session.target.is_mock || !refused {
        return None;
    }
    let offered = models(asker).await;
    let offered = match offered.is_empty() {
        true => String::new(),
        false => format!("; it offers {}", offered.join(", ")),
    };
    Some(Step::bad(
        "model",
        format!(
            "the target does not know '{}': {}{offered}",
            probed.model,
            probed.told()
        ),
        "configure that model in the gateway, or give its name in the target file: [models.image] name = \"…\", operations, upstream",
    ))
}

/// The names that the target lists, those of images first.
async fn models(asker: &Asker<'_>) -> Vec<String> {
    let target = &asker.session.target;
    let path = target.profile.paths.get(&Operation::ModelsList);
    let path = path.map_or("/v1/models", String::as_str);
    let mut headers = Vec::new();
    if let Some(key) = target.credential(Credential::Default) {
        let value = match &target.auth.scheme {
            Some(scheme) => format!("{scheme} {}", key.value),
            None => key.value,
        };
        headers.push((target.auth.header.clone(), value));
    }
    let sent = Sent {
        method: "GET".to_owned(),
        url: format!("{}{path}", target.base_url),
        headers,
        ..Sent::default()
    };
    let Outcome::Answer(answer) = asker.raw(&sent).await else {
        return Vec::new();
    };
    let body = answer.json().unwrap_or_default();
    let listed = body
        .get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut names: Vec<_> = listed
        .filter_map(|model| model.get("id")?.as_str().map(str::to_owned))
        .collect();
    names.sort_by_key(|name| !name.contains("image"));
    names.truncate(MOST_MODELS);
    names
}

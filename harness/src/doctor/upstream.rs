//! Whether the key is taken, the model known, and the mock the provider: all from one probe and the mock's journal.

use mock_server::journal::Entry;
use mock_server::provider::credential_label;
use serde_json::Value;

use super::Step;
use super::ask::{Asked, Asker};
use crate::case::Credential;
use crate::exchange::mock::MockError;
use crate::exchange::{Outcome, Sent};
use crate::operation::Operation;
use crate::run::setup::DEFAULT_KEY_VARIABLE;
use crate::target::Target;

/// So many names of models are shown.
const MOST_MODELS: usize = 8;

/// Every step about the target's two sides.
pub(super) async fn steps(asker: &Asker<'_>, probed: &Asked) -> Result<Vec<Step>, MockError> {
    let target = &asker.session.target;
    let entries = match &probed.arrived {
        Ok(entries) => entries.as_slice(),
        Err(error) => {
            let advice = "is the mock still running?";
            return Ok(vec![Step::bad("upstream", error.to_string(), advice)]);
        }
    };
    let own: Vec<_> = entries
        .iter()
        .filter(|entry| is_of(entry, probed))
        .collect();
    let mut steps = Vec::new();
    if own.is_empty() && matches!(probed.status(), Some(401 | 403)) {
        steps.push(key_refused(target, probed));
        return Ok(steps);
    }
    steps.push(key(asker, probed).await);
    if let Some(unknown) = model_unknown(asker, probed, &own).await {
        steps.push(unknown);
        return Ok(steps);
    }
    if target.is_mock {
        steps.push(Step::good("upstream", "the target is a mock itself"));
    } else if asker.mock().is_some() {
        let step = arrival(&Seen {
            probed,
            own: &own,
            others: entries,
            target,
            upstream: &asker.session.upstream_url,
        });
        let is_bad = step.state == super::State::Bad;
        steps.push(step);
        if is_bad {
            return Ok(steps);
        }
        steps.extend(credential(&own, target));
        steps.extend(mapped(asker, &own));
    } else {
        steps.push(Step::note(
            "upstream",
            format!(
                "no mock is asked for; the probe was answered with {}",
                probed.told()
            ),
            "without it only a part of the cases applies: see image-harness list --no-upstream",
        ));
    }
    if asker.may_pay() {
        steps.extend(understood(asker).await);
    }
    Ok(steps)
}

/// Whether an entry belongs to a request: calls of unknown routes have no token, but the text is in their body.
fn is_of(entry: &Entry, asked: &Asked) -> bool {
    entry.token.as_deref() == Some(&asked.token) || entry.body.to_string().contains(&asked.token)
}

fn key_refused(target: &Target, probed: &Asked) -> Step {
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
async fn key(asker: &Asker<'_>, probed: &Asked) -> Step {
    let taken = "the key is taken";
    let Some(wrong) = asker.probe_as(Credential::Invalid).await else {
        return Step::good("key", taken);
    };
    if wrong.told() == probed.told() {
        return Step::note(
            "key",
            format!("{taken}, and so is one that nobody knows"),
            "if the gateway checks no keys, say lacks = [\"authentication\"]",
        );
    }
    Step::good(
        "key",
        format!("{taken}, an invalid one is refused with {}", wrong.told()),
    )
}

/// The target's own refusal of the model.
async fn model_unknown(asker: &Asker<'_>, probed: &Asked, own: &[&Entry]) -> Option<Step> {
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

/// What arrived of a probe.
struct Seen<'s> {
    probed: &'s Asked,
    /// What belongs to the probe.
    own: &'s [&'s Entry],
    /// Everything that came meanwhile.
    others: &'s [Entry],
    target: &'s Target,
    /// The mock as the target sees it.
    upstream: &'s str,
}

fn arrival(seen: &Seen<'_>) -> Step {
    let bad = |found: String, advice: String| Step::bad("upstream", found, advice);
    let upstream = seen.upstream;
    let known = seen.own.iter().find(|entry| entry.operation.is_some());
    if let Some(entry) = known {
        let place = format!("{} {}", entry.method, entry.path);
        let status = entry.answer.as_ref().map(|answer| answer.status);
        if status == Some(401) {
            return bad(
                format!("{place} arrived at the mock, which refused its key"),
                "configure any key for the provider in the gateway: the mock takes everything that is not empty and does not contain `invalid`".to_owned(),
            );
        }
        return Step::good(
            "upstream",
            format!("{place} arrived at the mock {upstream}"),
        );
    }
    if let Some(entry) = seen.own.first() {
        return bad(
            format!(
                "{} {} arrived at the mock, which has no such route",
                entry.method, entry.path
            ),
            wrong_path(&entry.path, upstream),
        );
    }
    let strangers = seen
        .others
        .iter()
        .map(|entry| format!("{} {}", entry.method, entry.path));
    let strangers: Vec<_> = strangers.take(3).collect();
    if !strangers.is_empty() {
        return bad(
            format!("calls arrived at the mock ({}), but none with the probe's text", strangers.join(", ")),
            "does the gateway rewrite prompts, or check its provider's health? Give the target file a `probe` whose text arrives".to_owned(),
        );
    }
    nothing_arrived(seen)
}

/// What is wrong with a path that the mock does not have.
fn wrong_path(path: &str, upstream: &str) -> String {
    if path.contains("/v1/v1/") {
        return format!(
            "/v1 stands twice: the gateway adds it to its base URL, so configure {upstream} and not {upstream}/v1"
        );
    }
    let bare = ["/images/", "/chat/", "/responses", "/models"];
    if bare.iter().any(|start| path.starts_with(start)) {
        return format!(
            "/v1 is missing: the gateway adds only the operation to its base URL, so configure {upstream}/v1"
        );
    }
    format!(
        "configure the base URL so that what follows it is the provider's own path: {upstream}/v1 for OpenAI, {upstream} for Azure, Vertex AI and Gemini"
    )
}

fn nothing_arrived(seen: &Seen<'_>) -> Step {
    let upstream = seen.upstream;
    let configure =
        format!("configure the gateway's provider as {upstream} (OpenAI base URL: {upstream}/v1)");
    let told = seen.probed.told();
    let advice = match &seen.probed.outcome {
        Outcome::Answer(answer) if answer.is_success() => {
            format!("{configure}: it was answered by another provider, or from a cache")
        }
        Outcome::Answer(answer) if (300..400).contains(&answer.status) => format!(
            "the harness follows no redirection (to {}): name the address behind it as base_url",
            answer.header("location").unwrap_or("nowhere")
        ),
        Outcome::Answer(answer) if matches!(answer.status, 404 | 405) => format!(
            "the gateway has no such operation under this path: see `paths` of the target file; base_url is {}",
            seen.target.base_url
        ),
        Outcome::Answer(answer) if answer.status >= 500 => format!(
            "{configure}; from inside a container 127.0.0.1 is the container itself: say upstream_url = \"http://host.docker.internal:9100\" and mock = [\"--listen=0.0.0.0:9100\"]"
        ),
        Outcome::Answer(_) => format!(
            "{configure}. If it is, the gateway refuses the probe itself: give the target file a `probe` that it lets through, or allow one good request with --allow-paid"
        ),
        _ => format!("look into the gateway's log; {configure}"),
    };
    Step::bad(
        "upstream",
        format!("nothing arrived at the mock {upstream}; the target answered {told}"),
        advice,
    )
}

/// Whose key arrived.
fn credential(own: &[&Entry], target: &Target) -> Option<Step> {
    let entry = own.iter().find(|entry| entry.operation.is_some())?;
    if !entry.canaries.is_empty() && !target.policies.shared_key {
        return Some(Step::note(
            "credential",
            "the client's own key arrived at the provider",
            "if that is meant, say policies.shared_key = true; else the gateway leaks it",
        ));
    }
    let Some(seen) = &entry.credential else {
        return Some(Step::note(
            "credential",
            "the provider was called without a key",
            "real providers refuse that",
        ));
    };
    let keys = target.upstream_keys.iter();
    let known: Vec<_> = keys.map(|key| credential_label(&key.value)).collect();
    let shown = format!("the provider got {} ({})", seen.masked, seen.label);
    Some(match known.is_empty() || known.contains(&seen.label) {
        true => Step::good("credential", shown),
        false => Step::note(
            "credential",
            format!("{shown}, which is none of upstream_keys"),
            "name the key that the gateway sends as upstream_keys: leaks of it are then seen",
        ),
    })
}

/// Whether the model arrived as the table says.
fn mapped(asker: &Asker<'_>, own: &[&Entry]) -> Option<Step> {
    let (_, model) = asker.model(None)?;
    let entry = own.iter().find(|entry| entry.operation.is_some())?;
    let actual = entry.effective.get("model")?.as_str()?;
    let (name, wanted) = (&model.name, &model.upstream.model);
    Some(match actual.starts_with(wanted.as_str()) {
        true => Step::good(
            "model",
            format!("'{name}' is known, and is '{actual}' upstream"),
        ),
        false => Step::note(
            "model",
            format!("'{name}' reached the provider as '{actual}', the model table says '{wanted}'"),
            format!(
                "say upstream = {{ provider = \"{}\", model = \"{actual}\" }} for it",
                entry.provider.as_deref().unwrap_or("openai")
            ),
        ),
    })
}

/// One good request: does the target make something of the mock's answer?
async fn understood(asker: &Asker<'_>) -> Option<Step> {
    let asked = asker.good().await?;
    let target = &asker.session.target;
    let images = asked.images(target.policies.image_locator);
    let shown = images.iter().filter(|image| image.picture.is_ok()).count();
    let elsewhere = images.iter().filter(|image| image.is_elsewhere).count();
    let operation = asked.operation;
    if asked.status() == Some(200) && shown + elsewhere > 0 {
        return Some(Step::good(
            "answer",
            format!("{operation} is answered with an image"),
        ));
    }
    let is_chat = asked.operation.protocol().is_conversation();
    Some(match asked.status() {
        Some(200) if is_chat => Step::note(
            "answer",
            format!("{operation} is answered without an image"),
            "where images stand in an answer is policies.image_locator",
        ),
        Some(200) => Step::bad(
            "answer",
            format!("{operation} is answered with 200, and without an image"),
            "the provider's answer is not understood: see what arrived with image-harness run --trace --case 'sentinel/**'",
        ),
        _ => Step::bad(
            "answer",
            format!(
                "a good request of {operation} is answered with {}",
                asked.told()
            ),
            "the provider's answer is not understood, or the request not let through: see image-harness run --trace --case 'sentinel/**'",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_base_url_is_told_by_its_path() {
        let advice = |path: &str| wrong_path(path, "http://m");
        assert!(advice("/v1/v1/images/generations").contains("twice"));
        assert!(advice("/images/generations").contains("missing"));
        assert!(advice("/api/v1/images/generations").contains("own path"));
    }
}

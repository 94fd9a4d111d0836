//! Whether the mock is the provider: from one probe and the mock's journal.

use mock_server::journal::Entry;
use mock_server::provider::credential_label;

use super::Step;
use super::ask::{Asked, Asker};
use super::key;
use crate::exchange::Outcome;
use crate::exchange::mock::MockError;
use crate::target::Target;

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
        steps.push(key::refused(target, probed));
        return Ok(steps);
    }
    steps.push(key::taken(asker, probed).await);
    if let Some(unknown) = key::model_unknown(asker, probed, &own).await {
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

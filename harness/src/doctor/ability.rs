//! What the target can do beside its one good answer: streams, addresses, formats, edits; and how it treats bytes.

use serde_json::{Value, json};

use super::ask::{Asked, Asker};
use super::operation::Found;
use super::{State, Step};
use crate::case::{PartStep, RequestStep};
use crate::exchange::Outcome;
use crate::operation::Operation;

/// A feature, the request that shows it, and what the answer must be.
type Trial = (&'static str, fn() -> Value, fn(&Asked, &Asker<'_>) -> bool);

/// Features of the Images API that one request shows.
const TRIALS: &[Trial] = &[
    (
        "images.stream",
        || json!({ "stream": true, "partial_images": 1 }),
        |asked, _| is_stream(asked),
    ),
    (
        "response_format.url",
        || json!({ "response_format": "url" }),
        |asked, _| has_url(asked),
    ),
    (
        "format.png",
        || json!({ "output_format": "png" }),
        |asked, asker| has_format(asked, asker, "png"),
    ),
    (
        "format.jpeg",
        || json!({ "output_format": "jpeg" }),
        |asked, asker| has_format(asked, asker, "jpeg"),
    ),
    (
        "format.webp",
        || json!({ "output_format": "webp" }),
        |asked, asker| has_format(asked, asker, "webp"),
    ),
];

/// What was tried.
#[derive(Default)]
pub(super) struct Abilities {
    /// Feature → whether it was seen.
    pub(super) features: Vec<(&'static str, bool)>,
    /// Whether images came as the provider made them; none where that cannot be told.
    pub(super) verbatim: Option<bool>,
}

impl Abilities {
    /// What they say, in steps.
    pub(super) fn steps(&self) -> Vec<Step> {
        if self.features.is_empty() {
            return Vec::new();
        }
        let listed = |wanted: bool| {
            let names = self.features.iter().filter(|(_, seen)| *seen == wanted);
            names.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        };
        let mut found = format!("seen: {}", listed(true));
        if self.features.iter().any(|(_, seen)| !seen) {
            found.push_str(&format!("; not seen: {}", listed(false)));
        }
        if let Some(verbatim) = self.verbatim {
            found.push_str(if verbatim {
                "; bytes as the provider sent them"
            } else {
                "; images coded anew"
            });
        }
        vec![Step::new("features", State::Good, found, None)]
    }
}

/// Tries everything that images.generations and images.edits can show.
pub(super) async fn found(asker: &Asker<'_>, operations: &[Found]) -> Abilities {
    let mut abilities = Abilities::default();
    for (feature, members, seen) in TRIALS {
        let Some(asked) = asker.image(members()).await else {
            return abilities;
        };
        let seen = seen(&asked, asker);
        abilities.features.push((feature, seen));
        if *feature == "format.png" && seen {
            abilities.verbatim = verbatim(&asked, asker);
        }
    }
    let edits = operations
        .iter()
        .find(|found| found.operation == Operation::ImagesEdits);
    if edits.is_some_and(Found::is_there) {
        let seen = edit(asker)
            .await
            .is_some_and(|asked| has_image(&asked, asker));
        abilities.features.push(("images.edits", seen));
    }
    abilities
}

/// An edit of a built-in picture, as a form.
async fn edit(asker: &Asker<'_>) -> Option<Asked> {
    let (_, model) = asker
        .model(Some(Operation::ImagesEdits))
        .or_else(|| asker.model(None))?;
    let token = asker.token();
    let text = |name: &str, text: &str| PartStep {
        name: name.to_owned(),
        text: Some(text.to_owned()),
        ..PartStep::default()
    };
    let image = PartStep {
        name: "image".to_owned(),
        file: Some("opaque.png".to_owned()),
        ..PartStep::default()
    };
    let prompt = format!("a lighthouse at dusk [[case:{token}]]");
    let step = RequestStep {
        operation: Some(Operation::ImagesEdits),
        path: asker
            .session
            .target
            .profile
            .paths
            .get(&Operation::ImagesEdits)
            .cloned()
            .or_else(|| Some("/v1/images/edits".to_owned())),
        multipart: Some(vec![
            text("model", &model.name),
            text("prompt", &prompt),
            image,
        ]),
        ..RequestStep::default()
    };
    asker.send(&step, token).await
}

fn is_stream(asked: &Asked) -> bool {
    let Outcome::Answer(answer) = &asked.outcome else {
        return false;
    };
    answer.is_success()
        && answer.is_stream()
        && answer
            .events
            .iter()
            .any(|event| event.kind().ends_with("completed"))
}

fn has_url(asked: &Asked) -> bool {
    let Outcome::Answer(answer) = &asked.outcome else {
        return false;
    };
    let body = answer.json().unwrap_or_default();
    let url = body.pointer("/data/0/url").and_then(Value::as_str);
    answer.is_success() && url.is_some_and(|url| url.starts_with("http"))
}

fn has_image(asked: &Asked, asker: &Asker<'_>) -> bool {
    let locator = asker.session.target.policies.image_locator;
    asked.status() == Some(200)
        && asked
            .images(locator)
            .iter()
            .any(|image| image.picture.is_ok())
}

fn has_format(asked: &Asked, asker: &Asker<'_>, format: &str) -> bool {
    let locator = asker.session.target.policies.image_locator;
    let images = asked.images(locator);
    let mut pictures = images
        .iter()
        .filter_map(|image| image.picture.as_ref().ok());
    asked.status() == Some(200) && pictures.any(|picture| picture.format == format)
}

/// Whether the bytes are those that the journal says the provider sent.
fn verbatim(asked: &Asked, asker: &Asker<'_>) -> Option<bool> {
    let entries = asked.arrived.as_ref().ok()?;
    let answers = entries.iter().filter_map(|entry| entry.answer.as_ref());
    let made: Vec<_> = answers.flat_map(|answer| &answer.summary.images).collect();
    let images = asked.images(asker.session.target.policies.image_locator);
    let picture = images.first()?.picture.as_ref().ok()?;
    (!made.is_empty()).then(|| made.contains(&&picture.sha256))
}

//! The reference gateway, in-process.

use reference_gateway::{Clients, Config, Group, Handle};
use tokio::net::TcpListener;

use super::{BASELINE_PROFILE, SetupError, fixed_key};
use crate::case::Credential;
use crate::target::Secret;

/// The role of each key and the group that it belongs to.
pub(super) const ROLES: &[(Credential, Group)] = &[
    (Credential::Default, Group::OpenAi),
    (Credential::Second, Group::OpenAi),
    (Credential::OtherGroup, Group::Gemini),
    (Credential::NoImages, Group::OpenAiNoImages),
    (Credential::NoGroup, Group::None),
];

/// What the gateway has beside the document of a profile, by features.
const EXTENSIONS: &[(&str, &[&str])] = &[
    (BASELINE_PROFILE, &["images.edits", "images.edits.json"]),
    (
        "platform",
        &["images.edits", "images.edits.json", "images.tasks"],
    ),
    (
        "router",
        &["images.edits", "images.stream", "response_size.below_30mb"],
    ),
];

/// The largest answer of a provider in bytes; what is longer is refused. No image is as large.
const LONGEST_ANSWER: usize = 24 << 20;

/// The features of [`EXTENSIONS`] for a profile.
pub(super) fn extensions(profile: &str) -> &'static [&'static str] {
    let found = EXTENSIONS.iter().find(|(id, _)| *id == profile);
    found.map_or(&[], |(_, features)| *features)
}

/// The key that the gateway sends upstream.
pub(super) fn upstream_key() -> Secret {
    Secret {
        value: "sk-up-4Jq9Xw2Lr7Tn8Vb3Zk6P".to_owned(),
        shown: "<upstream key>".to_owned(),
    }
}

/// The gateway has no document of this profile: to test it as another one would prove nothing.
fn no_document(profile: &str) -> SetupError {
    SetupError::Usage(format!(
        "the reference gateway has no document for the profile '{profile}' (it has one for {}): name a target with --target",
        reference_gateway::Profile::ALL
            .iter()
            .map(|profile| profile.name())
            .collect::<Vec<_>>()
            .join(" and ")
    ))
}

pub(super) async fn start(
    profile: &str,
    upstream: &str,
    change: Option<&(dyn Fn(&mut Config) + Send + Sync)>,
) -> Result<Handle, SetupError> {
    let unusable = |problem: String| SetupError::Usage(format!("the reference gateway: {problem}"));
    let upstream = upstream
        .parse()
        .map_err(|error: reference_gateway::ConfigError| unusable(error.to_string()))?;
    let mut config = Config::new(upstream);
    config.profile = match profile {
        // The gateway has no document of its own for the baseline: it is judged on the default one.
        BASELINE_PROFILE => reference_gateway::Profile::default(),
        named => named.parse().map_err(|_| no_document(named))?,
    };
    if config.profile == reference_gateway::Profile::Router {
        config.limits.answer_body = LONGEST_ANSWER;
    }
    for upstream in config.upstreams.values_mut() {
        upstream.key = upstream_key().value.parse().ok();
    }
    let clients = ROLES
        .iter()
        .filter_map(|(role, group)| Some((fixed_key(*role).value.parse().ok()?, *group)));
    config.clients = Clients::Listed(clients.collect());
    if let Some(change) = change {
        change(&mut config);
    }
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(SetupError::Listen)?;
    reference_gateway::start(config, listener).map_err(|error| SetupError::Gateway(error.into()))
}

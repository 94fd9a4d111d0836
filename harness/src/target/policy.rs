//! Policies: what legally differs between targets. Each changes what a check says: some are looked at by the check
//! itself, the others shape the profile that the target is held to.

use serde::Deserialize;

use crate::exchange::images::Locator;
use crate::profile::{Exception, Profile};

/// The condition whose error forms [`Policies::upstream_401`] narrows.
const KEY_REFUSED: &str = "invalid-key";
/// Both ways of a policy as features, which cases need: what is not stated is not judged.
const CANCELS: &str = "disconnect.cancels";
const DETACHES: &str = "disconnect.detaches";
const DROPS: &str = "unsupported-native.drop";
const RELAYS: &str = "unsupported-native.relay";

/// What legally differs between targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policies {
    /// The images come as the provider sent them, or coded anew.
    pub bytes: BytesPolicy,
    /// Which requests may be answered without the provider.
    pub cache: CachePolicy,
    /// JSON pointers (`*` stands for one segment) at which answers may differ from the provider's own, beside those of
    /// the profile.
    pub differs: Vec<String>,
    /// What becomes of the provider's call when the client goes; unstated, it is not judged.
    pub disconnect: Option<DisconnectPolicy>,
    /// Where chat completions carry images.
    pub image_locator: Locator,
    /// Members that the target adds to upstream requests.
    pub injects: Vec<String>,
    /// What becomes of a broken JSON body of the provider's.
    pub malformed: MalformedPolicy,
    /// Whether calls whose outcome is not known may be repeated.
    pub retries: RetryPolicy,
    /// The client's key is the upstream key: it may come back upstream.
    pub shared_key: bool,
    /// What becomes of a parameter that the model does not take; unstated, both ways pass.
    pub unsupported_native: Option<UnsupportedPolicy>,
    /// The status that a client sees when the provider refuses the target's key: 401 or 502; unstated, whatever the
    /// profile allows.
    pub upstream_401: Option<u16>,
}

/// Whether images are passed through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BytesPolicy {
    /// Coded anew; the pixels must still say what they belong to.
    Recoded,
    /// Byte by byte.
    #[default]
    Verbatim,
}

/// Which requests may be answered without the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CachePolicy {
    /// None.
    #[default]
    None,
    /// Those that the same customer sent before.
    PerCredential,
    /// Those that anybody sent before.
    Shared,
}

/// What becomes of the provider's call when the client goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisconnectPolicy {
    /// It is given up.
    Cancels,
    /// It is kept until its end, so that it can be charged.
    Detaches,
}

/// What becomes of a broken JSON body of the provider's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MalformedPolicy {
    /// An answer that is whole: an error, mostly.
    Normalise,
    /// It may be passed on as it came.
    #[default]
    Relay,
}

/// Which failed calls may be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryPolicy {
    /// Also those whose outcome is not known.
    Ambiguous,
    /// Only those that made nothing.
    #[default]
    Unpaid,
}

/// What becomes of a parameter that the model does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnsupportedPolicy {
    /// It is left out, and the image is made.
    Drop,
    /// The client sees the provider's refusal, or one like it.
    Relay,
}

impl Policies {
    /// Makes a profile say what these policies mean: features for what cases are about, exceptions for what the
    /// target openly does otherwise, and the one error form that it stated.
    ///
    /// # Errors
    /// The policy that the profile does not allow, or that a feature contradicts.
    pub fn shape(&self, profile: &mut Profile) -> Result<(), String> {
        let disconnect = self.disconnect.map(|policy| match policy {
            DisconnectPolicy::Cancels => (CANCELS, DETACHES),
            DisconnectPolicy::Detaches => (DETACHES, CANCELS),
        });
        let unsupported = self.unsupported_native.map(|policy| match policy {
            UnsupportedPolicy::Drop => (DROPS, RELAYS),
            UnsupportedPolicy::Relay => (RELAYS, DROPS),
        });
        for (feature, other) in disconnect.into_iter().chain(unsupported) {
            if profile.features.contains(other) {
                return Err(format!(
                    "policies and features contradict each other: the policy means '{feature}', and '{other}' is among the features"
                ));
            }
            profile.features.insert(feature.to_owned());
        }
        for (requirement, reason) in self.exceptions() {
            profile.except.push(Exception {
                requirement: requirement.to_owned(),
                reason: reason.to_owned(),
            });
        }
        match self.upstream_401 {
            Some(status) => narrow(profile, status),
            None => Ok(()),
        }
    }

    fn exceptions(&self) -> Vec<(&'static str, &'static str)> {
        let again = ("gateway.made-anew", "policies.cache");
        let of_another = ("gateway.no-shared-cache", "policies.cache = \"shared\"");
        let mut except = match self.cache {
            CachePolicy::None => Vec::new(),
            CachePolicy::PerCredential => vec![again],
            CachePolicy::Shared => vec![again, of_another],
        };
        if self.retries == RetryPolicy::Ambiguous {
            except.push(("gateway.no-blind-retry", "policies.retries = \"ambiguous\""));
        }
        except
    }
}

/// Only this status is left of what a profile allows for a refused key; a policy never allows more than the profile.
fn narrow(profile: &mut Profile, status: u16) -> Result<(), String> {
    let Some(allowed) = profile.conditions.get_mut(KEY_REFUSED) else {
        return Ok(());
    };
    let narrowed: Vec<_> = allowed
        .iter()
        .filter_map(|form| form.with_status(status))
        .collect();
    if narrowed.is_empty() {
        let forms: Vec<_> = allowed.iter().map(|form| form.status.to_string()).collect();
        return Err(format!(
            "policies.upstream_401: found {status}, but the profile {} allows {} only",
            profile.id,
            forms.join(" or ")
        ));
    }
    *allowed = narrowed;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn profile() -> Profile {
        let text = json!({
            "$schema": "", "id": "p", "summary": "", "requirements": ["gateway.*"],
            "conditions": { "invalid-key": [{ "status": [401, 502, 503] }] }
        });
        Profile::read(&text.to_string()).unwrap()
    }

    fn shaped(policies: serde_json::Value) -> Result<Profile, String> {
        let mut profile = profile();
        let policies: Policies = serde_json::from_value(policies).unwrap();
        policies.shape(&mut profile)?;
        Ok(profile)
    }

    #[test]
    fn a_stated_status_is_the_only_one() {
        let statuses = |profile: &Profile| {
            let form = &profile.conditions[KEY_REFUSED][0];
            [401, 502, 503].map(|status| form.allows(status, None))
        };
        assert_eq!(statuses(&shaped(json!({})).unwrap()), [true, true, true]);
        let narrow = |status: u16| shaped(json!({ "upstream_401": status }));
        assert_eq!(statuses(&narrow(401).unwrap()), [true, false, false]);
        assert_eq!(statuses(&narrow(502).unwrap()), [false, true, false]);
        assert!(
            narrow(500)
                .unwrap_err()
                .contains("allows 401 or 502 or 503 only")
        );
    }

    #[test]
    fn caches_and_retries_are_exceptions() {
        let promises = |policies: serde_json::Value| {
            let profile = shaped(policies).unwrap();
            ["made-anew", "no-shared-cache", "no-blind-retry"]
                .map(|name| profile.promises(&format!("gateway.{name}")))
        };
        assert_eq!(
            promises(json!({ "cache": "none", "retries": "unpaid" })),
            [true, true, true]
        );
        assert_eq!(
            promises(json!({ "cache": "per-credential" })),
            [false, true, true]
        );
        assert_eq!(promises(json!({ "cache": "shared" })), [false, false, true]);
        assert_eq!(
            promises(json!({ "retries": "ambiguous" })),
            [true, true, false]
        );
    }

    #[test]
    fn ways_are_features_and_may_not_contradict_them() {
        for (policies, feature) in [
            (json!({ "disconnect": "cancels" }), CANCELS),
            (json!({ "disconnect": "detaches" }), DETACHES),
            (json!({ "unsupported_native": "drop" }), DROPS),
            (json!({ "unsupported_native": "relay" }), RELAYS),
        ] {
            assert_eq!(
                shaped(policies).unwrap().features,
                [feature.to_owned()].into()
            );
        }
        let mut profile = profile();
        profile.features.insert(CANCELS.to_owned());
        let detaches: Policies =
            serde_json::from_value(json!({ "disconnect": "detaches" })).unwrap();
        assert!(detaches.shape(&mut profile).unwrap_err().contains(CANCELS));
    }
}

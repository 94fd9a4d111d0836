//! Keys: a target file names variables of the environment, and only keys that open nothing stand in it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::case::Credential;
use crate::target::Secret;

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum KeySource {
    /// An environment variable.
    Env(String),
    /// The key itself.
    Value(String),
}

/// Reads keys from the environment.
pub(super) struct Keys<'e> {
    /// The environment.
    pub(super) env: &'e dyn Fn(&str) -> Option<String>,
}

impl Keys<'_> {
    /// The value of a variable; none if it is not set.
    fn of(&self, variable: &str) -> Option<Secret> {
        let value = (self.env)(variable).filter(|value| !value.is_empty())?;
        Some(Secret {
            value,
            shown: format!("${variable}"),
        })
    }

    /// The credentials whose variables are set.
    pub(super) fn credentials(
        &self,
        stated: &BTreeMap<Credential, String>,
    ) -> BTreeMap<Credential, Secret> {
        let set = stated.iter();
        set.filter_map(|(role, variable)| Some((*role, self.of(variable)?)))
            .collect()
    }

    /// The keys that the target sends to its provider, as far as they are known.
    pub(super) fn upstream(&self, stated: &[KeySource]) -> Vec<Secret> {
        let known = stated.iter().enumerate();
        known
            .filter_map(|(index, source)| match source {
                KeySource::Env(variable) => self.of(variable),
                KeySource::Value(value) => Some(Secret {
                    value: value.clone(),
                    shown: format!("<upstream key {}>", index + 1),
                }),
            })
            .collect()
    }

    /// Puts a variable's value in the place of a value that is `$NAME`, and gives it: it must never be shown.
    pub(super) fn put_into(&self, value: &mut String) -> Option<Secret> {
        let secret = self.of(value.strip_prefix('$')?)?;
        value.clone_from(&secret.value);
        Some(secret)
    }
}

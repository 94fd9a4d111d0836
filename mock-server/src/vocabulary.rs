//! The words of scenarios: every condition of the catalogues, with the parameters that it takes. Faults and
//! habits are words too; they are in [`FAULTS`] and [`HABITS`].

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Catalogue, CatalogueError};
use crate::fault::FAULTS;
use crate::habit::HABITS;
use crate::provider::PROVIDERS;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary(BTreeMap<String, BTreeSet<String>>);

impl Vocabulary {
    /// What the embedded catalogues know.
    ///
    /// # Errors
    /// An embedded data file is not usable.
    pub fn builtin() -> Result<Self, CatalogueError> {
        let catalogues = PROVIDERS.iter().map(|(id, _)| Catalogue::builtin(id));
        let catalogues: Vec<_> = catalogues.collect::<Result<_, _>>()?;
        Ok(Self::of(&catalogues))
    }

    /// What these catalogues know. A scenario does not say which provider will be called, so a condition takes
    /// what it takes with any of them: the placeholders of its rows.
    #[must_use]
    pub fn of<'c>(catalogues: impl IntoIterator<Item = &'c Catalogue>) -> Self {
        let mut words = Self::default();
        for catalogue in catalogues {
            for row in catalogue.conditions() {
                words.0.entry(row.id.clone()).or_default();
            }
            for row in &catalogue.errors {
                let id = row.instead_of.as_ref().unwrap_or(&row.id);
                if let Some(params) = words.0.get_mut(id) {
                    params.extend(row.placeholders());
                }
            }
        }
        words
    }

    /// The ids of the conditions, sorted.
    pub fn conditions(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is such a condition.
    #[must_use]
    pub fn has(&self, condition: &str) -> bool {
        self.0.contains_key(condition)
    }

    /// What a condition takes behind `;`, sorted; nothing where there is no such condition.
    pub fn params(&self, condition: &str) -> impl Iterator<Item = &str> {
        let params = self.0.get(condition).into_iter().flatten();
        params.map(String::as_str)
    }

    /// Every word, faults, habits and `ok` too.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let faults = FAULTS.iter().map(|fault| fault.name());
        let habits = HABITS.iter().map(|habit| habit.name);
        self.conditions().chain(["ok"]).chain(faults).chain(habits)
    }
}

/// For tests: conditions that take `retry-after`.
#[cfg(test)]
impl<const N: usize> From<[&str; N]> for Vocabulary {
    fn from(conditions: [&str; N]) -> Self {
        let params = BTreeSet::from(["retry-after".to_owned()]);
        let words = conditions.map(|condition| (condition.to_owned(), params.clone()));
        Self(words.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_takes_what_any_provider_has_a_place_for() {
        let words = Vocabulary::builtin().unwrap();
        let params = |condition: &str| words.params(condition).collect::<Vec<_>>();
        for wanted in ["retry-after", "retry-after-ms", "model", "operation-name"] {
            assert!(params("rate-limit").contains(&wanted), "{wanted}");
        }
        assert!(params("moderation-blocked").contains(&"violation"));
        assert!(params("moderation-blocked").contains(&"reason"));
        assert!(!params("invalid-key").contains(&"retry-after"));
        assert!(!words.has("invalid-url"), "no scenario can ask for it");
    }
}

//! The only place that knows secrets: everything that leaves the harness passes through here.

use crate::target::Target;

/// Replaces secrets by their names.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// (secret, what is shown), the longest secret first.
    secrets: Vec<(String, String)>,
}

impl Redactor {
    /// Knows every secret of a target.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        let known = target.secrets().map(|secret| (secret.value.clone(), secret.shown.clone()));
        let mut secrets: Vec<_> = known.filter(|(value, _)| !value.is_empty()).collect();
        secrets.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Self { secrets }
    }

    /// A text without secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for (secret, shown) in &self.secrets {
            clean = clean.replace(secret.as_str(), shown);
        }
        clean
    }
}

//! `deprecated`: a call has a parameter, model or operation that its provider announced to end. What that is,
//! stands in `fixtures/deprecations`.

use serde::Deserialize;
use serde_json::Value;

use crate::catalogue::{CatalogueError, Evidence};
use crate::journal::Entry;
use crate::verdict::Found;

/// `fixtures/deprecations/<provider>.json`; the format is described by `schemas/deprecations.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deprecations {
    /// The schema of the file; not used by the reader.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// The provider's id.
    pub provider: String,
    /// The day on which the sources were read.
    pub read: String,
    /// What was announced to end.
    pub deprecations: Vec<Deprecation>,
}

/// One thing that was announced to end: a parameter, a model or an operation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deprecation {
    /// A member of the JSON body; dots lead into objects.
    pub parameter: Option<String>,
    /// Only these values of the parameter, in any case of letters; empty: every value.
    #[serde(default)]
    pub values: Vec<String>,
    /// A model id.
    pub model: Option<String>,
    /// An operation.
    pub operation: Option<String>,
    /// Only in these operations; empty: everywhere.
    #[serde(default)]
    pub operations: Vec<String>,
    /// What to use instead.
    pub instead: Option<String>,
    /// How sure we are.
    pub evidence: Evidence,
    /// Where it was read.
    pub source: String,
}

impl Deprecations {
    /// Reads every embedded file.
    ///
    /// # Errors
    /// A file does not have the form of `schemas/deprecations.json`.
    pub fn builtin() -> Result<Vec<Self>, CatalogueError> {
        let files = fixtures::folder("deprecations").into_iter();
        let read = files.map(|(name, text)| {
            let path = format!("deprecations/{name}");
            serde_json::from_str(text).map_err(|source| CatalogueError::Form { path, source })
        });
        read.collect()
    }
}

pub(super) fn judge(calls: &[&Entry], known: &[Deprecations]) -> Vec<Found> {
    let found = calls.iter().flat_map(|entry| {
        let own = known
            .iter()
            .filter(|known| Some(known.provider.as_str()) == entry.provider.as_deref());
        let rows = own.flat_map(|known| &known.deprecations);
        let sent = rows.filter_map(|row| Some((row, row.sent(entry)?)));
        sent.map(|(row, what)| {
            let instead = row.instead.as_ref();
            let instead = instead.map_or_else(String::new, |text| format!(": use {text}"));
            (vec![entry.seq], format!("{what} is deprecated{instead}"))
        })
    });
    found.collect()
}

impl Deprecation {
    /// What of it a call has.
    fn sent(&self, entry: &Entry) -> Option<String> {
        let operation = entry.operation.as_deref()?;
        if !self.operations.is_empty() && !self.operations.iter().any(|known| known == operation) {
            return None;
        }
        if let Some(path) = &self.parameter {
            let mut steps = path.split('.');
            let value = steps.try_fold(&entry.body, |value, step| value.get(step))?;
            return self.covers(value).then(|| match self.values.is_empty() {
                true => format!("'{path}'"),
                false => format!("{value} as '{path}'"),
            });
        }
        if let Some(model) = &self.model {
            let sent = entry.sent.get("model").and_then(Value::as_str);
            return (sent == Some(model)).then(|| format!("the model '{model}'"));
        }
        let own = self.operation.as_deref() == Some(operation);
        own.then(|| format!("the operation '{operation}'"))
    }

    fn covers(&self, value: &Value) -> bool {
        let named = |value: &str| {
            self.values
                .iter()
                .any(|one| one.eq_ignore_ascii_case(value))
        };
        !value.is_null() && (self.values.is_empty() || value.as_str().is_some_and(named))
    }
}

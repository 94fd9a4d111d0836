//! What is run, and in which order: good cases, then refusals, then faults; cases that need quiet run alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::case::{Case, Instance, Pattern};
use crate::catalog::Catalog;
use crate::target::Target;

/// Which instances are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Any of these; empty: all.
    pub cases: Vec<Pattern>,
    /// None of these.
    pub skip: Vec<Pattern>,
    /// Only these instances, if there are any such wishes.
    pub ids: Option<BTreeSet<String>>,
    /// Only the part `.0` of `.1`, counted from 1.
    pub shard: Option<(u32, u32)>,
}

/// What the ids of sentinels begin with.
const SENTINELS: &str = "sentinel/";

/// A group of instances that run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The provider succeeds and the target must, too.
    Good,
    /// The target refuses.
    Refusal,
    /// The provider fails.
    Fault,
}

/// The selected instances, in the order of the catalogue.
#[must_use]
pub fn select(catalog: &Catalog, target: &Target, selection: &Selection) -> Vec<Instance> {
    let instances = catalog
        .cases
        .iter()
        .flat_map(|case| Instance::all(case, &models(case, target)));
    let wanted = |instance: &Instance| {
        // A sentinel is the runner's own: who wants it names it.
        let named = |pattern: &Pattern| pattern.as_str().starts_with(SENTINELS);
        let is_sentinel = instance.id.starts_with(SENTINELS);
        if let Some(ids) = &selection.ids {
            let matching = || selection.cases.iter().any(|one| instance.matches(one));
            return ids.contains(&instance.id) && (selection.cases.is_empty() || matching());
        }
        let mut patterns = selection.cases.iter();
        if is_sentinel {
            return patterns.any(|pattern| named(pattern) && instance.matches(pattern));
        }
        selection.cases.is_empty() || patterns.any(|pattern| instance.matches(pattern))
    };
    instances
        .filter(wanted)
        .filter(|instance| {
            !selection
                .skip
                .iter()
                .any(|pattern| instance.matches(pattern))
        })
        .filter(|instance| {
            selection
                .shard
                .is_none_or(|shard| in_shard(&instance.id, shard))
        })
        .collect()
}

/// The good case that tells whether a target is well; none if its profile names none, or it does not apply.
#[must_use]
pub fn sentinel(catalog: &Catalog, target: &Target) -> Option<Instance> {
    let id = target.profile.sentinel.as_deref()?;
    let case = catalog.cases.iter().find(|case| case.id.as_str() == id)?;
    Instance::all(case, &models(case, target))
        .into_iter()
        .next()
}

/// The keys of the target's models that a case runs with.
fn models(case: &Arc<Case>, target: &Target) -> Vec<String> {
    let Some(need) = &case.model else {
        return Vec::new();
    };
    let matching = target.profile.models.iter().filter(|(_, model)| {
        model.operations.contains(&need.operation)
            && need
                .provider
                .as_ref()
                .is_none_or(|provider| model.upstream.provider == *provider)
    });
    matching.map(|(key, _)| key.clone()).collect()
}

fn in_shard(id: &str, (part, parts): (u32, u32)) -> bool {
    let hash = mock_server::provider::hex_sha256(id.as_bytes());
    let number = u32::from_str_radix(&hash[..8], 16).unwrap_or_default();
    number % parts.max(1) == part.saturating_sub(1)
}

/// The lane of an instance: it follows from its data.
#[must_use]
pub fn lane(instance: &Instance) -> Lane {
    let steps = || instance.case.steps.iter();
    let scripts = steps().flat_map(|step| {
        step.pointer("/upstream/answers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    });
    let is_ok = |answer: &Value| {
        let text = answer
            .as_str()
            .or_else(|| answer.get("do").and_then(Value::as_str))
            .unwrap_or_default();
        text.split(['*', ';']).next() == Some("ok")
    };
    if scripts.into_iter().any(|answer| !is_ok(answer)) {
        return Lane::Fault;
    }
    if steps().any(expects_error) {
        return Lane::Refusal;
    }
    Lane::Good
}

fn expects_error(step: &Value) -> bool {
    let expectations = step.pointer("/expect/response").and_then(Value::as_array);
    expectations.into_iter().flatten().any(|expected| {
        let refused = expected
            .get("status")
            .cloned()
            .map(serde_json::from_value::<crate::case::Status>);
        expected.get("error").is_some()
            || matches!(refused, Some(Ok(status)) if status.is_refusal())
    })
}

/// Whether an instance must run alone: some call of its could not be told from another's.
#[must_use]
pub fn is_quiet(instance: &Instance) -> bool {
    let anonymous = |step: &Value| {
        let request = step
            .get("request")
            .map(ToString::to_string)
            .unwrap_or_default();
        let pinned = step.pointer("/expect/snapshot") == Some(&Value::Bool(true));
        let looks = step.pointer("/expect/upstream").is_some() || step.get("upstream").is_some();
        let looks = looks || pinned;
        let carries = ["${prompt}", "${token}", "${token_id}"]
            .iter()
            .any(|name| request.contains(name));
        looks && !carries
    };
    // What a step polls for was begun by one before, whose calls carry the token.
    let goes_on = |index: usize, step: &Value| {
        index > 0 && step.get("poll").is_some() && step.get("upstream").is_none()
    };
    let steps = instance.case.steps.iter().enumerate();
    let mut own = steps.filter(|(index, step)| !goes_on(*index, step));
    instance.case.quiet || own.any(|(_, step)| anonymous(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_everything_once() {
        for id in ["a/b/c", "a/b/d@n=1", "x/y/z"] {
            let parts = (1..=3).filter(|part| in_shard(id, (*part, 3))).count();
            assert_eq!(parts, 1, "{id}");
        }
    }
}

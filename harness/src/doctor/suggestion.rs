//! A target file that says what was seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::ability::Abilities;
use super::ask::Asker;
use super::operation::Found;
use crate::case::Credential;
use crate::run::setup::DEFAULT_KEY_VARIABLE;

/// The file; none for a target that the harness starts by itself, or that is a mock.
pub(super) fn text(
    asker: &Asker<'_>,
    operations: &[Found],
    abilities: &Abilities,
) -> Option<String> {
    let target = &asker.session.target;
    if target.is_mock || target.name.starts_with("the ") {
        return None;
    }
    let profile = &target.profile;
    let mut out = String::new();
    let _ = writeln!(out, "base_url = \"{}\"", target.base_url);
    let _ = writeln!(out, "profile = \"{}\"", profile.id);
    let (seen, unseen): (Vec<_>, Vec<_>) = abilities.features.iter().partition(|(_, seen)| *seen);
    let has = |name: &str| profile.features.contains(name);
    let features: BTreeSet<_> = seen
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !has(name))
        .collect();
    let mut lacks: BTreeSet<_> = unseen
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| has(name))
        .collect();
    let gone = operations
        .iter()
        .filter(|found| found.is_promised && !found.is_there());
    lacks.extend(
        gone.map(|found| found.operation.as_str())
            .filter(|name| has(name)),
    );
    for (key, names) in [("features", features), ("lacks", lacks)] {
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
            let _ = writeln!(out, "{key} = [{}]", names.join(", "));
        }
    }
    out.push_str("# upstream_keys = [{ env = \"…\" }]     # what the gateway sends to its provider: it must never come back\n");
    let variable = target.credential(Credential::Default);
    let variable = variable.map_or(String::new(), |key| key.shown);
    let variable = variable.strip_prefix('$').unwrap_or(DEFAULT_KEY_VARIABLE);
    let _ = writeln!(out, "\n[credentials]\ndefault = \"{variable}\"");
    for (key, model) in &profile.models {
        let operations: Vec<_> = model
            .operations
            .iter()
            .map(|operation| format!("\"{operation}\""))
            .collect();
        let _ = writeln!(
            out,
            "\n[models.{key}]\nname = \"{}\"\noperations = [{}]",
            model.name,
            operations.join(", ")
        );
        let upstream = &model.upstream;
        let _ = writeln!(
            out,
            "upstream = {{ provider = \"{}\", model = \"{}\" }}",
            upstream.provider, upstream.model
        );
    }
    if let Some(verbatim) = abilities.verbatim {
        let bytes = if verbatim { "verbatim" } else { "recoded" };
        let _ = writeln!(out, "\n[policies]\nbytes = \"{bytes}\"");
    }
    Some(out)
}

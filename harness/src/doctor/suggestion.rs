//! A target file that says what was seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::ability::Abilities;
use super::ask::Asker;
use super::operation::Found;
use crate::case::Credential;
use crate::profile::{Model, Profile};
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
    let mut out = String::new();
    let _ = writeln!(out, "base_url = \"{}\"", target.base_url);
    let _ = writeln!(out, "profile = \"{}\"", target.profile.id);
    for (key, names) in promises(&target.profile, operations, abilities) {
        if !names.is_empty() {
            let _ = writeln!(out, "{key} = [{}]", listed(names));
        }
    }
    out.push_str("# upstream_keys = [{ env = \"…\" }]     # what the gateway sends to its provider: it must never come back\n");
    let variable = target.credential(Credential::Default);
    let variable = variable.map_or(String::new(), |key| key.shown);
    let variable = variable.strip_prefix('$').unwrap_or(DEFAULT_KEY_VARIABLE);
    let _ = writeln!(out, "\n[credentials]\ndefault = \"{variable}\"");
    for (key, model) in &target.profile.models {
        add_model(&mut out, key, model);
    }
    if let Some(verbatim) = abilities.verbatim {
        let bytes = if verbatim { "verbatim" } else { "recoded" };
        let _ = writeln!(out, "\n[policies]\nbytes = \"{bytes}\"");
    }
    Some(out)
}

/// What the target has beside its profile, and what it lacks.
fn promises<'n>(
    profile: &Profile,
    operations: &[Found],
    abilities: &Abilities,
) -> [(&'static str, BTreeSet<&'n str>); 2] {
    let has = |name: &str| profile.features.contains(name);
    let tried = |wanted: bool| {
        let tried = abilities.features.iter();
        tried
            .filter(move |(_, seen)| *seen == wanted)
            .map(|(name, _)| *name)
    };
    let more = tried(true).filter(|name| !has(name));
    let gone = operations
        .iter()
        .filter(|found| found.is_promised && !found.is_there());
    let gone = gone.map(|found| found.operation.as_str());
    let lacks = tried(false).chain(gone).filter(|name| has(name));
    [("features", more.collect()), ("lacks", lacks.collect())]
}

fn add_model(out: &mut String, key: &str, model: &Model) {
    let operations = model.operations.iter().map(|operation| operation.as_str());
    let _ = writeln!(
        out,
        "\n[models.{key}]\nname = \"{}\"\noperations = [{}]",
        model.name,
        listed(operations)
    );
    let _ = writeln!(
        out,
        "upstream = {{ provider = \"{}\", model = \"{}\" }}",
        model.upstream.provider, model.upstream.model
    );
}

fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names = names.into_iter().map(|name| format!("\"{name}\""));
    names.collect::<Vec<_>>().join(", ")
}

//! What no mutant kills: checks, requirements, and cases that are nobody's only killer. What is known of that stands
//! in `open.json`, with its reason; a line there that is no longer true is a problem, too.

use std::collections::{BTreeMap, BTreeSet};

use harness::check::CHECKS;
use harness::requirement::Level;
use serde::Deserialize;

use crate::kill::Result;
use crate::stage::{Stage, bare};

/// What is known to be missing: id, or the begin of several and a star → reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    checks: BTreeMap<String, String>,
    requirements: BTreeMap<String, String>,
    cases: BTreeMap<String, String>,
}

/// Every problem of coverage, and of what the README says of it.
pub(crate) fn problems(stage: &Stage, results: &[Result]) -> Vec<String> {
    let open: Open = serde_json::from_str(include_str!("open.json")).unwrap();
    let (checks, requirements, cases) = (checks(stage), requirements(stage), cases(stage));
    let killed = killed(results);
    let score = score(results.len(), &checks, &requirements, &killed);
    let lists = [
        ("checks", "the check", checks, &killed.checks, &open.checks),
        (
            "requirements",
            "the requirement",
            requirements,
            &killed.requirements,
            &open.requirements,
        ),
        ("cases", "the case", cases, &killed.cases, &open.cases),
    ];
    let readme = include_str!("../../../README.md").replace('\n', " ");
    let mut problems = Vec::new();
    if !readme.contains(&score) {
        problems.push(format!("the README must say\n  {score}"));
    }
    for (list, what, all, killed, open) in lists {
        let alive: Vec<_> = all.difference(killed).collect();
        let missing = alive
            .iter()
            .filter(|id| !open.keys().any(|key| names(key, id)));
        let missing: Vec<_> = missing.map(|id| id.as_str()).collect();
        let done = "add a mutant to fixtures/mutants, or a line with the reason to";
        if !missing.is_empty() {
            let without = match list {
                "cases" => "is nobody's only killer",
                _ => "is killed by no mutant",
            };
            problems.push(format!(
                "{what} {without} ({done} '{list}' of harness/tests/mutants/open.json):\n  {}",
                missing.join("\n  ")
            ));
        }
        let stale = open
            .keys()
            .filter(|key| !alive.iter().any(|id| names(key, id)));
        let stale: Vec<_> = stale.map(String::as_str).collect();
        if !stale.is_empty() {
            problems.push(format!(
                "'{list}' of harness/tests/mutants/open.json has lines that are no longer true, take them out:\n  {}",
                stale.join("\n  ")
            ));
        }
    }
    problems
}

/// Whether a line of `open.json` is about an id; with a star at its end it is about all that begin so.
fn names(key: &str, id: &str) -> bool {
    match key.strip_suffix('*') {
        Some(begin) => id.starts_with(begin),
        None => key == id,
    }
}

/// The sentence of the README.
fn score(
    mutants: usize,
    checks: &BTreeSet<String>,
    requirements: &BTreeSet<String>,
    killed: &Killed,
) -> String {
    let of = |all: &BTreeSet<String>, killed: &BTreeSet<String>| {
        format!("{} of {}", all.intersection(killed).count(), all.len())
    };
    let is_law = |id: &&String| id.starts_with("law.");
    let laws = checks.iter().filter(is_law).cloned().collect();
    format!(
        "{mutants} mutants, all killed for their reason; {} checks, {} laws among them, and {} binding requirements have a killer",
        of(checks, &killed.checks),
        of(&laws, &killed.checks),
        of(requirements, &killed.requirements)
    )
}

/// Mutant → the cases that kill it for its reason, for the run of everything.
pub(crate) fn matrix(results: &[Result]) -> String {
    let rows: BTreeMap<_, _> = results
        .iter()
        .map(|result| (result.mutant.id.as_str(), killers(result)))
        .collect();
    serde_json::to_string_pretty(&rows).unwrap()
}

/// What mutants killed.
#[derive(Debug, Default)]
struct Killed {
    checks: BTreeSet<String>,
    requirements: BTreeSet<String>,
    /// Cases that are some mutant's only killer.
    cases: BTreeSet<String>,
}

fn killed(results: &[Result]) -> Killed {
    let mut killed = Killed::default();
    for result in results {
        for (_, finding) in result.kills() {
            killed.checks.insert(family(&finding.id));
            killed.requirements.insert(finding.requirement.clone());
        }
        let killers = killers(result);
        if killers.len() == 1 {
            killed.cases.extend(killers);
        }
    }
    killed
}

/// The cases that kill a mutant for its reason.
fn killers(result: &Result) -> BTreeSet<String> {
    let instances = result.kills().map(|(instance, _)| instance);
    let cases = instances.map(|instance| instance.split('@').next().unwrap_or(instance));
    cases.map(str::to_owned).collect()
}

/// The checks that right servers saw, and those of the registry.
fn checks(stage: &Stage) -> BTreeSet<String> {
    let findings = stage
        .profiles
        .values()
        .flat_map(|right| right.findings.values().flatten());
    let seen = findings.map(|finding| family(&finding.id));
    let mut seen: BTreeSet<_> = seen.collect();
    let is_seen = |id: &str, seen: &BTreeSet<String>| {
        let part = format!("{id}.");
        seen.iter().any(|one| one == id || one.starts_with(&part))
    };
    for check in CHECKS {
        if !is_seen(check.id(), &seen) {
            seen.insert(check.id().to_owned());
        }
    }
    seen
}

/// What every profile promises, as far as it binds.
fn requirements(stage: &Stage) -> BTreeSet<String> {
    let mut promised = BTreeSet::new();
    for right in stage.profiles.values() {
        let session = &right.running.session;
        let binding = session
            .catalog
            .requirements
            .values()
            .filter(|requirement| requirement.level != Level::May);
        let ids = binding.map(|requirement| requirement.id.clone());
        promised.extend(ids.filter(|id| session.target.profile.promises(id)));
    }
    promised
}

fn cases(stage: &Stage) -> BTreeSet<String> {
    let instances = stage.profiles.values().flat_map(|right| &right.instances);
    instances
        .map(|instance| instance.case.id.as_str().to_owned())
        .collect()
}

/// `images.size`, `upstream.sent`, `json`: a check without what it was asked to look at.
fn family(id: &str) -> String {
    let id = bare(id);
    id.split(':').next().unwrap_or(id).to_owned()
}

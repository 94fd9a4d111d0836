//! What an author of cases would want to know beyond what cannot be used: rules that nobody judges, files that nobody
//! sends, cases that no profile can run, that say the same twice, or that look at nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use crate::case::{Case, Credential, Instance, variables};
use crate::catalog::Catalog;
use crate::run::applies::{Means, applies};
use crate::run::plan::{Selection, select};
use crate::target::{Secret, Target};

/// What the reason says of a profile that is about something else.
const UNPROMISED: &str = "promises none of its requirements";
/// Members of an expectation of an answer that look at more than its head.
const LOOKS: &[&str] = &[
    "error",
    "images",
    "json",
    "same_images_as",
    "schema",
    "usage",
];

/// Something that an author would want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The id of the case or requirement, or the name of the file.
    pub place: String,
    /// What there is to know.
    pub text: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// What a part of a catalogue is: whose cases, requirements and files are looked at.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Ids of cases.
    pub cases: BTreeSet<String>,
    /// Ids of requirements.
    pub requirements: BTreeSet<String>,
    /// Names of files of `images/`.
    pub files: BTreeSet<String>,
}

impl Part {
    /// What a catalogue has and another has not.
    #[must_use]
    pub fn between(whole: &Catalog, without: &Catalog) -> Self {
        let cases = |catalog: &Catalog| -> BTreeSet<String> {
            catalog
                .cases
                .iter()
                .map(|case| case.id.to_string())
                .collect()
        };
        let rows = |catalog: &Catalog| catalog.requirements.keys().cloned().collect();
        let files = |catalog: &Catalog| catalog.files.names().map(str::to_owned).collect();
        let minus = |of: &dyn Fn(&Catalog) -> BTreeSet<String>| &of(whole) - &of(without);
        Self {
            cases: minus(&cases),
            requirements: minus(&rows),
            files: minus(&files),
        }
    }
}

/// Everything that there is to know of a part, in the order of the catalogue.
#[must_use]
pub fn advice(catalog: &Catalog, part: &Part) -> Vec<Advice> {
    let mut found = Vec::new();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let runnable = runnable(catalog);
    for case in &catalog.cases {
        let id = case.id.to_string();
        let first = known
            .entry(form(case))
            .or_insert_with(|| id.clone())
            .clone();
        if !part.cases.contains(&id) {
            continue;
        }
        let mut say = |text: String| {
            found.push(Advice {
                place: id.clone(),
                text,
            });
        };
        if first != id {
            say(format!("it asks and expects the same as {first}"));
        }
        if let Some(reason) = runnable.get(&id) {
            say(format!("no built-in profile can run it: {reason}"));
        }
        if !case.steps.iter().any(looks) {
            say(
                "it looks neither at a body nor at what arrived upstream, and no law does"
                    .to_owned(),
            );
        }
    }
    found.extend(idle(catalog, part));
    found
}

/// Requirements that no case judges and files that none sends.
fn idle(catalog: &Catalog, part: &Part) -> Vec<Advice> {
    let cases = || catalog.cases.iter();
    let judged: BTreeSet<&str> = cases().flat_map(|case| case.requirements()).collect();
    let is_law = |id: &str| id.starts_with("law.");
    let rows = part.requirements.iter();
    let rows = rows.filter(|id| !judged.contains(id.as_str()) && !is_law(id));
    let rows = rows.map(|id| Advice {
        place: id.clone(),
        text: "no case judges this requirement".to_owned(),
    });
    let sent: BTreeSet<String> = cases().flat_map(|case| files(case)).collect();
    let idle = part.files.iter().filter(|name| !sent.contains(*name));
    let idle = idle.map(|name| Advice {
        place: format!("images/{name}"),
        text: "no case sends this file".to_owned(),
    });
    rows.chain(idle).collect()
}

fn files(case: &Case) -> BTreeSet<String> {
    let spelt = ["files.", "base64."].into_iter().flat_map(|family| {
        let names = variables(&case.steps, family).into_iter();
        names.map(move |name| name[family.len()..].to_owned())
    });
    let parts = case.files().into_iter().map(str::to_owned);
    spelt.chain(parts).collect()
}

/// A case without what does not change what it does.
fn form(case: &Case) -> String {
    let need = |need: &crate::case::Need| format!("{need:?}");
    json!({
        "matrix": case.matrix,
        "needs": case.needs.iter().map(need).collect::<Vec<_>>(),
        "model": case.model.as_ref().map(|model| format!("{model:?}")),
        "steps": case.steps,
    })
    .to_string()
}

/// Whether anything but the head of the answer is judged. What an operation answers is read by the laws.
fn looks(step: &Value) -> bool {
    let has = |name: &str| step.pointer(&format!("/expect/{name}")).is_some();
    let responses = step.pointer("/expect/response").and_then(Value::as_array);
    let mut responses = responses.into_iter().flatten();
    let reads = responses.any(|expected| LOOKS.iter().any(|name| expected.get(name).is_some()));
    let is_operation = step.pointer("/request/operation").is_some();
    is_operation
        || reads
        || has("stream")
        || has("upstream")
        || has("snapshot")
        || step.get("save").is_some()
}

/// Cases that no profile can run, with a reason. A profile is taken with every credential.
fn runnable(catalog: &Catalog) -> BTreeMap<String, String> {
    let mut reasons: BTreeMap<String, String> = BTreeMap::new();
    let mut can = BTreeSet::new();
    let ids: Vec<_> = catalog.profiles.keys().cloned().collect();
    for id in ids {
        let Some(target) = catalog.profile(&id).map(target) else {
            continue;
        };
        let means = Means {
            upstream: true,
            slow: true,
            paid: true,
        };
        for instance in every(catalog, &target) {
            let case = instance.case.id.to_string();
            match applies(&instance, &target, means) {
                Ok(()) => drop(can.insert(case)),
                // That a profile is about something else says less than what its targets lack.
                Err(reason) if !reason.contains(UNPROMISED) => drop(reasons.insert(case, reason)),
                Err(reason) => drop(reasons.entry(case).or_insert(reason)),
            }
        }
    }
    let unrun = catalog.cases.iter().map(|case| case.id.to_string());
    let unrun = unrun.filter(|id| !can.contains(id));
    unrun
        .map(|id| {
            let reason = reasons.remove(&id);
            (
                id,
                reason.unwrap_or_else(|| "no model of theirs fits".to_owned()),
            )
        })
        .collect()
}

/// Every instance, sentinels as well.
fn every(catalog: &Catalog, target: &Target) -> Vec<Instance> {
    let mut all = select(catalog, target, &Selection::default());
    let sentinels = catalog
        .cases
        .iter()
        .filter(|case| case.id.as_str().starts_with("sentinel/"));
    all.extend(sentinels.flat_map(|case| Instance::all(case, &[])));
    all
}

fn target(profile: crate::profile::Profile) -> Target {
    let key = Secret {
        value: "sk-nothing".to_owned(),
        shown: "sk-nothing".to_owned(),
    };
    let mut target = Target::of_url("http://localhost", profile, key.clone());
    for role in [
        Credential::Second,
        Credential::OtherGroup,
        Credential::NoImages,
        Credential::NoGroup,
    ] {
        target.credentials.insert(role, key.clone());
    }
    target
}

//! Trials about the run as a whole, which no single case can be: they look at data only, so that they mean the same
//! in a process of their own.

use libtest_mimic::{Failed, Trial};

use crate::expectation::Expectations;
use crate::requirement::Level;
use crate::run::applies::applies;
use crate::run::plan::{Selection, select};
use crate::run::setup::Outline;

/// The trials, two for each profile.
pub(super) fn trials(outlines: &[Outline]) -> Vec<Trial> {
    let trials = outlines.iter().flat_map(|outline| {
        let profile = &outline.target.profile.id;
        let (expectations, coverage) = (expectations(outline), coverage(outline));
        [
            Trial::test(format!("meta::{profile}::expectations"), || expectations),
            Trial::test(format!("meta::{profile}::coverage"), || coverage),
        ]
    });
    trials.collect()
}

/// Every known failure names a case that applies: one that never runs excuses nothing and never goes stale.
fn expectations(outline: &Outline) -> Result<(), Failed> {
    let everything = select(&outline.catalog, &outline.target, &Selection::default());
    let judged = |instance: &&crate::case::Instance| {
        applies(instance, &outline.target, outline.means).is_ok()
    };
    let Expectations { entries } = &outline.expectations;
    let idle = entries.iter().filter(|entry| {
        let mut named = everything
            .iter()
            .filter(|instance| instance.matches(&entry.pattern));
        !named.any(|instance| judged(&instance))
    });
    let idle: Vec<_> = idle
        .map(|entry| format!("'{}' names nothing that applies to this target", entry.text))
        .collect();
    match idle.as_slice() {
        [] => Ok(()),
        lines => Err(lines.join("\n").into()),
    }
}

/// Something applies, and it judges some MUST of the profile: green means that something was looked at.
fn coverage(outline: &Outline) -> Result<(), Failed> {
    let everything = select(&outline.catalog, &outline.target, &Selection::default());
    let musts = everything.iter().filter(|instance| {
        let binds = |id: &&str| {
            let requirement = outline.catalog.requirements.get(*id);
            let is_must = requirement.is_some_and(|one| one.level == Level::Must);
            is_must && outline.target.profile.promises(id)
        };
        applies(instance, &outline.target, outline.means).is_ok()
            && instance.case.requirements().iter().any(binds)
    });
    if musts.count() > 0 {
        return Ok(());
    }
    Err(format!(
        "no case applies that judges a MUST of the profile {}: a green run would prove nothing",
        outline.target.profile.id
    )
    .into())
}

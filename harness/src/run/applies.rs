//! Whether a case applies to a target: one function for selection and report alike.

use crate::case::{Case, Instance, Need, Scope};
use crate::operation::Operation;
use crate::run::plan::{Lane, lane};
use crate::target::{Target, overlay};

/// What a run has, beside its target.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// A mock upstream, whose journal and scripts can be used.
    pub upstream: bool,
    /// Slow cases were asked for.
    pub slow: bool,
    /// Requests may cost money.
    pub paid: bool,
}

/// Whether an instance applies.
///
/// # Errors
/// Why not, in half a sentence.
pub fn applies(instance: &Instance, target: &Target, means: Means) -> Result<(), String> {
    let case = &*instance.case;
    promised(case, target)?;
    for need in &case.needs {
        has(need, instance, target)?;
    }
    for role in case.credentials() {
        if !target.has_credential(role) {
            return Err(format!(
                "the target has no credential for the role '{}'",
                role.as_str()
            ));
        }
    }
    for step in &case.steps {
        let operation = step
            .pointer("/request/operation")
            .and_then(|name| serde_json::from_value::<Operation>(name.clone()).ok());
        if let Some(operation) =
            operation.filter(|operation| !target.profile.paths.contains_key(operation))
        {
            return Err(format!("the target has no operation '{operation}'"));
        }
    }
    if let Some(member) = overlay::conflict(case, &target.body) {
        return Err(format!(
            "the target's body says '{member}', and the case is about that"
        ));
    }
    if case.needs_upstream() && !means.upstream {
        return Err("it needs a mock upstream".to_owned());
    }
    if !means.upstream && !means.paid && lane(instance) == Lane::Good {
        return Err("it would cost money: run it with --allow-paid".to_owned());
    }
    if case.slow && !means.slow {
        return Err("it is slow: run it with --slow".to_owned());
    }
    for variable in crate::case::variables(&case.steps, "models.") {
        let key = variable.trim_start_matches("models.");
        if !target.profile.models.contains_key(key) {
            return Err(format!("the target's model table has no '{key}'"));
        }
    }
    Ok(())
}

fn promised(case: &Case, target: &Target) -> Result<(), String> {
    let requirements = case.requirements();
    if requirements
        .iter()
        .any(|requirement| target.profile.promises(requirement))
    {
        return Ok(());
    }
    Err(format!(
        "the profile {} promises none of its requirements ({})",
        target.profile.id,
        requirements.join(", ")
    ))
}

fn has(need: &Need, instance: &Instance, target: &Target) -> Result<(), String> {
    match need {
        Need::Feature(feature) => {
            let mut scope = Scope::default();
            instance.bind(&mut scope);
            let feature = match scope.fill(&feature.as_str().into()) {
                Ok(serde_json::Value::String(feature)) => feature,
                _ => feature.clone(),
            };
            if target.profile.features.contains(&feature) {
                return Ok(());
            }
            Err(format!("the target does not have the feature '{feature}'"))
        }
        Need::Credential(role) if !target.has_credential(*role) => Err(format!(
            "the target has no credential for the role '{}'",
            role.as_str()
        )),
        Need::Limit { name, at_least } => {
            let mut scope = Scope::default();
            instance.bind(&mut scope);
            let least = scope.fill(at_least).ok().and_then(|least| least.as_i64());
            match (target.profile.limits.get(name), least) {
                (Some(limit), Some(least)) if *limit >= least => Ok(()),
                (Some(limit), Some(least)) => Err(format!(
                    "the target's limit '{name}' is {limit}, it needs {least}"
                )),
                _ => Err(format!("the target says nothing of the limit '{name}'")),
            }
        }
        Need::Credential(_) => Ok(()),
    }
}

//! `image-harness explain ID`: a case in words, with the requirements that it rests on.

use clap::Args;
use serde_json::Value;

use crate::case::{Case, Pattern};
use crate::catalog::{Catalog, nearest};
use crate::cli::{Stopped, TargetArgs, env, pattern};
use crate::run::applies::applies;
use crate::run::plan::{Selection, select};
use crate::run::setup::{Outline, outline};
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The id of a case, an instance, or a pattern.
    #[arg(value_name = "ID", value_parser = pattern)]
    id: Pattern,
    #[command(flatten)]
    target: TargetArgs,
}

impl Explain {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let outline = outline(&self.target.options(None, false), &env)?;
        let selection = Selection {
            cases: vec![self.id.clone()],
            ..Selection::default()
        };
        let instances = select(&outline.catalog, &outline.target, &selection);
        if instances.is_empty() {
            let known = outline.catalog.cases.iter().map(|case| case.id.as_str());
            let message = format!(
                "no case '{}': did you mean {}?",
                self.id.as_str(),
                nearest(self.id.as_str(), known)
            );
            return Err(Stopped {
                exit: Exit::Nothing,
                message,
            });
        }
        let mut out = std::io::stdout().lock();
        let mut last = None;
        for instance in &instances {
            if last != Some(&instance.case.id) {
                write_case(&mut out, &instance.case, &outline.catalog)?;
                last = Some(&instance.case.id);
            }
            write_instance(&mut out, instance, &outline)?;
        }
        Ok(Exit::Good)
    }
}

fn write_case(
    out: &mut impl std::io::Write,
    case: &Case,
    catalog: &Catalog,
) -> std::io::Result<()> {
    writeln!(out, "\n{}\n  {}", case.id, case.summary)?;
    for (name, values) in &case.matrix {
        writeln!(out, "  for {name} in {}", Value::Array(values.clone()))?;
    }
    for bug in &case.bugs {
        writeln!(out, "  broken before: {bug}")?;
    }
    for (index, step) in case.steps.iter().enumerate() {
        writeln!(out, "\n  step {}", index + 1)?;
        for part in [
            "request",
            "upstream",
            "expect",
            "save",
            "disconnect",
            "read",
            "poll",
            "parallel",
        ] {
            if let Some(value) = step.get(part) {
                let text = serde_json::to_string_pretty(value).unwrap_or_default();
                writeln!(out, "    {part}: {}", text.replace('\n', "\n    "))?;
            }
        }
    }
    writeln!(out, "\n  rests on")?;
    for id in case.requirements() {
        if let Some(requirement) = catalog.requirements.get(id) {
            let level = requirement.level.as_str();
            writeln!(out, "    {id} ({level}): {}", requirement.summary)?;
            writeln!(
                out,
                "      \"{}\"\n      {} (read {})",
                requirement.quote, requirement.url, requirement.read
            )?;
        }
    }
    writeln!(out, "\n  instances")
}

fn write_instance(
    out: &mut impl std::io::Write,
    instance: &crate::case::Instance,
    outline: &Outline,
) -> std::io::Result<()> {
    match applies(instance, &outline.target, outline.means) {
        Ok(()) => writeln!(
            out,
            "    {} applies to the profile {}",
            instance.id, outline.target.profile.id
        ),
        Err(reason) => writeln!(out, "    {} does not apply: {reason}", instance.id),
    }
}

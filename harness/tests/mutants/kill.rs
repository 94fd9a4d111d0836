//! One mutant: the cases that should notice it, and what they noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use harness::case::{Instance, Pattern};
use harness::check::Finding;
use mutation::Mutant;
use tokio::sync::Semaphore;

use crate::stage::{Right, Stage, bare, is_broken, means, started};

/// So many mutants at a time; each runs its cases one after the other.
const AT_ONCE: usize = 4;
/// For each thing that a mutant kills, so many instances of cases are run.
const MOST: usize = 6;

/// What became of a mutant.
pub(crate) struct Result {
    pub(crate) mutant: Mutant,
    /// Instances that were run.
    ran: Vec<String>,
    /// Instance and finding, for each that is broken and was not before.
    pub(crate) broken: Vec<(String, Finding)>,
}

/// Runs every mutant.
pub(crate) async fn all(stage: &Arc<Stage>, mutants: Vec<Mutant>) -> Vec<Result> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = tokio::task::JoinSet::new();
    for (index, mutant) in mutants.into_iter().enumerate() {
        let (places, stage) = (Arc::clone(&places), Arc::clone(stage));
        running.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            (index, one(&stage, mutant).await)
        });
    }
    let mut results = BTreeMap::new();
    while let Some(done) = running.join_next().await {
        let (index, result) = done.unwrap();
        results.insert(index, result);
    }
    results.into_values().collect()
}

/// Runs one mutant on its cases.
pub(crate) async fn one(stage: &Stage, mutant: Mutant) -> Result {
    let right = stage.right(&mutant.profile);
    let instances = instances(right, &mutant);
    run(right, mutant, &instances, false).await
}

/// Runs a mutant on these instances, or until the first of them notices it.
pub(crate) async fn run(
    right: &Right,
    mutant: Mutant,
    instances: &[&Instance],
    until_noticed: bool,
) -> Result {
    let running = started(&mutant.profile, Some(&mutant)).await;
    let mut result = Result {
        mutant,
        ran: Vec::new(),
        broken: Vec::new(),
    };
    for instance in instances {
        if until_noticed && !result.broken.is_empty() {
            break;
        }
        let outcome = running.session.run(instance).await;
        let known = right.known(&instance.id);
        let is_new = |finding: &Finding| {
            let key = (finding.id.clone(), finding.requirement.clone());
            is_broken(finding) && !known.contains(&key)
        };
        let findings = outcome.findings.into_iter().filter(is_new);
        result
            .broken
            .extend(findings.map(|finding| (instance.id.clone(), finding)));
        result.ran.push(instance.id.clone());
    }
    result
}

/// The cases that a mutant is run on: those that judge what it kills.
fn instances<'r>(right: &'r Right, mutant: &Mutant) -> Vec<&'r Instance> {
    let patterns: Vec<_> = mutant
        .cases
        .iter()
        .map(|pattern| Pattern::parse(pattern).unwrap())
        .collect();
    let named: Vec<_> = right
        .instances
        .iter()
        .filter(|instance| {
            patterns.is_empty() || patterns.iter().any(|pattern| instance.matches(pattern))
        })
        .collect();
    if std::env::var("MUTANTS_FULL").is_ok() {
        return right.instances.iter().collect();
    }
    let mut chosen = BTreeSet::new();
    for name in &mutant.kills {
        let judging: Vec<_> = named
            .iter()
            .filter(|instance| {
                let findings = right.findings.get(&instance.id);
                findings.is_some_and(|all| all.iter().any(|finding| means(name, finding)))
            })
            .collect();
        // One instance of each case before a second one of any.
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut ranked: Vec<_> = judging
            .iter()
            .map(|instance| {
                let rank = seen.entry(instance.case.id.as_str()).or_default();
                *rank += 1;
                (*rank, instance.id.as_str())
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let most = if patterns.is_empty() { MOST } else { 2 * MOST };
        chosen.extend(ranked.into_iter().take(most).map(|(_, id)| id));
    }
    named
        .into_iter()
        .filter(|instance| chosen.contains(instance.id.as_str()))
        .collect()
}

impl Result {
    /// The findings that it was to break.
    pub(crate) fn kills(&self) -> impl Iterator<Item = &(String, Finding)> {
        let kills = &self.mutant.kills;
        self.broken
            .iter()
            .filter(|(_, finding)| kills.iter().any(|name| means(name, finding)))
    }

    /// What is wrong with it; none if it died for its reason.
    pub(crate) fn problem(&self) -> Option<String> {
        let survived: Vec<_> = self
            .mutant
            .kills
            .iter()
            .filter(|name| !self.broken.iter().any(|(_, finding)| means(name, finding)))
            .map(String::as_str)
            .collect();
        let full = std::env::var("MUTANTS_FULL").is_ok();
        let (kills, may) = (&self.mutant.kills, &self.mutant.may);
        // Whatever is wrong with a relayed answer, it is another one than the provider's.
        let is_expected = |finding: &Finding| {
            finding.id.ends_with("law.transparent")
                || kills.iter().chain(may).any(|name| means(name, finding))
        };
        let beyond: BTreeSet<_> = self
            .broken
            .iter()
            .filter(|(_, finding)| !full && !is_expected(finding))
            .map(|(instance, finding)| shown(instance, finding))
            .collect();
        if survived.is_empty() && beyond.is_empty() {
            return None;
        }
        let head = format!("{} ({})", self.mutant.id, self.mutant.summary);
        let mut lines = vec![head];
        if self.ran.is_empty() {
            let kills = self.mutant.kills.join(", ");
            lines.push(format!(
                "  no case of the profile {} judges {kills}: add one, or mend 'cases' and 'kills' of the mutant",
                self.mutant.profile
            ));
        } else if !survived.is_empty() {
            lines.push(format!(
                "  survived {}: mend the check, or add a case to the {} that ran ({})",
                survived.join(", "),
                self.ran.len(),
                self.ran.join(", ")
            ));
        }
        if !beyond.is_empty() {
            lines.push("  broke what it does not name in 'kills' or 'may':".to_owned());
            lines.extend(beyond.into_iter().map(|line| format!("    {line}")));
        }
        Some(lines.join("\n"))
    }

    /// Everything that it broke, for people.
    pub(crate) fn shown(&self) -> String {
        let lines: BTreeSet<_> = self
            .broken
            .iter()
            .map(|(instance, finding)| format!("  {}\n", shown(instance, finding)))
            .collect();
        format!(
            "{}: {} cases\n{}",
            self.mutant.id,
            self.ran.len(),
            lines.into_iter().collect::<String>()
        )
    }
}

fn shown(instance: &str, finding: &Finding) -> String {
    let message = finding
        .mismatch
        .as_ref()
        .map(|mismatch| mismatch.message.as_str());
    let message: String = message.unwrap_or_default().chars().take(120).collect();
    format!(
        "{} [{}] {} in {instance}: {message}",
        bare(&finding.id),
        finding.requirement,
        finding.verdict
    )
}

//! The kill matrix: servers that are wrong in one thing each, and the proof that the suite fails them for that reason
//! and for no other.
//!
//! `fixtures/mutants` has the mutants, `open.json` beside this file what is known to be missing, with reasons.
//! `MUTANT=PATTERN` runs some of them and shows what each breaks; `MUTANTS_FULL=FILE` runs each on every case, which takes
//! an hour or so, and writes down which cases kill it.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod coverage;
mod kill;
mod stage;
mod unannounced;

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::stage::Stage;

/// Every profile that mutants are run with.
pub(crate) const PROFILES: &[&str] = &[
    "azure",
    "gemini",
    "openai",
    "openai-images",
    "platform",
    "router",
    "vertex",
];

/// Some cases look at the clock: the tests of this file take turns.
pub(crate) static TURN: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_mutant_is_killed_for_its_reason() {
    let _turn = TURN.lock().await;
    let begun = std::time::Instant::now();
    let mutants = wanted(mutation::builtin().unwrap());
    let stage = Arc::new(Stage::start(PROFILES).await);
    let results = kill::all(&stage, mutants).await;
    let mut problems: Vec<String> = results.iter().filter_map(kill::Result::problem).collect();
    if let Ok(file) = std::env::var("MUTANTS_FULL") {
        std::fs::write(file, coverage::matrix(&results)).unwrap();
    } else if std::env::var("MUTANT").is_ok() {
        for result in &results {
            println!("{}", result.shown());
        }
    } else {
        problems.extend(coverage::problems(&stage, &results));
    }
    println!(
        "{} mutants in {:.1} s",
        results.len(),
        begun.elapsed().as_secs_f32()
    );
    assert!(
        problems.is_empty(),
        "{} problems\n\n{}",
        problems.len(),
        problems.join("\n\n")
    );
}

/// Those that `MUTANT` names; all without it.
fn wanted(mutants: Vec<mutation::Mutant>) -> Vec<mutation::Mutant> {
    let Ok(pattern) = std::env::var("MUTANT") else {
        return mutants;
    };
    let named = |id: &str| {
        pattern.split(',').any(|one| match one.strip_suffix('*') {
            Some(begin) => id.starts_with(begin),
            None => id == one,
        })
    };
    mutants
        .into_iter()
        .filter(|mutant| named(&mutant.id))
        .collect()
}

//! The doctor: looks step by step why a target cannot be tested, says what to do, and what the target file could say.
//!
//! It asks for nothing that costs money: requests are refused by every provider, until the journal of the mock shows
//! that the mock is the provider, or the caller allows payment.

mod ability;
mod ask;
mod key;
mod operation;
mod reach;
mod suggestion;
mod upstream;

use crate::run::setup::{self, Options, SetupError};
use crate::verdict::Exit;

use ask::Asker;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Good,
    /// Worth a look.
    Note,
    /// The target cannot be tested like this.
    Bad,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// In one word.
    pub name: &'static str,
    /// What it came to.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do.
    pub advice: Option<String>,
}

/// What the doctor found.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// In the order in which it was looked at; what comes after a bad step that everything rests on is missing.
    pub steps: Vec<Step>,
    /// A target file; none where there is nothing to suggest.
    pub suggestion: Option<String>,
}

impl Step {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, State::Good, found, None)
    }

    fn note(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, State::Note, found, Some(advice.into()))
    }

    fn bad(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, State::Bad, found, Some(advice.into()))
    }

    fn new(
        name: &'static str,
        state: State,
        found: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            name,
            state,
            found: found.into(),
            advice,
        }
    }
}

impl Diagnosis {
    /// What the process exits with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.steps.iter().any(|step| step.state == State::Bad) {
            true => Exit::Error,
            false => Exit::Good,
        }
    }

    /// Adds steps; says whether what comes next can rest on them.
    fn add(&mut self, steps: impl IntoIterator<Item = Step>) -> bool {
        let before = self.steps.len();
        self.steps.extend(steps);
        self.steps[before..]
            .iter()
            .all(|step| step.state != State::Bad)
    }
}

/// Looks at a target. Secrets of the target are masked in what it gives.
///
/// # Errors
/// A command line or file that cannot be used; everything else is a step.
pub async fn examine(
    options: &Options,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Result<Diagnosis, SetupError> {
    let mut diagnosis = Diagnosis::default();
    let opened = match setup::open(options, env).await {
        Ok(opened) => opened,
        Err(error) if error.exit() == Exit::Usage => return Err(error),
        Err(error) => {
            let advice = "everything else waits for this";
            diagnosis.add([Step::bad("set-up", setup::told(&error), advice)]);
            return Ok(diagnosis);
        }
    };
    let asker = Asker::new(&opened);
    look(&asker, env, &mut diagnosis).await;
    let redactor = crate::redact::Redactor::of(&opened.session.target);
    for step in &mut diagnosis.steps {
        step.found = redactor.text(&step.found);
        step.advice = step.advice.as_deref().map(|text| redactor.text(text));
    }
    diagnosis.suggestion = diagnosis.suggestion.map(|text| redactor.text(&text));
    Ok(diagnosis)
}

async fn look(
    asker: &Asker<'_>,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
    diagnosis: &mut Diagnosis,
) {
    if !diagnosis.add(reach::reach(asker, env).await) {
        return;
    }
    let Some(probed) = asker.probe().await else {
        let advice = "give [models.image] (or chat) an operation for which the profile has a path";
        diagnosis.add([Step::bad(
            "model",
            "the model table fits no operation",
            advice,
        )]);
        return;
    };
    let connected = match upstream::steps(asker, &probed).await {
        Ok(steps) => diagnosis.add(steps),
        Err(error) => diagnosis.add([Step::bad(
            "upstream",
            error.to_string(),
            "is the mock still running?",
        )]),
    };
    let operations = operation::found(asker).await;
    diagnosis.add([operation::step(&operations)]);
    if !connected || !asker.may_pay() {
        return;
    }
    let abilities = ability::found(asker, &operations).await;
    diagnosis.add(abilities.steps());
    diagnosis.suggestion = suggestion::text(asker, &operations, &abilities);
}

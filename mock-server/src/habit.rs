//! Habits: what a provider was seen to do as well, though not by default. A scenario switches one on for the calls
//! that it applies to; by itself it is neither an error nor damage. One line each in [`HABITS`].

/// A behaviour that a scenario switches on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habit {
    /// The kebab-case name in scenarios.
    pub name: &'static str,
    /// What it does, in half a sentence.
    pub summary: &'static str,
}

/// Azure: keys are switched off, as many resources have it; tokens are taken.
pub const NO_KEYS: Habit = Habit {
    name: "no-keys",
    summary: "Azure: keys are switched off, only tokens are taken",
};

/// Azure: `model` in the body of a path that names a deployment must be the model behind it.
pub const STRICT_MODEL: Habit = Habit {
    name: "strict-model",
    summary: "Azure: a body that names another model than the deployment's is refused",
};

/// Every habit.
pub static HABITS: &[Habit] = &[NO_KEYS, STRICT_MODEL];

/// The habit with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<Habit> {
    HABITS.iter().find(|habit| habit.name == name).copied()
}

//! The lattice of outcomes: the worst child decides.

use serde::{Deserialize, Serialize};

/// The outcome of a case or of one of its checks, from good to bad.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The target does not claim what the case is about.
    #[default]
    NotApplicable,
    /// Everything held.
    Pass,
    /// Something that SHOULD hold did not.
    Warn,
    /// Listed as flaky, whatever it did.
    Flaky,
    /// Listed as failing, and it failed.
    ExpectedFail,
    /// A case that it depends on did not pass.
    Blocked,
    /// It failed while the target was unwell after a fault.
    Contaminated,
    /// Listed as failing, but it passed.
    UnexpectedPass,
    /// It applies, but the situation that it is about did not come about.
    Untestable,
    /// The target broke a rule.
    Fail,
    /// The harness or its set-up is wrong, not the target.
    Error,
}

impl Verdict {
    /// Every verdict, from good to bad.
    pub const ALL: [Self; 11] = [
        Self::NotApplicable,
        Self::Pass,
        Self::Warn,
        Self::Flaky,
        Self::ExpectedFail,
        Self::Blocked,
        Self::Contaminated,
        Self::UnexpectedPass,
        Self::Untestable,
        Self::Fail,
        Self::Error,
    ];

    /// The kebab-case name that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Flaky => "flaky",
            Self::ExpectedFail => "expected-fail",
            Self::Blocked => "blocked",
            Self::Contaminated => "contaminated",
            Self::UnexpectedPass => "unexpected-pass",
            Self::Untestable => "untestable",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }

    /// Whether what depends on a case with this verdict cannot be judged. A case that does not apply says
    /// nothing against those that do.
    #[must_use]
    pub fn blocks(self) -> bool {
        !matches!(self, Self::NotApplicable | Self::Pass | Self::Warn)
    }

    /// Whether nothing speaks for running it again: it passed, or nobody asked for it, or its failure is known.
    #[must_use]
    pub fn is_settled(self) -> bool {
        self <= Self::ExpectedFail
    }

    /// Whether the verdict alone makes a run fail (exit code 1 or 3).
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::UnexpectedPass | Self::Untestable | Self::Fail | Self::Error
        )
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a command ends, the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was selected passed, warned, or was excused.
    Good = 0,
    /// Some case failed, was untestable, or passed against its entry.
    Failed = 1,
    /// The command line or a file of the user's cannot be used.
    Usage = 2,
    /// An error of ours, a failed set-up, or a run that proves nothing.
    Error = 3,
    /// Nothing was selected, or nothing applies.
    Nothing = 4,
}

impl Exit {
    /// Every exit code, in order.
    pub const ALL: [Self; 5] = [
        Self::Good,
        Self::Failed,
        Self::Usage,
        Self::Error,
        Self::Nothing,
    ];

    /// What a set of case verdicts amounts to.
    #[must_use]
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let worst = verdicts
            .into_iter()
            .fold((Verdict::NotApplicable, false), |(worst, any), verdict| {
                (worst.max(verdict), any || verdict.is_failure())
            });
        match worst {
            (Verdict::NotApplicable, _) => Self::Nothing,
            (Verdict::Error, _) => Self::Error,
            (_, true) => Self::Failed,
            _ => Self::Good,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_exit_code_that_applies() {
        use Verdict::*;
        assert_eq!(Exit::of([]), Exit::Nothing);
        assert_eq!(Exit::of([NotApplicable]), Exit::Nothing);
        assert_eq!(Exit::of([Pass, NotApplicable, Warn]), Exit::Good);
        assert_eq!(Exit::of([Pass, Blocked, Contaminated]), Exit::Good);
        assert_eq!(Exit::of([Pass, UnexpectedPass]), Exit::Failed);
        assert_eq!(Exit::of([Fail, Error]), Exit::Error);
    }

    #[test]
    fn names_are_the_wire_names() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
        }
    }
}

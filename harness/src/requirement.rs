//! Requirements: what a target owes, in whose words, how strongly.

use serde::Deserialize;

/// How strongly something is required; decides what a broken expectation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Breaking it fails.
    Must,
    /// Breaking it warns.
    Should,
    /// Breaking it is reported and nothing else.
    May,
}

impl Level {
    /// `MUST`, `SHOULD`, `MAY`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

/// One thing that a target owes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Dot-separated, the source first.
    pub id: String,
    /// How strongly.
    pub level: Level,
    /// In our words.
    pub summary: String,
    /// In the source's words.
    pub quote: String,
    /// Where they stand.
    pub url: String,
    /// The day on which they were read there.
    pub read: String,
    /// The dated set in which it came; that of its file where the row does not say it.
    #[serde(default)]
    pub since: String,
    /// It came with the set of this run: for this one set a broken MUST warns.
    #[serde(skip)]
    pub provisional: bool,
}

impl Requirement {
    /// How strongly it binds in this run.
    #[must_use]
    pub fn weight(&self) -> Level {
        match self.level {
            Level::Must if self.provisional => Level::Should,
            level => level,
        }
    }
}

/// Something that a source says and that is not tested, with the reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excluded {
    /// Dot-separated, the source first.
    pub id: String,
    /// In the source's words.
    pub quote: String,
    /// Where they stand.
    pub url: String,
    /// Why not.
    pub reason: String,
}

/// One source of requirements: a file, without its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The source's short name.
    pub name: String,
    /// The source's title.
    pub title: String,
    /// The ids of its rows, in the order of the file.
    pub rows: Vec<String>,
    /// The ids of what it says and nobody tests.
    pub excluded: Vec<String>,
}

/// One file of requirements.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequirementFile {
    /// The schema of the file; not used by the reader.
    #[serde(rename = "$schema", default)]
    pub schema: String,
    /// The source's short name.
    pub source: String,
    /// The source's title.
    pub title: String,
    /// The dated set that the rows belong to, `2026-11`.
    pub set: String,
    /// The rows.
    pub requirements: Vec<Requirement>,
    /// What is not tested.
    #[serde(default)]
    pub excluded: Vec<Excluded>,
}

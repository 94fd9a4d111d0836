//! From requirement to check: what is required, in whose words, and which cases judge it; and what sources say that
//! nobody tests, with the reason.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalog::Catalog;
use crate::check::CHECKS;
use crate::profile::Profile;
use crate::requirement::{Requirement, Source};

/// Everything that is required, by source.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// The dated set.
    pub set: String,
    /// The profile that it is about; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// By source, built-in ones first.
    pub sources: Vec<SourceRows>,
    /// What the profile takes out, with the reason.
    pub except: Vec<Excepted>,
}

/// What one source says.
#[derive(Clone, Debug, Serialize)]
pub struct SourceRows {
    /// The source's short name.
    pub source: String,
    /// The source's title.
    pub title: String,
    /// What is required.
    pub requirements: Vec<Row>,
    /// What is not tested.
    pub excluded: Vec<Untested>,
}

/// One requirement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Dot-separated, the source first.
    pub id: String,
    /// `MUST`, `SHOULD`, `MAY`.
    pub level: &'static str,
    /// For this one set, a broken MUST warns.
    pub provisional: bool,
    /// In our words.
    pub summary: String,
    /// In the source's words.
    pub quote: String,
    /// Where they stand.
    pub url: String,
    /// The day on which they were read there.
    pub read: String,
    /// It is judged in every exchange that it can be about, whatever the case.
    pub law: bool,
    /// The ids of the cases that name it, sorted.
    pub cases: Vec<String>,
    /// The ids of the profiles that promise it, sorted.
    pub profiles: Vec<String>,
}

/// Something that a source says and nobody tests.
#[derive(Clone, Debug, Serialize)]
pub struct Untested {
    /// Dot-separated, the source first.
    pub id: String,
    /// In the source's words.
    pub quote: String,
    /// Where they stand.
    pub url: String,
    /// Why not.
    pub reason: String,
}

/// A requirement that a profile takes out.
#[derive(Clone, Debug, Serialize)]
pub struct Excepted {
    /// The id, or a pattern.
    pub requirement: String,
    /// Why.
    pub reason: String,
}

impl Row {
    /// Whether anything judges it.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        self.law || !self.cases.is_empty()
    }
}

impl Table {
    /// Of a catalogue; with a profile, only what that promises.
    #[must_use]
    pub fn of(catalog: &Catalog, profile: Option<&Profile>) -> Self {
        let mut cases: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for case in &catalog.cases {
            for id in case.requirements() {
                cases.entry(id).or_default().push(case.id.to_string());
            }
        }
        let profiles = catalog.profiles.keys();
        let profiles: Vec<_> = profiles.filter_map(|id| catalog.profile(id)).collect();
        let promising = |id: &str| {
            let promising = profiles.iter().filter(|profile| profile.promises(id));
            promising.map(|profile| profile.id.clone()).collect()
        };
        let promised = |id: &str| profile.is_none_or(|profile| profile.promises(id));
        let rows = |source: &Source| {
            let rows = source.rows.iter().filter(|id| promised(id));
            let rows = rows.filter_map(|id| catalog.requirements.get(id));
            let named = |id: &str| cases.get(id).cloned().unwrap_or_default();
            rows.map(|row| of_requirement(row, named(&row.id), promising(&row.id)))
                .collect()
        };
        let sources = catalog.sources.iter().map(|source| SourceRows {
            source: source.name.clone(),
            title: source.title.clone(),
            requirements: rows(source),
            excluded: untested(catalog, source),
        });
        let sources = sources.filter(|source| profile.is_none() || !source.requirements.is_empty());
        let except = profile.into_iter().flat_map(|profile| &profile.except);
        let except = except.map(|one| Excepted {
            requirement: one.requirement.clone(),
            reason: one.reason.clone(),
        });
        Self {
            set: catalog.set.clone(),
            profile: profile.map(|profile| profile.id.clone()),
            sources: sources.collect(),
            except: except.collect(),
        }
    }
}

fn of_requirement(row: &Requirement, cases: Vec<String>, profiles: Vec<String>) -> Row {
    Row {
        id: row.id.clone(),
        level: row.level.as_str(),
        provisional: row.provisional,
        summary: row.summary.clone(),
        quote: row.quote.clone(),
        url: row.url.clone(),
        read: row.read.clone(),
        law: CHECKS.iter().any(|check| check.id() == row.id),
        cases,
        profiles,
    }
}

fn untested(catalog: &Catalog, source: &Source) -> Vec<Untested> {
    let excluded = catalog.excluded.iter();
    let own = excluded.filter(|row| source.excluded.contains(&row.id));
    let untested = own.map(|row| Untested {
        id: row.id.clone(),
        quote: row.quote.clone(),
        url: row.url.clone(),
        reason: row.reason.clone(),
    });
    untested.collect()
}

//! Everything that can be selected and referred to: cases, requirements, profiles; built in, and the user's
//! own from `--cases DIR`.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;

use crate::case::{Case, Loader, variables};
use crate::files::Files;
use crate::profile::{Exception, Profile};
use crate::requirement::{Excluded, Requirement, RequirementFile, Source};
use crate::schema::{self, SchemaError};

/// The folders of a set of cases.
const CASES: &str = "cases";
const REQUIREMENTS: &str = "requirements";
/// What is wrong with an id that somebody else has.
const TAKEN: &str = "is already there, built in or in another file: choose another id";

/// Everything that can be selected and referred to.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Sorted by id.
    pub cases: Vec<Arc<Case>>,
    /// By id.
    pub requirements: BTreeMap<String, Requirement>,
    /// What sources say and nobody tests.
    pub excluded: Vec<Excluded>,
    /// The dated set of requirements that holds, `2026-11`: the newest, until [`choose`](Self::choose) names another.
    pub set: String,
    /// Every dated set that built-in requirements came in.
    pub sets: BTreeSet<String>,
    /// Where requirements come from, built-in sources first.
    pub sources: Vec<Source>,
    /// By id, with everything that they extend.
    pub profiles: BTreeMap<String, Profile>,
    /// The images that cases send.
    pub files: Files,
    /// The requirements that the user brought: part of every profile.
    own: Vec<String>,
}

impl Catalog {
    /// What is built in, and the user's folders.
    ///
    /// # Errors
    /// Everything that is wrong with any file.
    pub fn load(folders: &[PathBuf]) -> Result<Self, CatalogError> {
        // What is built in stays as it is: a process reads it once (75 ms in a build for tests), whatever it runs.
        static BUILTIN: OnceLock<Catalog> = OnceLock::new();
        if !folders.is_empty() {
            return Self::read(folders);
        }
        if let Some(builtin) = BUILTIN.get() {
            return Ok(builtin.clone());
        }
        let builtin = Self::read(folders)?;
        Ok(BUILTIN.get_or_init(|| builtin).clone())
    }

    fn read(folders: &[PathBuf]) -> Result<Self, CatalogError> {
        let mut catalog = Self {
            files: Files::builtin(),
            ..Self::default()
        };
        let mut problems = Vec::new();
        let loader = Loader::new()?;
        catalog.add_requirements("", fixtures::folder(REQUIREMENTS), &mut problems);
        catalog.add_profiles(&mut problems);
        catalog.add_cases(&loader, "", fixtures::folder(CASES), &mut problems);
        let builtin: BTreeSet<String> = catalog.requirements.keys().cloned().collect();
        catalog.set = catalog.sets.last().cloned().unwrap_or_default();
        for folder in folders {
            let root = format!("{}/", folder.display());
            let requirements =
                without_copies(REQUIREMENTS, read_folder(&folder.join(REQUIREMENTS))?);
            for (path, text) in &requirements {
                check_form(&format!("{root}{REQUIREMENTS}/{path}"), text, &mut problems)?;
            }
            catalog.add_requirements(&root, borrowed(&requirements), &mut problems);
            catalog.files.add(folder).map_err(|source| {
                let path = folder.clone();
                CatalogError::Unreadable { path, source }
            })?;
            let cases = read_folder(&folder.join(CASES))?;
            if cases.is_empty() {
                problems.push(format!("{root}{CASES}: no case is there"));
            }
            let cases = without_copies(CASES, cases);
            catalog.add_cases(&loader, &root, borrowed(&cases), &mut problems);
        }
        let own = catalog
            .requirements
            .keys()
            .filter(|id| !builtin.contains(*id));
        catalog.own = own.cloned().collect();
        problems.dedup();
        catalog.check_references(&mut problems);
        catalog.cases.sort_by(|a, b| a.id.cmp(&b.id));
        if problems.is_empty() {
            Ok(catalog)
        } else {
            Err(CatalogError::Files(problems))
        }
    }

    /// Chooses the dated set of requirements: later rows do not exist for it, and those that came with it are
    /// provisional, except in the first set that there is. What users bring is theirs, whatever its date.
    ///
    /// # Errors
    /// There is no such set; the message lists them.
    pub fn choose(&mut self, set: Option<&str>) -> Result<(), String> {
        if let Some(set) = set {
            if !self.sets.contains(set) {
                let known: Vec<_> = self.sets.iter().map(String::as_str).collect();
                return Err(format!(
                    "there is no set of requirements '{set}': known are {}",
                    known.join(", ")
                ));
            }
            set.clone_into(&mut self.set);
        }
        let (chosen, own) = (self.set.clone(), self.own.clone());
        let is_first = self.sets.first() == Some(&chosen);
        for requirement in self.requirements.values_mut() {
            let is_own = own.contains(&requirement.id);
            requirement.provisional = !is_own && !is_first && requirement.since == chosen;
            if is_own || requirement.since <= chosen {
                continue;
            }
            for profile in self.profiles.values_mut() {
                profile.except.push(Exception {
                    requirement: requirement.id.clone(),
                    reason: format!("it came with the set {}", requirement.since),
                });
            }
        }
        Ok(())
    }

    /// A profile for a run: the user's own requirements are part of each.
    #[must_use]
    pub fn profile(&self, id: &str) -> Option<Profile> {
        let mut profile = self.profiles.get(id)?.clone();
        profile.requirements.extend(self.own.iter().cloned());
        Some(profile)
    }

    fn add_requirements<'t>(
        &mut self,
        root: &str,
        files: impl IntoIterator<Item = (&'t str, &'t str)>,
        problems: &mut Vec<String>,
    ) {
        for (path, text) in files {
            let place = format!("{root}{REQUIREMENTS}/{path}");
            let Some(file) = parse::<RequirementFile>(&place, text, problems) else {
                continue;
            };
            self.sources.push(Source {
                name: file.source,
                title: file.title,
                rows: file.requirements.iter().map(|row| row.id.clone()).collect(),
                excluded: file.excluded.iter().map(|row| row.id.clone()).collect(),
            });
            self.excluded.extend(file.excluded);
            for mut requirement in file.requirements {
                if requirement.since.is_empty() {
                    requirement.since.clone_from(&file.set);
                }
                // The sets are the built-in ones, whatever users write above their own.
                if root.is_empty() {
                    self.sets.insert(requirement.since.clone());
                }
                match self.requirements.entry(requirement.id.clone()) {
                    Entry::Vacant(free) => drop(free.insert(requirement)),
                    Entry::Occupied(taken) => {
                        problems.push(format!("{place}: '{}' {TAKEN}", taken.key()));
                    }
                }
            }
        }
    }

    fn add_profiles(&mut self, problems: &mut Vec<String>) {
        let mut read = BTreeMap::new();
        for (path, text) in fixtures::folder("profiles") {
            if let Some(profile) = parse::<Profile>(&format!("profiles/{path}"), text, problems) {
                read.insert(profile.id.clone(), profile);
            }
        }
        for profile in read.values() {
            let mut merged = profile.clone();
            let mut parent = profile.extends.clone();
            // A chain is at most as long as there are profiles: a ring ends here, too.
            for _ in 0..read.len() {
                let Some(id) = parent.take() else { break };
                let Some(found) = read.get(&id) else {
                    problems.push(format!(
                        "profiles/{}.json: extends unknown '{id}'",
                        profile.id
                    ));
                    break;
                };
                parent.clone_from(&found.extends);
                merged = merged.merge(found);
            }
            self.profiles.insert(profile.id.clone(), merged);
        }
    }

    fn add_cases<'t>(
        &mut self,
        loader: &Loader,
        root: &str,
        files: impl IntoIterator<Item = (&'t str, &'t str)>,
        problems: &mut Vec<String>,
    ) {
        for (path, text) in files {
            match loader.load(path, text) {
                Ok(case) if self.cases.iter().any(|other| other.id == case.id) => {
                    problems.push(format!("{root}{CASES}/{path}: '{}' {TAKEN}", case.id));
                }
                Ok(case) => self.cases.push(Arc::new(case)),
                Err(error) => problems.push(format!("{root}{CASES}/{error}")),
            }
        }
    }

    fn check_references(&self, problems: &mut Vec<String>) {
        let is_case = |id: &String| self.cases.iter().any(|case| case.id.as_str() == id);
        for profile in self.profiles.values() {
            if let Some(unknown) = profile.sentinel.as_ref().filter(|id| !is_case(id)) {
                problems.push(format!(
                    "profiles/{}.json: the sentinel '{unknown}' is no case",
                    profile.id
                ));
            }
        }
        for case in &self.cases {
            for requirement in case.requirements() {
                if !self.requirements.contains_key(requirement) {
                    let known = nearest(requirement, self.requirements.keys().map(String::as_str));
                    problems.push(format!("{CASES}/{}.json: unknown requirement '{requirement}': did you mean {known}?", case.id));
                }
            }
            let spelt = ["files.", "base64."].map(|family| {
                let names = variables(&case.steps, family).into_iter();
                names.map(move |name| name[family.len()..].to_owned())
            });
            let sent = case.files().into_iter().map(str::to_owned);
            let unknown = spelt.into_iter().flatten().chain(sent);
            for file in unknown.filter(|file| self.files.bytes(file).is_err()) {
                let known = nearest(&file, self.files.names());
                problems.push(format!(
                    "{CASES}/{}.json: images/ has no file '{file}': did you mean {known}?",
                    case.id
                ));
            }
            for prerequisite in &case.depends_on {
                if !is_case(prerequisite) {
                    problems.push(format!(
                        "{CASES}/{}.json: depends on unknown case '{prerequisite}'",
                        case.id
                    ));
                }
            }
        }
    }
}

fn parse<T: DeserializeOwned>(place: &str, text: &str, problems: &mut Vec<String>) -> Option<T> {
    let parsed = serde_json::from_str(text);
    parsed
        .map_err(|error| problems.push(format!("{place}: {error}")))
        .ok()
}

/// Holds a file of the user's requirements against its schema: the messages say more than the reader's.
fn check_form(place: &str, text: &str, problems: &mut Vec<String>) -> Result<(), SchemaError> {
    let schema = schema::compile(REQUIREMENTS)?;
    let Ok(value) = serde_json::from_str(text) else {
        // The reader says where it is no JSON.
        return Ok(());
    };
    for (pointer, problem) in schema::issues(&schema, &value) {
        problems.push(format!("{place}: at {pointer}: {problem}"));
    }
    Ok(())
}

/// What is not byte by byte a built-in file of the same path: a copied suite is the built-in one where nobody changed it.
fn without_copies(folder: &str, files: Vec<(String, String)>) -> Vec<(String, String)> {
    let is_copy = |(path, text): &(String, String)| {
        fixtures::text(&format!("{folder}/{path}")) == Some(text.as_str())
    };
    files.into_iter().filter(|file| !is_copy(file)).collect()
}

/// The nearest known name, quoted, for messages.
pub(crate) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    let scored = known.map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or_else(
        || "(none is known)".to_owned(),
        |(_, candidate)| format!("'{candidate}'"),
    )
}

/// Every JSON file below a folder as (path below it, text), sorted; none if there is no such folder.
fn read_folder(root: &Path) -> Result<Vec<(String, String)>, CatalogError> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        if !folder.is_dir() {
            continue;
        }
        let unreadable = |source| CatalogError::Unreadable {
            path: folder.clone(),
            source,
        };
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let text = std::fs::read_to_string(&path);
                let text = text.map_err(|source| CatalogError::Unreadable {
                    path: path.clone(),
                    source,
                })?;
                let below = path.strip_prefix(root).unwrap_or(&path);
                found.push((below.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn borrowed(files: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
}

/// The catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Files that cannot be used, one line each.
    #[error("{}", .0.join("\n"))]
    Files(Vec<String>),
    /// The schema of cases is broken.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A file or folder of the user's.
    #[error("cannot read {path}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::Level;

    /// The built-in catalogue with rows of two later sets.
    fn catalog() -> Catalog {
        let mut catalog = Catalog::load(&[]).unwrap();
        let rows = |set: &str| {
            format!(
                r#"{{ "source": "{set}", "title": "What came later", "set": "{set}", "requirements": [
                    {{ "id": "law.of-{set}", "level": "MUST", "summary": "s", "quote": "q", "url": "https://example.com", "read": "2026-11-28" }}
                ] }}"#
            )
        };
        let mut problems = Vec::new();
        for set in ["2027-01", "2027-02"] {
            catalog.add_requirements("", [("later.json", rows(set).as_str())], &mut problems);
        }
        assert_eq!(problems, Vec::<String>::new());
        catalog
    }

    #[test]
    fn later_rows_do_not_exist_and_those_of_the_set_are_provisional() {
        let of = |set: &str| {
            let mut catalog = catalog();
            catalog.choose(Some(set)).unwrap();
            let profile = catalog.profile("openai-images").unwrap();
            ["2027-01", "2027-02"].map(|came| {
                let id = format!("law.of-{came}");
                let weight = catalog.requirements[&id].weight();
                profile.promises(&id).then_some(weight)
            })
        };
        assert_eq!(of("2026-11"), [None, None]);
        assert_eq!(of("2027-01"), [Some(Level::Should), None]);
        assert_eq!(of("2027-02"), [Some(Level::Must), Some(Level::Should)]);
    }

    #[test]
    fn the_first_set_binds_and_an_unknown_one_is_refused() {
        let mut catalog = catalog();
        catalog.choose(Some("2026-11")).unwrap();
        assert_eq!(catalog.set, "2026-11");
        assert_eq!(catalog.requirements["law.json"].weight(), Level::Must);
        let error = catalog.choose(Some("2026-12")).unwrap_err();
        assert!(error.contains("2026-11, 2027-01, 2027-02"), "{error}");
    }
}

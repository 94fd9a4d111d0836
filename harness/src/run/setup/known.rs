//! Failures that are known: the file that was named, or the one that lies beside the target's.

use std::path::{Path, PathBuf};

use crate::catalog::Catalog;
use crate::expectation::{ExpectationError, Expectations};
use crate::run::plan::{Selection, select};
use crate::run::setup::{KnownFailures, Options, TargetChoice};
use crate::target::Target;

/// The file with the expectations of a run.
fn expectations_path(options: &Options) -> Option<PathBuf> {
    match (&options.expectations, &options.target) {
        (KnownFailures::File(path), _) => Some(path.clone()),
        (KnownFailures::Beside, TargetChoice::File(target)) => {
            Some(beside(target)).filter(|path| path.is_file())
        }
        _ => None,
    }
}

/// Where the expectations of a target file are looked for.
#[must_use]
pub fn beside(target: &Path) -> PathBuf {
    target.with_extension("expectations.toml")
}

/// Reads the expectations of a run and holds them against everything that there is; gives what is to be said of
/// their days, too.
pub(super) fn expectations(
    options: &Options,
    catalog: &Catalog,
    target: &Target,
) -> Result<(Expectations, Vec<String>), ExpectationError> {
    let Some(path) = expectations_path(options) else {
        return Ok(Default::default());
    };
    let mut read = Expectations::read(&path)?;
    let everything = select(catalog, target, &Selection::default());
    read.check(&everything)
        .map_err(|problem| ExpectationError::Form { path, problem })?;
    let today = time::OffsetDateTime::now_utc().date();
    let notes = read.age(today, options.expired);
    Ok((read, notes))
}

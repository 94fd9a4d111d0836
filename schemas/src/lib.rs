//! The JSON Schemas (2020-12) of every format that the mock and the harness speak, embedded, so that the
//! binaries work anywhere.
//!
//! The files beside `src/` are the one description of each format: `openai/…` for provider answers, the
//! others (`case.json`, `report.json`, …) for our own. `README.md` says what each was read from and held against. Each file's `$id` is [`BASE`] plus its path.

use include_dir::{Dir, include_dir};

/// What the `$id` of every schema begins with. It is a name, nothing is fetched from there.
pub const BASE: &str = "https://image-conformance.invalid/schemas/";

static ROOT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR");

/// The text of one schema by its path below `schemas/`, for example `openai/images-response.json`.
#[must_use]
pub fn text(path: &str) -> Option<&'static str> {
    ROOT.get_file(path)?.contents_utf8()
}

/// Every schema as (path, text), sorted by path.
#[must_use]
pub fn all() -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    collect(&ROOT, &mut found);
    found.sort_unstable();
    found
}

fn collect(folder: &'static Dir<'static>, found: &mut Vec<(&'static str, &'static str)>) {
    for file in folder.files() {
        let path = file.path().to_str().unwrap_or_default();
        if path.ends_with(".json") {
            found.extend(file.contents_utf8().map(|text| (path, text)));
        }
    }
    for inner in folder.dirs() {
        collect(inner, found);
    }
}

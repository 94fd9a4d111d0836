//! The target files that the repository brings.

use harness::run::plan::{Selection, select};

/// The target files that the repository brings name profiles, and their known failures name cases.
#[test]
fn the_targets_of_the_repository_can_be_used() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/targets");
    let catalog = harness::catalog::Catalog::load(&[]).unwrap();
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".expectations.toml") {
            continue;
        }
        let file = harness::target::TargetFile::read(&path).unwrap();
        let profile = catalog.profile(&file.profile).unwrap();
        let target = file.target("a target", profile, |_| None).unwrap();
        let everything = select(&catalog, &target, &Selection::default());
        let known = harness::run::setup::beside(&path);
        if known.exists() {
            let known = harness::expectation::Expectations::read(&known).unwrap();
            known.check(&everything).unwrap();
            assert!(!known.entries.is_empty());
        }
        read += 1;
    }
    assert!(read > 0);
}

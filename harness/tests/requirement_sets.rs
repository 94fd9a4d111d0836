//! A published set of requirements never changes: somebody's green run stays green. `FREEZE_SET=2026-11 cargo test -p
//! harness --test requirement_sets` publishes one: it writes down the ids and levels of its rows. What is not written
//! down is open.

use std::collections::BTreeMap;
use std::path::PathBuf;

use harness::catalog::Catalog;

/// Level by id.
type Rows = BTreeMap<String, String>;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/requirement_sets")
}

/// The rows that came with a set, as they are now.
fn rows(catalog: &Catalog, set: &str) -> Rows {
    let rows = catalog.requirements.values();
    rows.filter(|row| row.since == set)
        .map(|row| (row.id.clone(), row.level.as_str().to_owned()))
        .collect()
}

/// What of a published set is not as it was, a line each.
fn changes(set: &str, published: &Rows, now: &Rows) -> Vec<String> {
    let gone = published.keys().filter(|id| !now.contains_key(*id));
    let gone = gone.map(|id| format!("{set}: '{id}' is gone; exclude it in a later set instead"));
    let new = now.keys().filter(|id| !published.contains_key(*id));
    let new = new.map(|id| format!("{set}: '{id}' is new; give it a later set with 'since'"));
    let other = now.iter().filter_map(|(id, level)| {
        let was = published.get(id).filter(|was| *was != level)?;
        Some(format!("{set}: '{id}' was {was} and is {level}"))
    });
    gone.chain(new).chain(other).collect()
}

#[test]
fn a_published_set_is_as_it_was() {
    let catalog = Catalog::load(&[]).unwrap();
    if let Ok(set) = std::env::var("FREEZE_SET") {
        assert!(catalog.sets.contains(&set), "there is no set '{set}'");
        let path = folder().join(format!("{set}.json"));
        assert!(!path.exists(), "{set} is published: {}", path.display());
        let text = serde_json::to_string_pretty(&rows(&catalog, &set)).unwrap();
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }
    let mut published = Vec::new();
    let mut wrong = Vec::new();
    for file in std::fs::read_dir(folder()).into_iter().flatten() {
        let path = file.unwrap().path();
        let set = path.file_stem().unwrap().to_string_lossy().into_owned();
        let was: Rows = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        wrong.extend(changes(&set, &was, &rows(&catalog, &set)));
        published.push(set);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Sets are published in their order: only the newest may be open.
    let open = catalog.sets.iter().filter(|set| !published.contains(set));
    let open: Vec<_> = open.collect();
    let newest: Vec<_> = catalog.sets.last().into_iter().collect();
    assert!(open.is_empty() || open == newest, "not published: {open:?}");
}

#[test]
fn every_change_of_a_published_set_is_seen() {
    let catalog = Catalog::load(&[]).unwrap();
    let was = rows(&catalog, "2026-11");
    assert_eq!(changes("2026-11", &was, &was), Vec::<String>::new());
    assert_eq!(was["law.json"], "MUST");

    let mut now = was.clone();
    now.remove("law.json");
    now.insert("law.of-today".to_owned(), "MUST".to_owned());
    now.insert("law.transparent".to_owned(), "MUST".to_owned());
    assert_eq!(
        changes("2026-11", &was, &now),
        [
            "2026-11: 'law.json' is gone; exclude it in a later set instead",
            "2026-11: 'law.of-today' is new; give it a later set with 'since'",
            "2026-11: 'law.transparent' was SHOULD and is MUST",
        ]
    );
}

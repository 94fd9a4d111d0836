//! Reads the table in `schemas/README.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// One row of the table in `schemas/README.md`.
#[expect(dead_code, reason = "each test needs some of the columns")]
pub(crate) struct Row {
    pub(crate) title: String,
    /// Where its form was read.
    pub(crate) source: String,
    /// How many recordings it was held against.
    pub(crate) recordings: String,
    /// Whether answers of the mock are.
    pub(crate) mock: String,
}

/// The rows by schema.
pub(crate) fn table() -> BTreeMap<String, Row> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas/README.md");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let rows = rows.map(|line| {
        let mut cells = line.split(" | ").map(str::to_owned);
        let mut cell = || cells.next().unwrap();
        let name = cell().trim_end_matches('`').to_owned();
        let row = Row {
            title: cell(),
            source: cell(),
            recordings: cell(),
            mock: cell(),
        };
        (name, row)
    });
    rows.collect()
}

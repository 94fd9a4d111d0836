//! The table as Markdown: one for each source of requirements.

use std::fmt::Write as _;

use super::{LEGEND, Matrix, Row};
use crate::report::markdown::text::{cell, prose};
use crate::requirement::Level;

/// The table as Markdown.
#[must_use]
pub fn markdown(matrix: &Matrix) -> String {
    let mut text = String::from("# Image API support\n");
    let mut area = None;
    for row in &matrix.rows {
        if area.replace(row.area()) != Some(row.area()) {
            let _ = write!(text, "\n## {}\n\n", cell(row.area()));
            add_head(&mut text, matrix);
        }
        add_row(&mut text, row);
    }
    text.push_str("\n## Requirements that hold, of those that were judged\n\n");
    add_head(&mut text, matrix);
    for level in [Level::Must, Level::Should] {
        let _ = write!(text, "| all | {} |", level.as_str());
        for column in 0..matrix.columns.len() {
            let total = matrix.total(level, column);
            let _ = write!(text, " {} of {} |", total.held, total.judged);
        }
        text.push('\n');
    }
    let _ = writeln!(text, "\n{}", prose(LEGEND));
    text
}

fn add_head(text: &mut String, matrix: &Matrix) {
    text.push_str("| requirement | level |");
    for column in &matrix.columns {
        let _ = write!(text, " {} |", cell(&column.name));
    }
    let rules = " --- |".repeat(matrix.columns.len());
    let _ = writeln!(text, "\n| --- | --- |{rules}");
}

fn add_row(text: &mut String, row: &Row) {
    let level = row.level.map_or("", Level::as_str);
    let _ = write!(
        text,
        "| {} {} | {level} |",
        cell(&row.id),
        prose(&row.summary)
    );
    for one in &row.cells {
        let _ = write!(text, " {} |", prose(&one.text()));
    }
    text.push('\n');
}

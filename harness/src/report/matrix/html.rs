//! The table as one HTML file.

use std::fmt::Write as _;

use super::{LEGEND, Matrix, Row};
use crate::report::html::frame::{escaped, frame, linked};
use crate::requirement::Level;

/// The table as HTML.
#[must_use]
pub fn html(matrix: &Matrix) -> String {
    let mut body = String::from("<header><h1>Image API support</h1></header>\n<main>\n");
    body.push_str("<table class=\"matrix\">\n<thead><tr><th>requirement</th><th>level</th>");
    for column in &matrix.columns {
        let _ = write!(
            body,
            "<th>{}<br><small>{}, {}</small></th>",
            escaped(&column.name),
            escaped(&column.profile),
            escaped(&column.requirements)
        );
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    add_totals(&mut body, matrix);
    let mut area = None;
    for row in &matrix.rows {
        if area.replace(row.area()) != Some(row.area()) {
            let width = matrix.columns.len() + 2;
            let name = escaped(row.area());
            let _ = writeln!(
                body,
                "<tr class=\"area\"><th colspan=\"{width}\">{name}</th></tr>"
            );
        }
        add_row(&mut body, row);
    }
    let _ = write!(
        body,
        "</tbody>\n</table>\n<p>{}</p>\n</main>\n",
        escaped(LEGEND)
    );
    frame("Image API support", &body, None)
}

fn add_totals(body: &mut String, matrix: &Matrix) {
    for level in [Level::Must, Level::Should] {
        let name = level.as_str();
        let _ = write!(
            body,
            "<tr><td>requirements that hold, of those judged</td><td>{name}</td>"
        );
        for column in 0..matrix.columns.len() {
            let total = matrix.total(level, column);
            let _ = write!(body, "<td><b>{} of {}</b></td>", total.held, total.judged);
        }
        body.push_str("</tr>\n");
    }
}

fn add_row(body: &mut String, row: &Row) {
    let id = match &row.url {
        Some(url) => linked(url, &row.id),
        None => escaped(&row.id),
    };
    let level = row.level.map_or("", Level::as_str);
    let summary = escaped(&row.summary);
    let _ = write!(
        body,
        "<tr><td>{id}<br><small>{summary}</small></td><td>{level}</td>"
    );
    for cell in &row.cells {
        let class = cell
            .counts
            .keys()
            .next_back()
            .map_or("", |worst| worst.as_str());
        let text = escaped(&cell.text());
        let _ = write!(body, "<td class=\"v-{class}\">{text}</td>");
    }
    body.push_str("</tr>\n");
}

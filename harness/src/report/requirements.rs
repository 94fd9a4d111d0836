//! The table of requirements, for people: as text for a terminal, and as Markdown for a repository.

use std::fmt::Write as _;

use crate::report::markdown::text::prose;
use crate::traceability::{Row, SourceRows, Table};

/// As text: a line each, with its words and its cases below.
#[must_use]
pub fn text(table: &Table) -> String {
    let mut out = head(table) + "\n";
    for source in &table.sources {
        let _ = write!(out, "\n{} ({})\n", source.title, source.source);
        for row in &source.requirements {
            let _ = write!(
                out,
                "\n  {} {}: {}\n    \"{}\"\n    {} (read {})\n    promised by {}\n    judged by {}\n",
                level(row),
                row.id,
                row.summary,
                row.quote,
                row.url,
                row.read,
                profiles(row),
                judges(row).join(", ")
            );
        }
        for row in &source.excluded {
            let _ = write!(
                out,
                "\n  not tested {}: {}\n    \"{}\"\n    {}\n",
                row.id, row.reason, row.quote, row.url
            );
        }
    }
    for row in &table.except {
        let _ = write!(out, "\nnot promised {}: {}\n", row.requirement, row.reason);
    }
    out
}

/// As Markdown: a table for each source.
#[must_use]
pub fn markdown(table: &Table) -> String {
    let mut out = format!("# Requirements\n\n{}\n", head(table));
    for source in &table.sources {
        add_source(&mut out, source);
    }
    if !table.except.is_empty() {
        out.push_str("\n## Not promised\n\n| requirement | why |\n| --- | --- |\n");
        for row in &table.except {
            let _ = writeln!(out, "| `{}` | {} |", row.requirement, cell(&row.reason));
        }
    }
    out
}

fn add_source(out: &mut String, source: &SourceRows) {
    let _ = write!(out, "\n## {}\n", prose(&source.title));
    if !source.requirements.is_empty() {
        out.push_str("\n| level | requirement | what | in whose words | profiles | judged by |\n| --- | --- | --- | --- | --- | --- |\n");
    }
    for row in &source.requirements {
        let judges: Vec<_> = judges(row).iter().map(|one| format!("`{one}`")).collect();
        let _ = writeln!(
            out,
            "| {} | `{}` | {} | “{}” [{}]({}) | {} | {} |",
            level(row),
            row.id,
            cell(&row.summary),
            cell(&row.quote),
            row.read,
            row.url,
            profiles(row),
            judges.join(", ")
        );
    }
    if !source.excluded.is_empty() {
        out.push_str("\nNot tested:\n\n| what | why not | in whose words |\n| --- | --- | --- |\n");
    }
    for row in &source.excluded {
        let _ = writeln!(
            out,
            "| `{}` | {} | “{}” [source]({}) |",
            row.id,
            cell(&row.reason),
            cell(&row.quote),
            row.url
        );
    }
}

fn head(table: &Table) -> String {
    let rows = || table.sources.iter().flat_map(|source| &source.requirements);
    let judged = rows().filter(|row| row.is_judged()).count();
    let profile = table.profile.as_ref();
    let profile = profile.map_or_else(String::new, |id| format!(" of the profile {id}"));
    format!(
        "{} requirements{profile}, set {}; {judged} are judged by some case.",
        rows().count(),
        table.set
    )
}

fn level(row: &Row) -> String {
    let provisional = if row.provisional {
        " (provisional)"
    } else {
        ""
    };
    format!("{}{provisional}", row.level)
}

fn profiles(row: &Row) -> String {
    match row.profiles.as_slice() {
        [] => "no profile".to_owned(),
        profiles => profiles.join(", "),
    }
}

fn judges(row: &Row) -> Vec<String> {
    let law = row.law.then(|| "every exchange".to_owned());
    let judges: Vec<String> = law.into_iter().chain(row.cases.iter().cloned()).collect();
    if judges.is_empty() {
        return vec!["no case".to_owned()];
    }
    judges
}

/// Running text in a cell: bars end one.
fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|")
}

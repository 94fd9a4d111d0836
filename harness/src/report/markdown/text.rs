//! Markdown in which whatever a target says stays text: in code spans, in fenced blocks, and in cells of tables.

use std::fmt::Write as _;

use crate::report::out::one_line;

/// What a text is cut with.
const CUT: char = '…';

/// A code span: no character of the text means anything inside of it.
pub(in crate::report) fn code(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A fenced block of its own lines.
pub(in crate::report) fn block(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

/// A text of a table's cell: bars end a cell even inside of a code span, so everything that could mean something
/// is written as a number.
pub(in crate::report) fn cell(text: &str) -> String {
    let mut safe = String::from("<code>");
    for letter in one_line(text).chars() {
        if letter.is_ascii() && !letter.is_ascii_alphanumeric() && !" -/".contains(letter) {
            let _ = write!(safe, "&#{};", u32::from(letter));
        } else {
            safe.push(letter);
        }
    }
    safe + "</code>"
}

/// Running text that nobody outside wrote: what we, or the owner of the cases, say.
pub(in crate::report) fn prose(text: &str) -> String {
    let mut safe = String::new();
    for letter in one_line(text).chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!' => {
                safe.push('\\');
                safe.push(letter);
            }
            other => safe.push(other),
        }
    }
    safe
}

/// An address as a link, if it is one.
pub(in crate::report) fn link(url: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !"<>\"`\\".contains(c);
    if is_web(url) && url.chars().all(plain) {
        format!("<{url}>")
    } else {
        code(url)
    }
}

/// Whether an address can be followed without doing anything.
pub(in crate::report) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// At most so many bytes of a text.
pub(in crate::report) fn clipped(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT} ({} bytes)", &text[..end], text.len())
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|letter| letter != '`');
    runs.map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_code_stays_code() {
        assert_eq!(code("a *b* <c>"), "`a *b* <c>`");
        assert_eq!(code("`` x `"), "``` `` x ` ```");
        assert_eq!(code(" \n "), "(empty)");
        assert_eq!(block("", "a\n```\nb\n"), "````\na\n```\nb\n````\n");
        assert_eq!(cell("a\\|b"), "<code>a&#92;&#124;b</code>");
        assert_eq!(prose("a_b <i>|"), "a\\_b &lt;i&gt;\\|");
        assert_eq!(link("javascript:evil()"), "`javascript:evil()`");
        assert_eq!(link("https://a.example/b_c"), "<https://a.example/b_c>");
        assert_eq!(clipped("aé", 2), "a… (3 bytes)");
    }
}

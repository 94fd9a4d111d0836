//! Marks in prompt texts: `[[case:TOKEN]]` says which case a call belongs to, `[[mock:DIRECTIVE]]` what to
//! answer. They survive any gateway that forwards the prompt.

use crate::image::Token;

/// What the marks of some texts say, and the texts without them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The first valid case token.
    pub token: Option<Token>,
    /// The scenario directives, in order, unparsed.
    pub directives: Vec<String>,
}

impl Marks {
    /// Reads and removes the marks of one text. An unfinished or unknown mark stays as it is.
    pub fn take(&mut self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, mark, after)) = next_mark(rest) {
            clean.push_str(before);
            if !self.read(mark) {
                clean.push_str(&rest[before.len()..rest.len() - after.len()]);
            }
            rest = after;
        }
        clean.push_str(rest);
        clean.trim().to_owned()
    }

    fn read(&mut self, mark: &str) -> bool {
        if let Some(token) = mark.strip_prefix("case:") {
            let parsed = token.trim().parse().ok();
            let known = parsed.is_some();
            self.token = self.token.take().or(parsed);
            return known;
        }
        if let Some(directive) = mark.strip_prefix("mock:") {
            self.directives.push(directive.trim().to_owned());
            return true;
        }
        false
    }
}

/// The text before the next `[[…]]`, what is inside, and the text after it. Brackets that a user left open do
/// not hide a mark behind them.
fn next_mark(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find("[[")? + 2;
    let end = open + text[open..].find("]]")?;
    let start = text[..end].rfind("[[")? + 2;
    Some((&text[..start - 2], &text[start..end], &text[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_and_removed() {
        let mut marks = Marks::default();
        let clean = marks.take("a fox [[mock:rate-limit*2]] at dawn [[case:abcdefgh23]]");
        assert_eq!(clean, "a fox  at dawn");
        assert_eq!(
            marks.token.map(|t| t.to_string()).as_deref(),
            Some("abcdefgh23")
        );
        assert_eq!(marks.directives, ["rate-limit*2"]);
    }

    #[test]
    fn what_is_no_mark_stays() {
        let mut marks = Marks::default();
        for text in ["a [[wiki]] link", "open [[case:", "[[case:UPPER]]", "]] [["] {
            assert_eq!(marks.take(text), text.trim());
        }
        assert_eq!(marks, Marks::default());
    }

    #[test]
    fn open_brackets_do_not_hide_a_mark() {
        for text in ["a [[ b [[case:abcdefgh23]]", "[[[case:abcdefgh23]]] é"] {
            let mut marks = Marks::default();
            let clean = marks.take(text);
            assert!(marks.token.is_some(), "{text}");
            assert!(!clean.contains("case:"), "{clean}");
        }
    }
}

//! Changes of texts in a JSON document; base64 is one.

use serde_json::Value;

use crate::pointer::places;
use crate::row::{Arguments, RowError};

/// A change of the texts at a pointer.
#[derive(Clone, Debug)]
pub(crate) struct TextChange {
    at: String,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Insert(String),
    Lines(usize),
    Lower,
    Prefix(String),
    Replace(String, String),
    Suffix(String),
    Truncate(i64),
    Upper,
}

impl TextChange {
    pub(crate) fn parse(name: &str, arguments: &mut Arguments) -> Result<Option<Self>, RowError> {
        let at = arguments.at()?;
        let how = match name {
            "insert" => How::Insert(arguments.text()?),
            "lines" => How::Lines(
                usize::try_from(arguments.number()?)
                    .unwrap_or_default()
                    .max(1),
            ),
            "lower" => How::Lower,
            "prefix" => How::Prefix(arguments.text()?),
            "replace" => How::Replace(arguments.text()?, arguments.to()?),
            "suffix" => How::Suffix(arguments.text()?),
            "truncate" => How::Truncate(arguments.number()?),
            "upper" => How::Upper,
            _ => return Ok(None),
        };
        Ok(Some(Self { at, how }))
    }

    pub(crate) fn apply(&self, json: &mut Value) {
        for place in places(json, &self.at) {
            if let Some(Value::String(text)) = json.pointer_mut(&place) {
                *text = self.how.changed(text);
            }
        }
    }
}

impl How {
    fn changed(&self, text: &str) -> String {
        match self {
            Self::Insert(more) => {
                let (left, right) = text.split_at(middle(text));
                format!("{left}{more}{right}")
            }
            Self::Lines(length) => {
                let characters: Vec<char> = text.chars().collect();
                let lines = characters.chunks(*length).map(String::from_iter);
                lines.collect::<Vec<_>>().join("\n")
            }
            Self::Lower => text.to_lowercase(),
            Self::Prefix(more) => format!("{more}{text}"),
            Self::Replace(old, new) => text.replace(old, new),
            Self::Suffix(more) => format!("{text}{more}"),
            Self::Truncate(length) => {
                let kept = kept(text.chars().count(), *length);
                text.chars().take(kept).collect()
            }
            Self::Upper => text.to_uppercase(),
        }
    }
}

fn middle(text: &str) -> usize {
    let half = text.len() / 2;
    (half..=text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or_default()
}

/// How many of `all` are kept; a negative length counts from the end.
pub(super) fn kept(all: usize, length: i64) -> usize {
    let number = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
    if length < 0 {
        all.saturating_sub(number)
    } else {
        all.min(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_does_what_it_says() {
        let changed = |how: How| how.changed("abcdé");
        assert_eq!(changed(How::Insert("\n".into())), "abc\ndé");
        assert_eq!(changed(How::Lines(2)), "ab\ncd\né");
        assert_eq!(changed(How::Truncate(-1)), "abcd");
        assert_eq!(changed(How::Truncate(2)), "ab");
        assert_eq!(changed(How::Replace("b".into(), "-".into())), "a-cdé");
        assert_eq!(changed(How::Upper), "ABCDÉ");
    }
}

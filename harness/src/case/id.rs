//! Names: of cases, of their instances, and the patterns that select them.

use std::fmt;

/// `area/operation/slug`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(String);

impl CaseId {
    /// The id of a file below `cases/`, or none if the path is not `area/operation/slug.json` in kebab-case.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let id = path.strip_suffix(".json")?;
        let kebab = |segment: &str| {
            let legal =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
            !segment.is_empty() && !segment.starts_with('-') && segment.chars().all(legal)
        };
        (id.split('/').count() == 3 && id.split('/').all(kebab)).then(|| Self(id.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a check within a case: from the second step on it begins with the step's number.
#[must_use]
pub fn step_check_id(step: usize, check: &str) -> String {
    if step == 0 {
        return check.to_owned();
    }
    format!("{}:{check}", step + 1)
}

/// Selects cases or instances: `*` stands for (a part of) one segment, `**` for any number of segments.
/// Without an `@` it matches case ids, and all instances follow; with one it matches instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The text is empty or has an empty segment.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let id = text.split('@').next().unwrap_or_default();
        if id.is_empty() || id.split('/').any(str::is_empty) {
            return Err(PatternError(text.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
        })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it selects this instance of this case.
    #[must_use]
    pub fn matches(&self, case: &CaseId, instance: &str) -> bool {
        let name = if self.text.contains('@') {
            instance
        } else {
            case.as_str()
        };
        let (pattern, values) = split(&self.text);
        let (id, actual) = split(name);
        let pattern: Vec<_> = pattern.split('/').collect();
        let id: Vec<_> = id.split('/').collect();
        segments(&pattern, &id)
            && values.is_none_or(|values| wildcard(values, actual.unwrap_or_default()))
    }
}

fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((id, values)) => (id, Some(values)),
        None => (name, None),
    }
}

fn segments(pattern: &[&str], id: &[&str]) -> bool {
    match pattern {
        [] => id.is_empty(),
        ["**", rest @ ..] => (0..=id.len()).any(|skipped| segments(rest, &id[skipped..])),
        [first, rest @ ..] => match id {
            [segment, others @ ..] => wildcard(first, segment) && segments(rest, others),
            [] => false,
        },
    }
}

/// Matches one text with `*` for any characters.
fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    (0..=rest.len())
        .filter(|at| rest.is_char_boundary(*at))
        .any(|at| wildcard(after, &rest[at..]))
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no pattern: expected segments of a case id such as 'parameters/**' or 'stream/*/held'"
)]
pub struct PatternError(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, instance: &str) -> bool {
        let case = instance.split('@').next().unwrap_or_default();
        let case = CaseId::of_path(&format!("{case}.json")).unwrap();
        Pattern::parse(pattern).unwrap().matches(&case, instance)
    }

    #[test]
    fn patterns_select_segments_and_instances() {
        let id = "parameters/generations/n@n=2";
        for pattern in [
            "parameters/generations/n",
            "parameters/**",
            "**",
            "*/generations/*",
            "param*/**/n",
            "parameters/generations/n@n=2",
            "**/n@n=*",
        ] {
            assert!(matches(pattern, id), "{pattern}");
        }
        for pattern in ["parameters/*", "parameters/generations/n@n=1", "*", "n"] {
            assert!(!matches(pattern, id), "{pattern}");
        }
        assert!(Pattern::parse("a//b").is_err());
        assert!(Pattern::parse("").is_err());
    }

    #[test]
    fn ids_are_three_kebab_segments() {
        assert!(CaseId::of_path("a/images.generations/b-c.json").is_some());
        for bad in [
            "a/b.json",
            "a/b/c/d.json",
            "A/b/c.json",
            "a/b/c",
            "a//c.json",
        ] {
            assert!(CaseId::of_path(bad).is_none(), "{bad}");
        }
    }
}

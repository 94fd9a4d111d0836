//! What one JSON value has and another has not, or has otherwise; members that only the other has are additions, and
//! legal.

use serde_json::Value;

use crate::target::Target;

/// One place in which two values differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where.
    pub(super) pointer: String,
    /// Straight from the provider.
    pub(super) expected: Option<Value>,
    /// Through the target.
    pub(super) actual: Option<Value>,
}

/// Pointers, in which `*` stands for one segment, whose values may differ.
#[derive(Debug)]
pub(super) struct Exempt<'t>(Vec<&'t str>);

impl<'t> Exempt<'t> {
    /// What profile and target say.
    pub(super) fn of(target: &'t Target) -> Self {
        let of_profile = target.profile.differs.iter();
        let of_profile = of_profile.map(|legal| legal.pointer.as_str());
        let own = target.policies.differs.iter().map(String::as_str);
        Self(of_profile.chain(own).collect())
    }

    fn has(&self, pointer: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern, pointer))
    }
}

fn fits(pattern: &str, pointer: &str) -> bool {
    let mut segments = pointer.split('/');
    let fitting = pattern.split('/').all(|wanted| {
        let segment = segments.next();
        segment.is_some_and(|segment| wanted == "*" || wanted == segment)
    });
    fitting && segments.next().is_none()
}

/// Every place in which `actual` lacks something of `expected`, or has it otherwise. What is `null` or an empty text
/// is not there.
pub(super) fn differences(
    expected: &Value,
    actual: &Value,
    exempt: &Exempt<'_>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(
        Some(expected),
        Some(actual),
        String::new(),
        exempt,
        &mut found,
    );
    found
}

fn walk(
    expected: Option<&Value>,
    actual: Option<&Value>,
    pointer: String,
    exempt: &Exempt<'_>,
    found: &mut Vec<Difference>,
) {
    let expected = expected.filter(|value| is_there(value));
    let actual = actual.filter(|value| is_there(value));
    if expected.is_none() || exempt.has(&pointer) {
        return;
    }
    match (expected, actual) {
        (Some(Value::Object(expected)), Some(Value::Object(actual))) => {
            for (name, value) in expected {
                let pointer = format!("{pointer}/{}", crate::case::escape(name));
                walk(Some(value), actual.get(name), pointer, exempt, found);
            }
        }
        (Some(Value::Array(expected)), Some(Value::Array(actual)))
            if expected.len() == actual.len() =>
        {
            for (index, value) in expected.iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                walk(Some(value), actual.get(index), pointer, exempt, found);
            }
        }
        (expected, actual) if same(expected, actual) => {}
        (expected, actual) => found.push(Difference {
            pointer: if pointer.is_empty() {
                "/".to_owned()
            } else {
                pointer
            },
            expected: expected.cloned(),
            actual: actual.cloned(),
        }),
    }
}

fn is_there(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

fn same(expected: Option<&Value>, actual: Option<&Value>) -> bool {
    match (expected, actual) {
        (Some(Value::Number(one)), Some(Value::Number(other))) => one.as_f64() == other.as_f64(),
        _ => expected == actual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointers(expected: &Value, actual: &Value, exempt: &[&str]) -> Vec<String> {
        let exempt = Exempt(exempt.to_vec());
        let found = differences(expected, actual, &exempt).into_iter();
        found.map(|difference| difference.pointer).collect()
    }

    #[test]
    fn what_is_lost_or_changed_is_found_and_what_is_added_is_legal() {
        let provider = json!({ "a": 1, "b": { "c/d": "x", "n": null }, "l": [{ "k": 1.0 }, "y"] });
        let same =
            json!({ "a": 1, "b": { "c/d": "x" }, "l": [{ "k": 1, "more": 2 }, "y"], "own": true });
        assert_eq!(pointers(&provider, &same, &[]), Vec::<String>::new());
        let other = json!({ "a": "1", "b": { "c/d": "" }, "l": [{ "k": 2 }, "y"] });
        assert_eq!(
            pointers(&provider, &other, &[]),
            ["/a", "/b/c~1d", "/l/0/k"]
        );
        assert_eq!(pointers(&provider, &other, &["/a", "/l/*/k"]), ["/b/c~1d"]);
        assert_eq!(
            pointers(&provider, &json!({ "a": 1, "b": {}, "l": [1] }), &["/b/*"]),
            ["/l"]
        );
        assert_eq!(pointers(&provider, &json!("gone"), &[]), ["/"]);
    }
}

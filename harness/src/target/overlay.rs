//! The body overlay: members that a target wants in every JSON body. Objects are merged member by member, however
//! deep; everything else takes the place of what was there. Expectations that speak of such a member no longer
//! follow from the request, so their cases do not apply.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::case::Case;

/// What an expectation is about → the member that decides it. What is looked at by the member's own name (`sent`,
/// `effective`, a pointer) needs no row.
const DECIDES: &[(&str, &str)] = &[
    ("size", "size"),
    ("format", "output_format"),
    ("transparent", "background"),
    ("location", "response_format"),
    ("count", "n"),
    ("images_requested", "n"),
    ("stream", "stream"),
    ("partial_images", "partial_images"),
];

/// Puts an overlay on a body.
pub fn merge(body: &mut Map<String, Value>, overlay: &Map<String, Value>) {
    for (name, value) in overlay {
        match (body.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(over)) => merge(inner, over),
            _ => drop(body.insert(name.clone(), value.clone())),
        }
    }
}

/// The member because of which a case cannot be judged behind this overlay, if there is one.
#[must_use]
pub fn conflict<'o>(case: &Case, overlay: &'o Map<String, Value>) -> Option<&'o str> {
    case.steps.iter().find_map(|step| {
        let body = step.pointer("/request/body")?.as_object()?;
        let expected = subjects(step.get("expect").unwrap_or(&Value::Null));
        let names = overlay.iter().filter(|(name, value)| {
            let mut merged = body.get(*name).cloned().unwrap_or(Value::Null);
            match (&mut merged, value) {
                (Value::Object(inner), Value::Object(over)) => merge(inner, over),
                (merged, value) => *merged = (*value).clone(),
            }
            body.get(*name) != Some(&merged)
        });
        let mut names = names.map(|(name, _)| name.as_str());
        names
            .find(|name| expected.contains(*name) || (is_refused(step) && body.contains_key(*name)))
    })
}

/// The members that expectations speak of.
fn subjects(expect: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(expect, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => {
            for (name, inner) in members {
                let decides = DECIDES.iter().filter(|(subject, _)| subject == name);
                found.extend(decides.map(|(_, member)| (*member).to_owned()));
                match (name.as_str(), inner) {
                    ("sent" | "effective", Value::Object(named)) => {
                        found.extend(named.keys().cloned());
                    }
                    ("json" | "body", Value::Object(named)) => {
                        let firsts = named.keys().filter_map(|pointer| pointer.split('/').nth(1));
                        found.extend(firsts.map(str::to_owned));
                    }
                    _ => collect(inner, found),
                }
            }
        }
        _ => {}
    }
}

/// Whether a step is about what its request has wrong.
fn is_refused(step: &Value) -> bool {
    let expected = step.pointer("/expect/response").and_then(Value::as_array);
    let refused = |status: &Value| match status {
        Value::Number(number) => number.as_u64().is_some_and(|status| status >= 400),
        Value::String(class) => class.starts_with(['4', '5']),
        _ => false,
    };
    expected
        .into_iter()
        .flatten()
        .any(|one| match one.get("status") {
            Some(Value::Array(statuses)) => statuses.iter().all(refused),
            Some(status) => refused(status),
            None => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn objects_are_merged_and_everything_else_is_replaced() {
        let mut body = object(&json!({ "a": { "b": 1, "c": [1] }, "d": 1, "e": 1 }));
        merge(
            &mut body,
            &object(&json!({ "a": { "c": [2], "x": {} }, "d": { "y": 1 } })),
        );
        let wanted = json!({ "a": { "b": 1, "c": [2], "x": {} }, "d": { "y": 1 }, "e": 1 });
        assert_eq!(Value::Object(body), wanted);
    }

    #[test]
    fn what_a_case_is_about_cannot_be_overlaid() {
        let catalog = crate::catalog::Catalog::load(&[]).unwrap();
        let about = |id: &str, overlay: Value| {
            let case = catalog.cases.iter().find(|case| case.id.as_str() == id);
            conflict(case.unwrap(), &object(&overlay)).is_some()
        };
        let size = json!({ "size": "1024x1536" });
        assert!(about("parameters/generations/size", size.clone()));
        assert!(about("refusals/generations/size-impossible", size));
        assert!(about("parameters/generations/n", json!({ "n": 1 })));
        for harmless in [
            json!({ "metadata": { "team": "ci" } }),
            json!({ "quality": "low" }),
        ] {
            assert!(!about("parameters/generations/size", harmless));
        }
        assert!(about(
            "parameters/generations/quality",
            json!({ "quality": "low" })
        ));
    }
}

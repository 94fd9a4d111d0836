//! Says what breaks a schema, for a person: where, what was found, what is allowed. Of several alternatives it
//! speaks of the one that was probably meant.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::catalog::nearest;

/// Values longer than this are not shown in a message.
const LONGEST_SHOWN: usize = 80;
/// More problems than this are not listed.
const MOST_SHOWN: usize = 10;

/// A JSON pointer and what is wrong there.
type Issue = (String, String);

/// What is wrong with a value, as (JSON pointer, problem).
#[must_use]
pub fn issues(schema: &Validator, value: &Value) -> Vec<Issue> {
    let mut found = Vec::new();
    for error in schema.iter_errors(value).take(MOST_SHOWN) {
        for issue in explain(&error) {
            if !found.contains(&issue) {
                found.push(issue);
            }
        }
    }
    found.truncate(MOST_SHOWN);
    found
}

fn explain(error: &ValidationError<'_>) -> Vec<Issue> {
    use ValidationErrorKind as Kind;
    let place = error.instance_path().to_string();
    let one = |problem: String| vec![(place.clone(), problem)];
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => alternatives(error, context),
        Kind::OneOfMultipleValid { .. } => {
            one(format!("only one of {} can stand here", ways(error)))
        }
        Kind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| (place.clone(), unknown_member(error, name)))
            .collect(),
        Kind::PropertyNames { error: inner } => one(format!("a name is wrong: {}", rule(inner))),
        _ => one(rule(error)),
    }
}

/// One problem in one sentence.
fn rule(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let expected = match error.kind() {
        Kind::Constant { expected_value } => expected_value.to_string(),
        Kind::Enum { options } => format!("one of {}", listed(options)),
        Kind::Format { format } => format!("a text of the format {format}"),
        Kind::Pattern { pattern } => format!("a text of the form {pattern}"),
        Kind::Type { kind } => named(kind),
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            return format!("the member '{name}' is missing");
        }
        Kind::Not { schema } if !together(schema).is_empty() => {
            return format!("{} cannot stand together", together(schema));
        }
        _ => {
            let found = found(error).map_or(String::new(), |found| format!(" (found {found})"));
            return format!("{}{found}", error.masked_with("this value"));
        }
    };
    let found = found(error).unwrap_or_else(|| "something else".to_owned());
    format!("expected {expected}, found {found}")
}

/// None of several forms fits.
fn alternatives(
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
) -> Vec<Issue> {
    let depth = error.instance_path().as_str().len();
    // The value has the shape of a form, and something inside of it is wrong.
    let inside = |branch: &&Vec<ValidationError<'static>>| {
        branch.iter().all(|problem| {
            problem.instance_path().as_str().len() > depth
                || matches!(
                    problem.kind(),
                    ValidationErrorKind::AdditionalProperties { .. }
                )
        })
    };
    let meant = context
        .iter()
        .filter(inside)
        .min_by_key(|branch| branch.len());
    if let Some(meant) = meant.or_else(|| begun(error, context)) {
        return meant.iter().flat_map(explain).collect();
    }
    let place = error.instance_path().to_string();
    let is_missing = |problem: &ValidationError<'_>| {
        matches!(problem.kind(), ValidationErrorKind::Required { .. })
    };
    if context.iter().flatten().all(is_missing) {
        return vec![(place, format!("one of {} is missing", ways(error)))];
    }
    let mut problems: Vec<String> = Vec::new();
    let told = context.iter().flatten().flat_map(explain);
    for (_, problem) in told.filter(|(other, _)| *other == place) {
        let problem = problem.strip_prefix("expected ").unwrap_or(&problem);
        let problem = problem
            .split(", found ")
            .next()
            .unwrap_or_default()
            .to_owned();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    let found = found(error).unwrap_or_else(|| "something else".to_owned());
    vec![(
        place,
        format!("expected {}, found {found}", problems.join(", or ")),
    )]
}

/// The form of which most members are there.
fn begun<'c>(
    error: &ValidationError<'_>,
    context: &'c [Vec<ValidationError<'static>>],
) -> Option<&'c Vec<ValidationError<'static>>> {
    let forms = keyword(error)?;
    let there = |form: &Value| {
        let names = required(form);
        let there = names
            .iter()
            .filter(|name| error.instance().get(name).is_some());
        there.count()
    };
    let scored = forms.as_array()?.iter().map(there).zip(context);
    let best = scored.max_by_key(|(there, branch)| (*there, usize::MAX - branch.len()));
    best.filter(|(there, _)| *there > 0)
        .map(|(_, branch)| branch)
}

/// The members that each of several forms needs: `'operation', 'method' and 'path', 'url'`.
fn ways(error: &ValidationError<'_>) -> String {
    let forms = keyword(error).and_then(|forms| forms.as_array().cloned());
    let forms: Vec<_> = forms.iter().flatten().map(together).collect();
    forms.join(", ")
}

fn together(form: &Value) -> String {
    let names: Vec<_> = required(form)
        .iter()
        .map(|name| format!("'{name}'"))
        .collect();
    names.join(" and ")
}

fn required(form: &Value) -> Vec<&str> {
    let names = form.get("required").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn unknown_member(error: &ValidationError<'_>, name: &str) -> String {
    let known = schema_of(error).and_then(|schema| schema.get("properties").cloned());
    let known: Vec<String> = known
        .as_ref()
        .and_then(Value::as_object)
        .map(|members| members.keys().cloned().collect())
        .unwrap_or_default();
    if known.is_empty() {
        return format!("unknown member '{name}'");
    }
    format!(
        "unknown member '{name}': did you mean {}? known are {}",
        nearest(name, known.iter().map(String::as_str)),
        known.join(", ")
    )
}

/// The value of the keyword that was broken.
fn keyword(error: &ValidationError<'_>) -> Option<Value> {
    let (file, pointer) = location(error)?;
    file.pointer(&pointer).cloned()
}

/// The schema that holds the keyword that was broken.
fn schema_of(error: &ValidationError<'_>) -> Option<Value> {
    let (file, pointer) = location(error)?;
    let (parent, _) = pointer.rsplit_once('/')?;
    file.pointer(parent).cloned()
}

/// The embedded file and the place in it.
fn location(error: &ValidationError<'_>) -> Option<(Value, String)> {
    let location = error.absolute_keyword_location()?.as_str();
    let (file, pointer) = location.strip_prefix(schemas::BASE)?.split_once('#')?;
    let file = serde_json::from_str(schemas::text(file)?).ok()?;
    Some((file, pointer.replace("%24", "$").replace("%5E", "^")))
}

/// The value, if it is short.
fn found(error: &ValidationError<'_>) -> Option<String> {
    let text = error.instance().to_string();
    (text.len() <= LONGEST_SHOWN).then_some(text)
}

fn listed(options: &Value) -> String {
    let options = options.as_array().into_iter().flatten();
    options.map(Value::to_string).collect::<Vec<_>>().join(", ")
}

fn named(kind: &TypeKind) -> String {
    let names: Vec<String> = match kind {
        TypeKind::Single(name) => vec![name.to_string()],
        TypeKind::Multiple(names) => names.iter().map(|name| name.to_string()).collect(),
    };
    format!("a value of type {}", names.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(change: impl Fn(&mut Value)) -> String {
        let mut case = json!({
            "summary": "a case of somebody's own",
            "request": { "operation": "images.generations", "body": {} },
            "expect": { "response": [{ "requirement": "own.one", "status": 200 }] }
        });
        change(&mut case);
        let schema = crate::schema::compile("case").unwrap();
        let issues = issues(&schema, &case);
        let lines = issues
            .iter()
            .map(|(place, problem)| format!("{place}: {problem}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_good_case_has_no_issue() {
        assert_eq!(told(|_| ()), "");
    }

    #[test]
    fn messages_say_what_is_allowed() {
        let status =
            |value: Value| told(|case| case["expect"]["response"][0]["status"] = value.clone());
        assert_eq!(
            status(json!("6xx")),
            "/expect/response/0/status: expected a value of type integer, or one of \"2xx\", \"4xx\", \"5xx\", \
             or a value of type array, found \"6xx\""
        );
        assert!(status(json!([200, "ok"])).starts_with("/expect/response/0/status/1: expected"));
        let text = told(|case| case["reqest"] = json!({}));
        assert!(
            text.contains("unknown member 'reqest': did you mean 'request'? known are"),
            "{text}"
        );
        let text = told(|case| case["request"]["credential"] = json!("defualt"));
        assert!(
            text.contains("/request/credential: expected one of \"default\", \"second\""),
            "{text}"
        );
        let text = told(|case| case["request"] = json!({ "body": {} }));
        assert_eq!(
            text,
            "/request: one of 'operation', 'method' and 'path', 'url' is missing"
        );
        let text = told(|case| case["request"] = json!({ "path": "/x" }));
        assert_eq!(text, "/request: the member 'method' is missing");
        let text = told(|case| case["request"]["url"] = json!("http://x"));
        assert!(
            text.contains("/request: only one of 'operation', 'method' and 'path', 'url'")
                && text.contains("/request: 'url' and 'body' cannot stand together"),
            "{text}"
        );
        let text = told(|case| case["request"]["raw"] = json!(""));
        assert_eq!(text, "/request: 'body' and 'raw' cannot stand together");
        let text = told(|case| drop(case.as_object_mut().unwrap().remove("expect")));
        assert_eq!(text, ": the member 'expect' is missing");
        let text =
            told(|case| case["upstream"] = json!({ "answers": [{ "do": "ok", "hlod": [] }] }));
        assert!(
            text.contains("/upstream/answers/0: unknown member 'hlod': did you mean 'hold'?"),
            "{text}"
        );
        let text = told(|case| {
            case["expect"]["response"][0]["json"] = json!({ "/data": { "$lenght": 1 } });
        });
        assert!(
            text.contains("'$lenght': did you mean '$length'?"),
            "{text}"
        );
    }
}

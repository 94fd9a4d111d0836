//! Renders errors as OpenAI does: the catalogue row, the envelope with two blanks of indent, the headers of
//! the front.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::catalogue::{ErrorRow, Layer, Stage, Values};
use crate::provider::Call;
use crate::provider::openai::headers::{self, ORGANIZATION};
use crate::provider::openai::{Desk, operation};
use crate::scenario::{Element, Order};
use crate::wire::{Answer, Request};

/// Why a request is not answered with images: a catalogue row and the values of its placeholders.
#[derive(Clone, Debug)]
pub(in crate::provider) struct Refusal {
    row: String,
    within: Option<String>,
    values: BTreeMap<&'static str, String>,
    params: BTreeMap<String, String>,
}

impl Refusal {
    /// A refusal of the provider's own.
    pub(in crate::provider) fn new<const N: usize>(
        row: &str,
        values: [(&'static str, String); N],
    ) -> Self {
        Self {
            row: row.to_owned(),
            within: None,
            values: BTreeMap::from(values),
            params: BTreeMap::new(),
        }
    }

    /// A condition that a scenario asked for, with its parameters.
    pub(super) fn condition(element: &Element) -> Self {
        Self {
            row: element.name.clone(),
            within: None,
            values: BTreeMap::new(),
            params: element.params.clone(),
        }
    }
}

impl Refusal {
    /// A member of the wrong JSON type.
    pub(in crate::provider) fn wrong_type(param: &str, expected: &str, got: &Value) -> Self {
        let got = match got {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(number) if number.is_f64() => "a decimal number",
            Value::Number(_) => "an integer",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        let values = [
            ("param", param.to_owned()),
            ("expected", expected.to_owned()),
            ("got", got.to_owned()),
        ];
        Self::new("invalid-type", values)
    }

    /// The same about a member of a member: the param is named in full, and the type is the general one.
    pub(super) fn within(mut self, place: String) -> Self {
        self.within = Some(place);
        self
    }
}

/// How errors are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Layout {
    /// Four blanks of indent, a line break at the end and a charset: the front of chat completions.
    Chat,
    /// Two blanks of indent.
    Images,
    /// All on one line: Azure's gateway.
    Line,
}

impl Layout {
    fn of(row: &ErrorRow, call: &Call) -> Self {
        let operation = call.operation.and_then(operation::by_id);
        match row.layer {
            Layer::Front => operation.map_or(Self::Images, operation::Operation::layout),
            Layer::Gateway => Self::Line,
            Layer::Model => Self::Images,
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Chat => "application/json; charset=utf-8",
            Self::Images | Self::Line => "application/json",
        }
    }

    fn write(self, body: &Value) -> String {
        match self {
            Self::Images => pretty(body),
            Self::Line => body.to_string(),
            Self::Chat => pretty(body).lines().fold(String::new(), |all, line| {
                // Twice the indent of the other layout; texts in JSON hold no line breaks.
                let indent = line.len() - line.trim_start().len();
                all + &" ".repeat(indent) + line + "\n"
            }),
        }
    }
}

/// Accepts or refuses the credential.
pub(in crate::provider) fn authenticate(call: &Call, turn: &Desk<'_>) -> Result<(), Refusal> {
    let Some(key) = &call.credential else {
        return Err(Refusal::new("missing-key", []));
    };
    let listed = &turn.world.settings.api_keys;
    let known = if listed.is_empty() {
        !key.contains("invalid")
    } else {
        listed.contains(key)
    };
    known
        .then_some(())
        .ok_or_else(|| Refusal::new("invalid-key", []))
}

/// Refuses where the scenario asks for a condition that shows at this stage.
pub(super) fn of_condition(stage: Stage, order: &Order, turn: &Desk<'_>) -> Result<(), Refusal> {
    let Some(element) = &order.condition else {
        return Ok(());
    };
    match turn.data.errors.row(&element.name) {
        Some(row) if row.stage == stage && row.effect.is_none() => Err(Refusal::condition(element)),
        _ => Ok(()),
    }
}

/// A path or method that the API does not have.
pub(super) fn no_such_operation(request: &Request, turn: &Desk<'_>) -> Answer {
    let values = || {
        [
            ("method", request.method.clone()),
            ("path", request.path.clone()),
        ]
    };
    if let Some(methods) = operation::methods(request) {
        let mut answer = render(
            &Refusal::new("wrong-method", values()),
            &Call::default(),
            turn,
        );
        answer.headers.push(("allow".into(), methods.into()));
        return answer;
    }
    render(
        &Refusal::new("invalid-url", values()),
        &Call::default(),
        turn,
    )
}

/// The whole answer for a refusal.
pub(in crate::provider) fn render(refusal: &Refusal, call: &Call, turn: &Desk<'_>) -> Answer {
    let Some(row) = row(refusal, call, turn) else {
        return mock_error(&format!("the catalogue has no row '{}'", refusal.row), turn);
    };
    let values = values(refusal, call, turn);
    let layout = Layout::of(row, call);
    let (content_type, text) = match &row.text {
        Some(text) => (text.content_type.clone(), text.body.clone()),
        None => {
            let announced = row.media_type.as_deref().unwrap_or(layout.media_type());
            let body = filled(row, refusal, &values);
            let body = body.map(|body| layout.write(&body));
            (announced.to_owned(), body.unwrap_or_default())
        }
    };
    let mut headers = vec![("content-type".to_owned(), content_type)];
    headers.retain(|_| !row.no_content_type);
    headers.extend(row.filled_headers(&values));
    let own: Vec<_> = headers.iter().map(|(name, _)| name.clone()).collect();
    let others = headers::of_refusal(row, call, turn).into_iter();
    headers.extend(others.filter(|(name, _)| !own.contains(name)));
    let mut answer = Answer::whole(row.status, headers, vec![Bytes::from(text)]);
    // The same name wherever it happens, whatever the operation makes of it.
    answer.summary.condition.clone_from(&refusal.row);
    answer.summary.retry_after_ms = row.told_to_wait(&values);
    answer
}

/// The JSON body of a refusal, none for rows that are plain text.
pub(super) fn body(refusal: &Refusal, call: &Call, turn: &Desk<'_>) -> Option<Value> {
    let row = row(refusal, call, turn)?;
    filled(row, refusal, &values(refusal, call, turn))
}

/// The row of a refusal, as this operation puts it for this model.
fn row<'d>(refusal: &Refusal, call: &Call, turn: &Desk<'d>) -> Option<&'d ErrorRow> {
    let model = call.effective.get("model").and_then(Value::as_str);
    let operation = call.operation.unwrap_or_default();
    let errors = &turn.data.errors;
    errors.row_in(&refusal.row, operation, model.unwrap_or_default())
}

fn filled(row: &ErrorRow, refusal: &Refusal, values: &Values<'_>) -> Option<Value> {
    let mut body = row.filled_body(values)?;
    let error = body.get_mut("error").and_then(Value::as_object_mut);
    if let (Some(place), Some(error)) = (&refusal.within, error) {
        let param = error.get("param").and_then(Value::as_str);
        let param = param.map(|param| format!("{place}.{param}"));
        error.insert(
            "param".into(),
            param.unwrap_or_else(|| place.clone()).into(),
        );
        error.insert("type".into(), "invalid_request_error".into());
    }
    Some(body)
}

fn values<'r>(refusal: &'r Refusal, call: &Call, turn: &Desk<'_>) -> Values<'r> {
    let member = |name: &str| match call.effective.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let mut values = Values::from([
        ("model", member("model")),
        ("n", member("n")),
        ("request-id", format!("req_{}", turn.id)),
        ("uuid", turn.uuid()),
        ("gateway-uuid", turn.gateway_uuid()),
        ("organization", ORGANIZATION.to_owned()),
        (
            "masked-key",
            masked(call.credential.as_deref().unwrap_or_default()),
        ),
    ]);
    values.extend(
        refusal
            .values
            .iter()
            .map(|(name, value)| (*name, value.clone())),
    );
    values.extend(
        refusal
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );
    values
}

/// An error of the mock itself, in the envelope that every SDK shows.
pub(in crate::provider) fn mock_error(message: &str, turn: &Desk<'_>) -> Answer {
    let body = json!({ "error": {
        "message": message, "type": "mock_scenario_error", "param": null, "code": "mock_scenario_error"
    } });
    let headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        // An SDK must not try three times to tell its user of a misspelt scenario.
        ("x-should-retry".to_owned(), "false".to_owned()),
        ("x-request-id".to_owned(), format!("req_{}", turn.id)),
    ];
    let mut answer = Answer::whole(400, headers, vec![Bytes::from(pretty(&body))]);
    answer.summary.condition = "mock-scenario-error".to_owned();
    answer
}

/// JSON with two blanks of indent and no end of line, as the image routes send it.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The provider shows the first eight and last four characters of a long key.
fn masked(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    if letters.len() <= 12 {
        return key.to_owned();
    }
    let tail = letters.len() - 4;
    let hidden = "*".repeat(tail - 8);
    let (head, tail): (String, String) = (
        letters[..8].iter().collect(),
        letters[tail..].iter().collect(),
    );
    format!("{head}{hidden}{tail}")
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn long_keys_are_masked_as_recorded() {
        assert_eq!(masked("fake_key"), "fake_key");
        assert_eq!(masked("invalid-123452345"), "invalid-*****2345");
    }
}

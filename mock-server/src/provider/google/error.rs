//! Renders errors as Google does: `google.rpc.Status` with typed details, in the frame of the operation.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::catalogue::{ErrorRow, Stage, Values, fill};
use crate::provider::Call;
use crate::provider::google::json::{line, pretty};
use crate::provider::google::reader::Problem;
use crate::provider::google::route::Verb;
use crate::provider::google::{Desk, Face, GEMINI};
use crate::scenario::{Element, Order};
use crate::wire::Answer;

/// How a stream is framed.
pub(super) const SSE: &str = "sse";
/// The other way: one JSON array.
pub(super) const ARRAY: &str = "array";

/// The stream of the compatible endpoint.
pub(super) const COMPATIBLE: &str = "compatible";

/// Why a request is not answered with images: a catalogue row and the values of its placeholders.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    row: String,
    values: BTreeMap<&'static str, String>,
    params: BTreeMap<String, String>,
    // Boxed, so that results stay small.
    details: Option<Box<Value>>,
}

impl Refusal {
    /// A refusal of the provider's own.
    pub(super) fn new<const N: usize>(row: &str, values: [(&'static str, String); N]) -> Self {
        Self {
            row: row.to_owned(),
            values: BTreeMap::from(values),
            params: BTreeMap::new(),
            details: None,
        }
    }

    /// A condition that a scenario asked for, with its parameters.
    pub(super) fn condition(element: &Element) -> Self {
        Self {
            params: element.params.clone(),
            ..Self::new(&element.name, [])
        }
    }

    /// What a message has that its description has not.
    pub(super) fn problems(problems: &[Problem]) -> Self {
        let texts: Vec<_> = problems.iter().map(|p| p.description.as_str()).collect();
        let violations: Vec<_> = problems.iter().map(Problem::violation).collect();
        Self {
            details: Some(Box::new(json!([{
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": violations,
            }]))),
            ..Self::new("invalid-payload", [("problems", texts.join("\n"))])
        }
    }

    /// The row with its values, none if the catalogue lacks it.
    fn filled(&self, call: &Call, desk: &Desk<'_>) -> Option<Value> {
        let row = desk.data.errors.row(&self.row)?;
        let mut body = row.filled_body(&self.values(call, desk))?;
        if let (Some(details), Some(error)) = (&self.details, body.get_mut("error")) {
            error["details"] = (**details).clone();
        }
        Some(body)
    }

    /// What the placeholders of a row stand for.
    pub(super) fn values<'r>(&'r self, call: &Call, desk: &Desk<'_>) -> Values<'r> {
        let route = &desk.route;
        let member = |name: &str| call.effective.get(name).and_then(Value::as_str);
        let project = route.project.clone().unwrap_or_else(|| "12345678".into());
        let service = match desk.face {
            Face::Gemini => "google.ai.generativelanguage",
            Face::Vertex => "google.cloud.aiplatform",
        };
        let method = match route.verb {
            Verb::Predict => "PredictionService.Predict",
            Verb::Stream if desk.face == Face::Vertex => "PredictionService.StreamGenerateContent",
            _ if desk.face == Face::Vertex => "PredictionService.GenerateContent",
            _ => "GenerativeService.GenerateContent",
        };
        let mut values = Values::from([
            ("model", member("model").unwrap_or_default().to_owned()),
            ("path", desk.path.clone()),
            ("project", project),
            ("resource", route.resource.clone()),
            ("rpc", format!("{service}.{}.{method}", route.version)),
            ("verb", route.verb.named().to_owned()),
            ("version", route.version.clone()),
        ]);
        values.extend(
            self.values
                .iter()
                .map(|(name, value)| (*name, value.clone())),
        );
        let params = self.params.iter();
        values.extend(params.map(|(name, value)| (name.as_str(), value.clone())));
        values
    }
}

/// Refuses where the scenario asks for a condition that shows at this stage.
pub(super) fn of_condition(stage: Stage, order: &Order, desk: &Desk<'_>) -> Result<(), Refusal> {
    let Some(element) = &order.condition else {
        return Ok(());
    };
    match desk.data.errors.row(&element.name) {
        Some(row) if row.stage == stage && row.effect.is_none() => Err(Refusal::condition(element)),
        _ => Ok(()),
    }
}

/// The row of a condition that is a success by its status.
pub(super) fn effect<'o, 'w>(
    order: &'o Order,
    desk: &Desk<'w>,
) -> Option<(&'o Element, &'w ErrorRow)> {
    let element = order.condition.as_ref()?;
    let row = desk.data.errors.row(&element.name)?;
    row.effect.as_ref().map(|_| (element, row))
}

/// The whole answer for a refusal.
pub(super) fn render(refusal: &Refusal, call: &Call, desk: &Desk<'_>) -> Answer {
    let Some(row) = desk.data.errors.row(&refusal.row) else {
        return mock_error(&format!("the catalogue has no row '{}'", refusal.row), desk);
    };
    let values = refusal.values(call, desk);
    let (content_type, text) = match (&row.text, refusal.filled(call, desk)) {
        (Some(text), _) => {
            let body = row.fill_value(Value::String(text.body.clone()), &values);
            let body = body.as_str().unwrap_or_default().to_owned();
            (text.content_type.clone(), body)
        }
        (None, body) => framed(&desk.style.error(body.unwrap_or_default()), call, desk),
    };
    let mut headers = vec![("content-type".to_owned(), content_type)];
    headers.extend(row.filled_headers(&values));
    // The front answers in its own name; only what comes from the API has the API's headers.
    if row.text.is_none() {
        headers.extend(common_headers(desk));
    }
    let mut answer = Answer::whole(row.status, headers, vec![Bytes::from(text)]);
    answer.summary.condition.clone_from(&row.id);
    answer.summary.retry_after_ms = row.told_to_wait(&values);
    answer
}

/// An error before anything else of the answer: an object, but a list of one for the array form of a stream and
/// for the OpenAI-compatible routes. SSE says so in its media type only (recorded).
fn framed(body: &Value, call: &Call, desk: &Desk<'_>) -> (String, String) {
    let text = desk.style.text(body);
    let json = "application/json; charset=UTF-8".to_owned();
    if desk.route.verb.compatible() || call.framing == ARRAY {
        return (json, format!("[{}\n]", text.trim_end()));
    }
    match call.framing {
        SSE => ("text/event-stream".to_owned(), text),
        _ => (json, text),
    }
}

/// An error that ends a stream: bare JSON in a chunk of its own; `;framed=true` gives it the frame of an event. In
/// the array form it is one more item, or the only one where it is what opens the stream.
pub(super) fn in_stream(
    call: &Call,
    condition: &Element,
    opening: bool,
    desk: &Desk<'_>,
) -> Vec<Bytes> {
    let general = || Refusal::new("server-error", []).filled(call, desk);
    let body = Refusal::condition(condition).filled(call, desk);
    let body = body.or_else(general).unwrap_or_default();
    let framed = condition.params.get("framed").is_some_and(|v| v == "true");
    let text = match (call.framing, framed) {
        (SSE, true) => format!("data: {}\r\n\r\n", line(&body)),
        // Not seen; errors of these routes are lists of one.
        (COMPATIBLE, true) => format!("data: [{body}]\n\n"),
        (COMPATIBLE, false) => format!("[{}\n]", pretty(&body).trim_end()),
        (ARRAY, _) => format!("{}{}]", if opening { "[" } else { ",\r\n" }, pretty(&body)),
        _ => pretty(&body),
    };
    vec![text.into()]
}

/// The headers that the front puts on an answer of the API.
pub(super) fn common_headers(desk: &Desk<'_>) -> Vec<(String, String)> {
    let every = &desk.data.errors.headers.every;
    let value = |name: &str| (name == "processing-ms").then(|| "21".to_owned());
    let rows = every.iter();
    rows.map(|(name, template)| (name.clone(), fill(template, value)))
        .collect()
}

/// An error of the mock itself, in the envelope that every SDK shows.
pub(super) fn mock_error(message: &str, desk: &Desk<'_>) -> Answer {
    let body = json!({ "error": {
        "code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "MOCK_SCENARIO_ERROR",
            "domain": if desk.face.id() == GEMINI { "gemini.mock" } else { "vertex.mock" },
        }]
    } });
    let headers = vec![(
        "content-type".to_owned(),
        "application/json; charset=UTF-8".to_owned(),
    )];
    let mut answer = Answer::whole(400, headers, vec![Bytes::from(pretty(&body))]);
    answer.summary.condition = "mock-scenario-error".to_owned();
    answer
}

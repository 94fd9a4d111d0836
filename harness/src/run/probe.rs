//! Proves, unpaid, that the target's upstream is the mock: otherwise every verdict would be about something else.

use mock_server::journal::Entry;
use serde_json::{Map, Value, json};

use crate::case::RequestStep;
use crate::exchange::client::Manner;
use crate::exchange::progress::Progress;
use crate::exchange::{Outcome, Sent};
use crate::operation::{Operation, Protocol};
use crate::profile::Model;
use crate::run::request::{self, Setting};
use crate::run::session::Session;
use crate::run::setup::SetupError;
use crate::run::token::Origin;

/// What a probe is made from; no case has this name.
const NAME: &str = "probe";
/// What a probe asks for, before its token.
const TEXT: &str = "a probe of the connection";

/// Sends the probe and looks for it in the journal.
pub(super) async fn connected(
    session: &Session,
    own: Option<Map<String, Value>>,
    allow_paid: bool,
) -> Result<(), SetupError> {
    let Some(mock) = &session.mock else {
        return Ok(());
    };
    let origin = Origin {
        seed: session.seed,
        instance: NAME,
        repetition: 0,
        copy: 0,
    };
    let token = origin.token().to_string();
    let after = mock.last().await?;
    let sent = probe(session, own, &token, allow_paid)?;
    let manner = Manner::within(session.target.timeout);
    let outcome = session
        .client
        .send(&sent, manner, &Progress::default())
        .await;
    let arrived = mock.entries(&token, after).await?;
    let refused = |entry: &Entry| {
        entry
            .answer
            .as_ref()
            .is_some_and(|answer| answer.status == 401)
    };
    if !arrived.is_empty() && arrived.iter().all(refused) {
        let message = "the target's call arrived at the mock upstream, which refused its key: configure any upstream key \
             in the target (the mock accepts everything that is not empty and does not contain `invalid`)";
        return Err(SetupError::Disconnected(message.to_owned()));
    }
    if !arrived.is_empty() {
        return Ok(());
    }
    Err(SetupError::Disconnected(explain(
        session, &outcome, allow_paid,
    )))
}

fn probe(
    session: &Session,
    own: Option<Map<String, Value>>,
    token: &str,
    allow_paid: bool,
) -> Result<Sent, SetupError> {
    let target = &session.target;
    let Some((operation, model)) = target.profile.models.iter().find_map(|(_, model)| {
        model
            .operations
            .iter()
            .find(|operation| target.profile.paths.contains_key(*operation))
            .map(|operation| (*operation, model))
    }) else {
        let message = "the target's model table has no model for any of its operations";
        return Err(SetupError::Usage(message.to_owned()));
    };
    let body = body(own, operation, model, token, allow_paid);
    let step = RequestStep {
        operation: Some(operation),
        model: Some(model.name.clone()),
        body: Some(body),
        ..RequestStep::default()
    };
    let setting = Setting {
        target,
        origins: &[],
        files: &session.catalog.files,
        token,
    };
    request::build(&step, &setting).map_err(SetupError::Usage)
}

/// The body of a probe: every provider refuses it, unpaid, unless one good request is allowed.
pub(crate) fn body(
    own: Option<Map<String, Value>>,
    operation: Operation,
    model: &Model,
    token: &str,
    allow_paid: bool,
) -> Map<String, Value> {
    let mark = format!("[[case:{token}]]");
    let mut body = own.unwrap_or_default();
    match operation.protocol() {
        Protocol::Content | Protocol::Predict => google(&mut body, operation, &mark, allow_paid),
        protocol => {
            body.entry("model")
                .or_insert_with(|| model.name.clone().into());
            match protocol {
                Protocol::Chat => chat(&mut body, &mark, allow_paid),
                _ => images(&mut body, &mark, allow_paid),
            }
        }
    }
    body
}

/// No provider makes an image of this size: it is refused, and costs nothing.
fn images(body: &mut Map<String, Value>, mark: &str, allow_paid: bool) {
    let prompt = body.get("prompt").and_then(Value::as_str);
    let prompt = prompt.unwrap_or(TEXT).to_owned();
    body.insert("prompt".into(), format!("{prompt} {mark}").into());
    if !allow_paid {
        body.entry("size").or_insert(json!("1x1"));
    }
}

/// No provider reads an image from these bytes.
fn chat(body: &mut Map<String, Value>, mark: &str, allow_paid: bool) {
    let mut content = vec![json!({ "type": "text", "text": format!("{TEXT} {mark}") })];
    if !allow_paid {
        let url = "data:image/png;base64,bm8gaW1hZ2U=";
        content.push(json!({ "type": "image_url", "image_url": { "url": url } }));
    }
    append(
        body,
        "messages",
        json!({ "role": "user", "content": content }),
    );
}

/// Google refuses a member that the message does not have.
fn google(body: &mut Map<String, Value>, operation: Operation, mark: &str, allow_paid: bool) {
    let text = format!("{TEXT} {mark}");
    if operation == Operation::Predict {
        append(body, "instances", json!({ "prompt": text }));
    } else {
        let turn = json!({ "role": "user", "parts": [{ "text": text }] });
        append(body, "contents", turn);
    }
    if !allow_paid {
        body.entry("probe").or_insert(json!(true));
    }
}

fn append(body: &mut Map<String, Value>, name: &str, item: Value) {
    match body.get_mut(name).and_then(Value::as_array_mut) {
        Some(items) => items.push(item),
        None => drop(body.insert(name.to_owned(), json!([item]))),
    }
}

fn explain(session: &Session, outcome: &Outcome, allow_paid: bool) -> String {
    let target = &session.target.base_url;
    let upstream = &session.upstream_url;
    match outcome {
        Outcome::NoAnswer(reason) => {
            format!("the target {target} does not answer: {reason}. Is it running?")
        }
        Outcome::TimedOut | Outcome::HungUp => {
            format!("the target {target} did not answer in time")
        }
        Outcome::Answer(answer) if matches!(answer.status, 401 | 403) => format!(
            "the target {target} refused the key with {}: put a client key into the environment variable {} (or name another one with --api-key-env)",
            answer.status,
            crate::run::setup::DEFAULT_KEY_VARIABLE
        ),
        Outcome::Answer(answer) if (400..500).contains(&answer.status) && !allow_paid => format!(
            "the target {target} refused the probe (an image of size 1x1) with {} and called no provider, so it cannot be seen whether its upstream is the mock at {upstream}. \
             Configure the target's upstream as {upstream} (OpenAI base URL: {upstream}/v1), then either give the target file a `probe` that the target lets through, or allow one good request as the probe with --allow-paid",
            answer.status
        ),
        Outcome::Answer(answer) if (300..400).contains(&answer.status) => format!(
            "the target {target} answered {} and pointed to {}: the harness follows no redirection, name the address behind it as the target",
            answer.status,
            answer.header("location").unwrap_or("nowhere")
        ),
        Outcome::Answer(answer) => format!(
            "the target {target} answered {}, but no call arrived at the mock upstream {upstream}. \
             Configure the target's upstream as {upstream} (OpenAI base URL: {upstream}/v1), or run with --no-upstream against a real provider",
            answer.status
        ),
    }
}

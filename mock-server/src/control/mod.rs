//! The control API under `/_mock/`: what [`MockServer`](crate::MockServer) offers in a test, over HTTP. Scenarios
//! never apply to it, and it asks for no credential.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /_mock/health` | [`Health`] |
//! | `GET /_mock/journal?case=&after=&since=&limit=&wait=5s` | a [`Page`](crate::journal::Page); with `wait`, once there is an entry |
//! | `DELETE /_mock/journal` | forgets the entries; sequence numbers go on |
//! | `PUT /_mock/scripts/{token}` | a [`ScriptText`]: the answers to the calls of a case; answers [`ScriptSet`] |
//! | `DELETE /_mock/scripts/{token}` | forgets it |
//! | `POST /_mock/scripts/{token}/release` | opens the next hold |
//! | `GET`, `PUT /_mock/scenario` | a [`GlobalScenario`]: what every call is answered with |
//! | `PUT /_mock/canaries` | [`Canaries`]: secrets that must not arrive |
//! | `GET /_mock/verdict?case=` | a [`Verdict`](crate::verdict::Verdict) on the client, of all calls or of one case |
//! | `POST /_mock/reset` | as it was started: no journal, scripts, canaries, counts |
//! | `GET /_mock/conditions` | the vocabulary, a list of [`Word`]s |
//! | `GET /_mock/metrics` | counts, for Prometheus |
//! | `GET /_mock/certificate` | the certificate of a server with TLS, as PEM |
//! | `GET /_mock/` | the inspector page: journal and verdict for the eye |
//!
//! What cannot be used is answered with `{"error": "…"}`: 400 for a text, 404 for a path, 413 for a size.
//!
//! **Scripts.** Every call of an operation with the token takes the next item, whatever it is answered with: a
//! call that the provider refuses by itself (401, 400) takes one too, so that the k-th call always meets the k-th
//! item. Beyond the last item calls are answered with success, and the journal says `beyond_script`. A PUT replaces
//! the script; its counts and releases start over.
//!
//! **Holds.** Each release opens one hold; an early one opens the next that is reached. A hold ends with its
//! release, when the peer goes, or after ten minutes, with which the connection is cut. When its script is
//! replaced, deleted or reset, nobody could release it any more: the answer goes on, and the journal says
//! `script_gone`.

mod plain;

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::LibraryError;
use crate::core::Core;
use crate::duration;
use crate::fault::FAULTS;
use crate::habit::HABITS;
use crate::image::Token;
use crate::journal::Query;
use crate::playbook::ScriptText;
use crate::scenario::Directive;
use crate::wire::{Answer, Request};

/// The longest wait for an entry.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What `PUT /_mock/scripts/{token}` answers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptSet {
    /// The journal's last sequence number then: later entries belong to the new script.
    pub last: u64,
}

/// What `GET /_mock/health` answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// Always `image-mock-server`: tells the mock from anything else on its port.
    pub server: String,
    /// The version of the server.
    pub version: String,
}

/// The body of `PUT /_mock/scenario`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalScenario {
    /// A scenario text; none for plain success.
    pub scenario: Option<String>,
}

/// The body of `PUT /_mock/canaries`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canaries {
    /// Secrets that must not arrive.
    pub canaries: Vec<String>,
}

/// One word of the vocabulary, as `GET /_mock/conditions` lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// The name in scenarios.
    pub name: String,
    /// `condition`, `fault` or `habit`.
    pub kind: String,
    /// What it does.
    pub summary: String,
    /// What it takes behind `;`.
    pub params: Vec<String>,
    /// What each provider answers: provider, status, `type`, `code`.
    pub answers: Vec<Value>,
}

/// Why a request of the control API is refused: status and text.
type Refused = (u16, String);

/// Whether a path is one of the control API.
pub(crate) fn claims(path: &str) -> bool {
    path == "/_mock" || path.starts_with("/_mock/")
}

/// Answers a request of the control API.
pub(crate) async fn answer(core: &Core, request: &Request) -> Answer {
    if let Some(answer) = plain::answer(core, request) {
        return answer;
    }
    match route(core, request).await {
        Ok(body) => render(200, &body),
        Err((status, message)) => render(status, &json!({ "error": message })),
    }
}

async fn route(core: &Core, request: &Request) -> Result<Value, Refused> {
    if request.body_too_large {
        return Err((413, "the body is too large".to_owned()));
    }
    let path = request.path.strip_prefix("/_mock/").unwrap_or_default();
    let method = match request.method.as_str() {
        "HEAD" => "GET",
        method => method,
    };
    match (method, path) {
        ("GET", "health") => Ok(json!(Health {
            status: "ok".into(),
            server: "image-mock-server".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        })),
        ("GET", "journal") => journal(core, request).await,
        ("DELETE", "journal") => {
            core.journal.clear();
            Ok(json!({}))
        }
        ("GET", "verdict") => {
            let case = request.query_value("case");
            let case = case.map(|token| parse_token(&token)).transpose()?;
            Ok(json!(core.verdict(case.as_ref())))
        }
        ("GET", "conditions") => Ok(json!(vocabulary(core))),
        ("GET", "scenario") => Ok(json!({ "scenario": core.playbook.global_text() })),
        ("PUT", "scenario") => set_scenario(core, request),
        ("PUT", "canaries") => set_canaries(core, request),
        ("POST", "reset") => {
            core.reset();
            Ok(json!({}))
        }
        (method, path) => match path.strip_prefix("scripts/") {
            Some(rest) => script(core, request, method, rest),
            None => Err(unknown(request)),
        },
    }
}

async fn journal(core: &Core, request: &Request) -> Result<Value, Refused> {
    let number = |name: &str| match request.query_value(name) {
        None => Ok(None),
        Some(text) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| (400, format!("'{name}={text}': expected a whole number"))),
    };
    let since = match request.query_value("since") {
        None => None,
        Some(text) => Some(OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| {
            (
                400,
                format!("'since={text}': expected a time such as 2026-11-21T10:00:00Z"),
            )
        })?),
    };
    let case = request.query_value("case");
    let case = case.map(|token| parse_token(&token)).transpose()?;
    let query = Query {
        case: case.map(|token| token.to_string()),
        after: number("after")?.unwrap_or_default(),
        since,
        limit: number("limit")?.and_then(|limit| limit.try_into().ok()),
    };
    let page = match request.query_value("wait") {
        None => core.journal.page(&query),
        Some(text) => {
            let wait = duration::parse(&text)
                .map_err(|expected| (400, format!("'wait={text}': expected {expected}")))?;
            core.journal.wait(&query, wait.min(LONGEST_WAIT)).await
        }
    };
    Ok(json!(page))
}

fn script(core: &Core, request: &Request, method: &str, rest: &str) -> Result<Value, Refused> {
    let (token, action) = match rest.split_once('/') {
        Some((token, action)) => (token, Some(action)),
        None => (rest, None),
    };
    let token = parse_token(token)?;
    match (method, action) {
        ("PUT", None) => {
            let text: ScriptText = body(request, r#"{"answers":["rate-limit","ok"]}"#)?;
            let last = core.journal.last();
            let set = core.playbook.set_script(token, &text, &core.words);
            set.map_err(|error| (400, error.to_string()))?;
            Ok(json!(ScriptSet { last }))
        }
        ("DELETE", None) => {
            core.playbook.remove_script(&token);
            Ok(json!({}))
        }
        ("POST", Some("release")) => {
            let known = core.playbook.release(&token);
            known
                .then(|| json!({}))
                .ok_or_else(|| (404, format!("no script for '{token}'")))
        }
        _ => Err(unknown(request)),
    }
}

fn parse_token(text: &str) -> Result<Token, Refused> {
    let expected = |_| {
        (
            400,
            format!("'{text}' is no token: expected 10 characters of a-z and 2-7"),
        )
    };
    text.parse().map_err(expected)
}

fn set_scenario(core: &Core, request: &Request) -> Result<Value, Refused> {
    let wanted: GlobalScenario = body(request, r#"{"scenario":"rate-limit*2"}"#)?;
    let directive = wanted
        .scenario
        .as_deref()
        .map(|text| Directive::parse(text, &core.words));
    let directive = directive
        .transpose()
        .map_err(|error| (400, error.to_string()))?;
    core.playbook.set_global(directive);
    Ok(json!({}))
}

fn set_canaries(core: &Core, request: &Request) -> Result<Value, Refused> {
    let Canaries { canaries } = body(request, r#"{"canaries":["sk-secret"]}"#)?;
    let set = core.set_canaries(canaries);
    set.then(|| json!({}))
        .ok_or_else(|| (400, LibraryError::Canaries.to_string()))
}

/// The vocabulary of scenarios, with what each provider answers.
pub(crate) fn vocabulary(core: &Core) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for provider in &core.providers {
        for row in provider.catalogue().conditions() {
            let error = row.body.as_ref().and_then(|body| body.get("error"));
            let member = |name: &str| error.and_then(|error| error.get(name)).cloned();
            let answer = json!({
                "provider": provider.id(), "status": row.status, "type": member("type").or_else(|| member("status")), "code": member("code"),
            });
            match words.iter_mut().find(|word| word.name == row.id) {
                Some(word) => word.answers.push(answer),
                None => words.push(Word {
                    name: row.id.clone(),
                    kind: "condition".into(),
                    summary: row.summary.clone(),
                    params: core.words.params(&row.id).map(str::to_owned).collect(),
                    answers: vec![answer],
                }),
            }
        }
    }
    words.extend(FAULTS.iter().map(|fault| {
        Word {
            name: fault.name().into(),
            kind: "fault".into(),
            summary: fault.summary().into(),
            params: fault
                .params(None, &core.words)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            answers: Vec::new(),
        }
    }));
    words.extend(HABITS.iter().map(|habit| Word {
        name: habit.name.into(),
        kind: "habit".into(),
        summary: habit.summary.into(),
        params: Vec::new(),
        answers: Vec::new(),
    }));
    words
}

/// The body, which looks like `example`.
fn body<T: DeserializeOwned>(request: &Request, example: &str) -> Result<T, Refused> {
    let refused = |error: serde_json::Error| (400, format!("body: {error}"));
    let value: Value = serde_json::from_slice(&request.body).map_err(refused)?;
    if !value.is_object() {
        // A list would do for serde, member by member.
        return Err((400, format!("body: expected an object such as {example}")));
    }
    serde_json::from_slice(&request.body).map_err(refused)
}

fn unknown(request: &Request) -> Refused {
    (
        404,
        format!("the control API has no {} {}", request.method, request.path),
    )
}

fn render(status: u16, body: &Value) -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Answer::whole(status, headers, vec![Bytes::from(body.to_string())])
}

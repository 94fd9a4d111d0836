//! What a client is told when an upstream answers with an error.
//!
//! Faults of the request stay the client's, word by word; faults of the gateway's own account (keys, permissions) are
//! the operator's and become 502; a refusal on grounds of content is never a 5xx, because clients repeat those and
//! would pay again.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::error::ApiError;
use crate::error::row::{self, Row};
use crate::redact::Redactor;

/// Codes of refusals on grounds of content.
const REFUSALS: &[&str] = &[
    "content_filter",
    "content_policy_violation",
    "contentFilter",
    "moderation_blocked",
];

const REFUSAL: &str = "image_generation_user_error";

/// Codes under which a 429 means an empty account: trying again later does not help.
const QUOTA: &[&str] = &[
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "project_spend_limit_exceeded",
];

/// Statuses that have one answer whatever the body says.
const BY_STATUS: &[(u16, Row)] = &[
    (401, row::UPSTREAM_AUTHENTICATION),
    (403, row::UPSTREAM_FORBIDDEN),
    (500, row::UPSTREAM_DOWN),
    (502, row::UPSTREAM_DOWN),
    (503, row::UPSTREAM_UNAVAILABLE),
    (504, row::UPSTREAM_GATEWAY_TIMEOUT),
    (529, row::UPSTREAM_OVERLOADED),
];

/// Statuses that are the client's own fault, with the type and message for a body that names none.
const CLIENT_FAULTS: &[(u16, &str, Option<&str>)] = &[
    (400, "invalid_request_error", None),
    (404, "not_found_error", None),
    (409, "invalid_request_error", None),
    (
        413,
        "invalid_request_error",
        Some("Request payload is too large"),
    ),
    (422, "invalid_request_error", None),
];

/// The error for an answer that is not a success.
pub(crate) fn translate(status: StatusCode, body: &[u8], redactor: &Redactor) -> ApiError {
    translated(status, Said::parse(body, redactor))
}

fn translated(status: StatusCode, said: Said) -> ApiError {
    if said.is_refusal() {
        return relayed(StatusCode::BAD_REQUEST, REFUSAL, None, said);
    }
    if let Some((_, kind, message)) = CLIENT_FAULTS.iter().find(|row| row.0 == status) {
        return relayed(status, kind, *message, said);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return limited(said);
    }
    match BY_STATUS.iter().find(|(known, _)| *known == status) {
        Some((_, row)) => (*row).into(),
        None if status.is_server_error() => row::UPSTREAM_DOWN.into(),
        None => row::UPSTREAM_FAILED.into(),
    }
}

/// The error for one that Google reports in the middle of a stream: its status is in the object.
pub(crate) fn translate_event(data: &[u8], redactor: &Redactor) -> ApiError {
    let said = Said::parse(data, redactor);
    let status = said.status.unwrap_or(StatusCode::BAD_GATEWAY);
    translated(status, said)
}

/// The error for a success that holds no image: a refusal if it says that it is one.
pub(crate) fn translate_unusable(body: &[u8], redactor: &Redactor) -> ApiError {
    let said = Said::parse(body, redactor);
    if said.is_refusal() {
        relayed(StatusCode::BAD_REQUEST, REFUSAL, None, said)
    } else {
        row::UPSTREAM_UNUSABLE.into()
    }
}

fn relayed(status: StatusCode, kind: &str, message: Option<&str>, said: Said) -> ApiError {
    let message = said
        .message
        .or_else(|| message.map(str::to_owned))
        .unwrap_or_else(|| format!("Upstream request failed (status {})", status.as_u16()));
    let error = ApiError::new(
        status,
        said.kind.unwrap_or_else(|| kind.to_owned()),
        message,
    );
    named(error, said.param.as_deref(), said.code.as_deref())
}

/// The upstream's own text is left out: it tells of the operator's account and organisation.
fn limited(said: Said) -> ApiError {
    let is_quota =
        |word: &Option<String>| word.as_deref().is_some_and(|word| QUOTA.contains(&word));
    if is_quota(&said.code) || is_quota(&said.kind) {
        let quota = ApiError::from(row::UPSTREAM_QUOTA);
        return match (said.kind, said.code) {
            (kind, Some(code)) => typed(quota, kind).code(&code),
            (kind, None) => typed(quota, kind),
        };
    }
    let error = typed(row::UPSTREAM_RATE_LIMIT.into(), said.kind);
    named(error, None, said.code.as_deref())
}

fn typed(error: ApiError, kind: Option<String>) -> ApiError {
    match kind {
        Some(kind) => error.kind(kind),
        None => error,
    }
}

fn named(mut error: ApiError, param: Option<&str>, code: Option<&str>) -> ApiError {
    if let Some(param) = param {
        error = error.param(param);
    }
    if let Some(code) = code {
        error = error.code(code);
    }
    error
}

/// What an upstream's error object says, with secrets removed. Texts that are not such an object (a proxy's HTML, a
/// load balancer's line) say nothing: they are not meant for clients.
#[derive(Debug, Default)]
struct Said {
    message: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    code: Option<String>,
    /// What Google's errors have as a number.
    status: Option<StatusCode>,
}

impl Said {
    fn is_refusal(&self) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| REFUSALS.contains(&code))
    }

    fn parse(body: &[u8], redactor: &Redactor) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            error: Members,
        }

        #[derive(Deserialize)]
        struct Members {
            #[serde(default)]
            message: Value,
            #[serde(default, rename = "type")]
            kind: Value,
            #[serde(default)]
            param: Value,
            #[serde(default)]
            code: Value,
            /// Google's word for what its code says as a number.
            #[serde(default)]
            status: Value,
        }

        let Ok(Envelope { error }) = serde_json::from_slice(body) else {
            return Self::default();
        };
        let text = |value: Value| match value {
            Value::String(text) if !text.is_empty() => Some(redactor.text(&text).into_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Self {
            message: text(error.message),
            kind: text(error.kind),
            param: text(error.param),
            status: error
                .code
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .and_then(|code| StatusCode::from_u16(code).ok()),
            code: match (&error.code, error.status) {
                (Value::Number(_), status @ Value::String(_)) => text(status),
                _ => text(error.code),
            },
        }
    }
}

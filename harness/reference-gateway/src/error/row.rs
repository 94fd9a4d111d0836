//! The catalogue of the errors that the gateway makes itself.

use axum::http::StatusCode;

use super::ApiError;

/// One line of the catalogue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    message: &'static str,
}

impl From<Row> for ApiError {
    fn from(row: Row) -> Self {
        let error = Self::new(row.status, row.kind, row.message);
        match row.code {
            Some(code) => error.code(code),
            None => error,
        }
    }
}

const fn row(
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    message: &'static str,
) -> Row {
    Row {
        status,
        kind,
        code,
        message,
    }
}

const INVALID: &str = "invalid_request_error";
const UPSTREAM: &str = "upstream_error";

// Who calls.
pub(crate) const NO_KEY: Row = row(
    StatusCode::UNAUTHORIZED,
    INVALID,
    None,
    "Missing API key: send it as `Authorization: Bearer YOUR_API_KEY`",
);
pub(crate) const WRONG_KEY: Row = row(
    StatusCode::UNAUTHORIZED,
    INVALID,
    Some("invalid_api_key"),
    "Invalid API key",
);
pub(crate) const NO_GROUP: Row = row(
    StatusCode::FORBIDDEN,
    "permission_error",
    None,
    "API Key is not assigned to any group and cannot be used. Please contact the administrator to assign it to a group.",
);
pub(crate) const OTHER_PLATFORM: Row = row(
    StatusCode::NOT_FOUND,
    "not_found_error",
    None,
    "Images API is not supported for this platform",
);
pub(crate) const NOT_GEMINI: Row = row(
    StatusCode::BAD_REQUEST,
    INVALID,
    None,
    "API key group platform is not gemini",
);
pub(crate) const NO_IMAGES: Row = row(
    StatusCode::FORBIDDEN,
    "permission_error",
    None,
    "Image generation is not enabled for this group",
);

// What is sent. Texts that name a value are completed where the value is known.
pub(crate) const NO_ROUTE: Row = row(StatusCode::NOT_FOUND, INVALID, None, "Invalid URL");
pub(crate) const NO_METHOD: Row = row(
    StatusCode::METHOD_NOT_ALLOWED,
    INVALID,
    Some("method_not_allowed"),
    "Method not allowed",
);
pub(crate) const NO_ACTION: Row = row(
    StatusCode::NOT_FOUND,
    INVALID,
    None,
    "invalid model action path",
);
pub(crate) const NO_MODEL: Row = row(
    StatusCode::NOT_FOUND,
    INVALID,
    Some("model_not_found"),
    "The model does not exist or is not served here",
);
pub(crate) const NO_UPSTREAM: Row = row(
    StatusCode::SERVICE_UNAVAILABLE,
    "api_error",
    None,
    "No upstream is configured for this model",
);
pub(crate) const NO_FILE: Row = row(
    StatusCode::NOT_FOUND,
    "not_found_error",
    None,
    "No such file: it never existed or is no longer kept",
);
pub(crate) const NO_TASK: Row = row(
    StatusCode::NOT_FOUND,
    "not_found_error",
    Some("image_task_not_found"),
    "No such image task: it never existed, is another customer's, or is no longer kept",
);
pub(crate) const TOO_MANY_TASKS: Row = row(
    StatusCode::TOO_MANY_REQUESTS,
    "rate_limit_error",
    Some("too_many_image_tasks"),
    "Too many image tasks are under way, please retry later",
);
pub(crate) const STREAMED_TASK: Row = row(
    StatusCode::BAD_REQUEST,
    INVALID,
    Some("invalid_value"),
    "streaming image requests cannot be submitted as asynchronous tasks",
);
pub(crate) const BODY_TOO_LARGE: Row = row(
    StatusCode::PAYLOAD_TOO_LARGE,
    INVALID,
    None,
    "Request body too large",
);
pub(crate) const BODY_TOO_SLOW: Row = row(
    StatusCode::REQUEST_TIMEOUT,
    INVALID,
    None,
    "Request body was not received in time",
);
pub(crate) const BODY_UNREADABLE: Row = row(
    StatusCode::BAD_REQUEST,
    INVALID,
    None,
    "Failed to read request body",
);
pub(crate) const BODY_EMPTY: Row = row(
    StatusCode::BAD_REQUEST,
    INVALID,
    None,
    "Request body is empty",
);
pub(crate) const INVALID_REQUEST: Row =
    row(StatusCode::BAD_REQUEST, INVALID, None, "Invalid request");

pub(crate) const NO_RANDOMNESS: Row = row(
    StatusCode::INTERNAL_SERVER_ERROR,
    "api_error",
    None,
    "The image could not be hosted",
);

// What became of the upstream call.
pub(crate) const UPSTREAM_FAILED: Row = row(
    StatusCode::BAD_GATEWAY,
    UPSTREAM,
    None,
    "Upstream request failed",
);
pub(crate) const UPSTREAM_TIMEOUT: Row = row(
    StatusCode::GATEWAY_TIMEOUT,
    UPSTREAM,
    Some("upstream_timeout"),
    "Upstream did not answer in time",
);
pub(crate) const UPSTREAM_UNUSABLE: Row = row(
    StatusCode::BAD_GATEWAY,
    UPSTREAM,
    Some("upstream_invalid_response"),
    "Upstream did not return a usable image response",
);
pub(crate) const UPSTREAM_TOO_LARGE: Row = row(
    StatusCode::BAD_GATEWAY,
    UPSTREAM,
    Some("upstream_response_too_large"),
    "Upstream response too large",
);
pub(crate) const RESPONSE_TOO_LARGE: Row = row(
    StatusCode::UNPROCESSABLE_ENTITY,
    INVALID,
    Some("response_too_large"),
    "The text and images of this response are larger together than the limit: ask for fewer or smaller images",
);
pub(crate) const PROMPT_REFUSED: Row = row(
    StatusCode::BAD_REQUEST,
    INVALID,
    Some("content_policy_violation"),
    "The prompt was refused by the provider",
);
pub(crate) const STREAM_INTERRUPTED: Row = row(
    StatusCode::BAD_GATEWAY,
    UPSTREAM,
    Some("upstream_stream_interrupted"),
    "Upstream stream ended before the image was complete",
);
pub(crate) const UPSTREAM_AUTHENTICATION: Row = row(
    StatusCode::BAD_GATEWAY,
    UPSTREAM,
    None,
    "Upstream authentication failed, please contact administrator",
);
pub(crate) const UPSTREAM_FORBIDDEN: Row = row(
    StatusCode::BAD_GATEWAY,
    UPSTREAM,
    None,
    "Upstream access forbidden, please contact administrator",
);
pub(crate) const UPSTREAM_RATE_LIMIT: Row = row(
    StatusCode::TOO_MANY_REQUESTS,
    "rate_limit_error",
    None,
    "Upstream rate limit exceeded, please retry later",
);
pub(crate) const UPSTREAM_QUOTA: Row = row(
    StatusCode::TOO_MANY_REQUESTS,
    "insufficient_quota",
    Some("insufficient_quota"),
    "Upstream quota exceeded, please contact administrator",
);
pub(crate) const UPSTREAM_DOWN: Row = row(
    StatusCode::BAD_GATEWAY,
    UPSTREAM,
    None,
    "Upstream service temporarily unavailable",
);
pub(crate) const UPSTREAM_UNAVAILABLE: Row = row(
    StatusCode::SERVICE_UNAVAILABLE,
    UPSTREAM,
    None,
    "Upstream service temporarily unavailable",
);
pub(crate) const UPSTREAM_GATEWAY_TIMEOUT: Row = row(
    StatusCode::GATEWAY_TIMEOUT,
    UPSTREAM,
    None,
    "Upstream service temporarily unavailable",
);
pub(crate) const UPSTREAM_OVERLOADED: Row = row(
    StatusCode::SERVICE_UNAVAILABLE,
    UPSTREAM,
    None,
    "Upstream service overloaded, please retry later",
);

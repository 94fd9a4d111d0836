//! Which headers of an upstream's answer a client sees. Everything else (cookies, servers, organisations) stays here.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::redact::Redactor;

/// A longer wait is a mistake rather than advice.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The headers to pass on.
pub(super) fn passed(headers: &HeaderMap, redactor: &Redactor) -> Vec<(HeaderName, HeaderValue)> {
    headers
        .iter()
        .filter(|(name, value)| is_public(name, value) && !redactor.finds_key(value.as_bytes()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_public(name: &HeaderName, value: &HeaderValue) -> bool {
    match name.as_str() {
        "x-request-id" | "openai-processing-ms" => true,
        "retry-after" => is_sane_wait(value),
        "retry-after-ms" => {
            whole_number(value).is_some_and(|wait| u128::from(wait) <= LONGEST_WAIT.as_millis())
        }
        name => name.starts_with("x-ratelimit-"),
    }
}

/// A number of seconds or a date, not further away than a week.
fn is_sane_wait(value: &HeaderValue) -> bool {
    if let Some(seconds) = whole_number(value) {
        return seconds <= LONGEST_WAIT.as_secs();
    }
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    value
        .to_str()
        .ok()
        .and_then(|text| PrimitiveDateTime::parse(text, format).ok())
        .is_some_and(|date| date.assume_utc() <= OffsetDateTime::now_utc() + LONGEST_WAIT)
}

fn whole_number(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_sane_up_to_a_week() {
        for (text, sane) in [
            ("0", true),
            ("604800", true),
            ("604801", false),
            ("None", false),
            ("-1", false),
            ("1.5", false),
            ("", false),
            ("Wed, 21 Oct 2015 07:28:00 GMT", true),
            ("Fri, 31 Dec 9999 23:59:59 GMT", false),
        ] {
            let value = HeaderValue::from_static(text);
            assert_eq!(is_sane_wait(&value), sane, "{text}");
        }
    }
}

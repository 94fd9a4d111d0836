//! Calls in the protocol of OpenAI.

use axum::http::{HeaderValue, header};

use crate::config::Upstream;
use crate::error::{ApiError, row};
use crate::json::Members;

/// `POST /v1/images/generations`. Nothing of the client's headers goes with it.
pub(crate) fn generations(
    client: &reqwest::Client,
    upstream: &Upstream,
    body: &Members<'_>,
    streamed: bool,
) -> Result<reqwest::Request, ApiError> {
    let body = serde_json::to_vec(body).map_err(|_| row::INVALID_REQUEST)?;
    let accept = if streamed {
        "text/event-stream, application/json"
    } else {
        "application/json"
    };
    let mut call = client
        .post(endpoint(upstream, "/images/generations"))
        .header(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )
        .header(header::ACCEPT, HeaderValue::from_static(accept))
        .body(body);
    if let Some(key) = &upstream.key {
        call = call.bearer_auth(key.expose());
    }
    call.build().map_err(|error| {
        tracing::error!(error = %error.without_url(), "the upstream call could not be made");
        row::UPSTREAM_FAILED.into()
    })
}

fn endpoint(upstream: &Upstream, path: &str) -> String {
    if upstream.url.path().ends_with("/v1") {
        upstream.url.join(path)
    } else {
        upstream.url.join(&format!("/v1{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_path_once() {
        for (base, expected) in [
            ("http://u", "http://u/v1/images/generations"),
            ("http://u/v1", "http://u/v1/images/generations"),
            ("http://u/v1/", "http://u/v1/images/generations"),
            ("http://u/team", "http://u/team/v1/images/generations"),
        ] {
            let upstream = Upstream {
                url: base.parse().unwrap(),
                key: None,
            };
            assert_eq!(endpoint(&upstream, "/images/generations"), expected);
        }
    }
}

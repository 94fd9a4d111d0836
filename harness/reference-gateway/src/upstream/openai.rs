//! Calls in the protocol of OpenAI.

use crate::config::{Provider, Upstream};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Operation, Payload};
use crate::upstream::{Call, credential};

/// `POST /v1/images/…`. Nothing of the client's headers goes with it.
pub(crate) async fn images(
    gateway: &Gateway,
    operation: Operation,
    payload: Payload<'_>,
    streamed: bool,
) -> Result<Call, ApiError> {
    let upstream = gateway.upstream(Provider::OpenAi)?;
    let (content_type, body) = payload.encode()?;
    Ok(Call {
        url: endpoint(upstream, operation.path()),
        credential: credential::of(gateway, Provider::OpenAi).await?,
        content_type,
        accept: super::accept(streamed),
        body,
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

//! Reading a client's request body, bounded in size and in time, and getting rid of one that nobody reads.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::error::{ApiError, row};
use crate::limits::Limits;

/// What is read and thrown away of a refused body before the connection is given up.
const DISCARD_BYTES: usize = 64 * 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// The headers and the whole body of a request that `allowed` lets in by its headers, and what that found out. A body
/// that nobody wants is not read for long.
pub(crate) async fn read_if<T>(
    request: Request,
    limits: &Limits,
    allowed: impl FnOnce(&HeaderMap) -> Result<T, ApiError>,
) -> Result<(T, HeaderMap, Bytes), ApiError> {
    let (head, body) = request.into_parts();
    match allowed(&head.headers) {
        Ok(found) => {
            let body = read(&head.headers, body, limits).await?;
            Ok((found, head.headers, body))
        }
        Err(error) => {
            discard(&head.headers, body);
            Err(error)
        }
    }
}

/// The whole body.
async fn read(headers: &HeaderMap, mut body: Body, limits: &Limits) -> Result<Bytes, ApiError> {
    let limit = limits.request_body;
    if announced(headers).is_some_and(|length| length > limit) {
        discard(headers, body);
        return Err(too_large(limit));
    }
    let mut read = Vec::new();
    loop {
        let frame = timeout(limits.client_idle, body.frame())
            .await
            .map_err(|_| row::BODY_TOO_SLOW)?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| row::BODY_UNREADABLE)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > limit - read.len() {
            discard(headers, body);
            return Err(too_large(limit));
        }
        read.extend_from_slice(&data);
    }
    if read.is_empty() {
        return Err(row::BODY_EMPTY.into());
    }
    Ok(read.into())
}

/// Swallows a body that was refused, while the refusal is on its way: closing a connection on which the client is
/// still sending resets it, and a reset can destroy the answer before the client has read it.
fn discard(headers: &HeaderMap, mut body: Body) {
    // Such a client waits for the answer before it sends anything; reading would invite the body.
    if headers.contains_key(header::EXPECT) {
        return;
    }
    tokio::spawn(timeout(DISCARD_TIME, async move {
        let mut left = DISCARD_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    }));
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn too_large(limit: usize) -> ApiError {
    ApiError::from(row::BODY_TOO_LARGE)
        .message(format!("Request body too large, limit is {limit} bytes"))
}

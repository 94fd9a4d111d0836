//! Headers of answers: those of the API's front, and those that only some operations send.

use std::collections::BTreeMap;

use crate::catalogue::{ErrorRow, Layer, OperationHeaders, fill};
use crate::provider::Call;
use crate::provider::openai::Desk;

/// Names that the mock gives to the account; a gateway must not show them to its clients.
pub(super) const ORGANIZATION: &str = "org-mock-4f7c2a9e1b";
const PROJECT: &str = "proj_mock8d3b6e5a7c";

/// The headers of a success.
pub(super) fn of_success(
    content_type: &str,
    call: &Call,
    desk: &Desk<'_>,
) -> Vec<(String, String)> {
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers.extend(common(true, desk));
    headers.extend(of_operation(call, |_| true, desk));
    headers
}

/// What a refusal has beside its content type and the headers of its row.
pub(super) fn of_refusal(row: &ErrorRow, call: &Call, desk: &Desk<'_>) -> Vec<(String, String)> {
    // What is no JSON comes from a proxy before the API, in the proxy's own name.
    if row.text.is_some() {
        return Vec::new();
    }
    let operation = call.operation.unwrap_or_default();
    let front = desk.data.errors.headers.front.as_ref();
    let front =
        front.filter(|front| row.layer == Layer::Front && named(&front.operations, operation));
    if let Some(front) = front {
        return filled(&front.headers, desk);
    }
    let mut headers = common(row.status != 401, desk);
    headers.extend(of_operation(call, |more| more.refusals, desk));
    headers
}

fn common(authenticated: bool, desk: &Desk<'_>) -> Vec<(String, String)> {
    let common = &desk.data.errors.headers;
    let mut headers = filled(&common.every, desk);
    if authenticated {
        headers.extend(filled(&common.authenticated, desk));
    }
    headers
}

fn of_operation(
    call: &Call,
    sent: impl Fn(&OperationHeaders) -> bool,
    desk: &Desk<'_>,
) -> Vec<(String, String)> {
    let operation = call.operation.unwrap_or_default();
    let all = desk.data.errors.headers.operations.iter();
    let own = all.filter(|more| named(&more.operations, operation) && sent(more));
    let own = own.filter(|more| !more.with_images || !call.images.is_empty());
    own.flat_map(|more| filled(&more.headers, desk)).collect()
}

fn named(operations: &[String], operation: &str) -> bool {
    operations.iter().any(|named| named == operation)
}

fn filled(headers: &BTreeMap<String, String>, desk: &Desk<'_>) -> Vec<(String, String)> {
    let value = |name: &str| match name {
        "cf-ray" => Some(format!("{}-SEA", &desk.id[..16])),
        "cookie" => Some(desk.id.clone()),
        "organization" => Some(ORGANIZATION.to_owned()),
        "processing-ms" => Some("21".to_owned()),
        "project" => Some(PROJECT.to_owned()),
        "request-id" => Some(format!("req_{}", desk.id)),
        "uuid" => Some(desk.uuid()),
        "gateway-uuid" => Some(desk.gateway_uuid()),
        _ => None,
    };
    let fill = |(name, template): (&String, &String)| (name.clone(), fill(template, value));
    headers.iter().map(fill).collect()
}

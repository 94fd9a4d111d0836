//! What a recording holds that nobody may read in a report: keys of the request, tokens that the answer hands
//! out.

use reqwest::Url;
use serde_json::Value;

use super::{Body, Recording};
use crate::redact::Redactor;
use crate::target::Secret;

/// Request headers that hold credentials.
const HEADERS: &[&str] = &[
    "api-key",
    "authorization",
    "cookie",
    "x-api-key",
    "x-goog-api-key",
];
/// Query parameters and members that do.
const NAMES: &[&str] = &[
    "access_token",
    "api-key",
    "id_token",
    "key",
    "refresh_token",
    "sig",
];

impl Recording {
    /// Knows the secrets of this recording.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        let mut secrets = self.secrets.clone();
        if let Some(Body::Json(Value::Object(members))) = &self.body {
            let known = members
                .iter()
                .filter(|(name, _)| NAMES.contains(&name.as_str()));
            secrets.extend(known.filter_map(|(_, value)| Some(secret(value.as_str()?))));
        }
        Redactor::new(&secrets)
    }
}

/// The secrets of a request.
pub(super) fn of_request<'h>(
    url: Option<&Url>,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> Vec<Secret> {
    let query = url.into_iter().flat_map(Url::query_pairs);
    let query = query.filter(|(name, _)| NAMES.contains(&name.as_ref()));
    let query = query.map(|(_, value)| secret(&value));
    let headers = headers
        .into_iter()
        .filter(|(name, _)| HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known)));
    // `Bearer KEY`: the key alone is the secret.
    let headers = headers.map(|(_, value)| secret(value.rsplit(' ').next().unwrap_or(value)));
    query.chain(headers).collect()
}

fn secret(value: &str) -> Secret {
    Secret {
        value: value.to_owned(),
        shown: "$SECRET".to_owned(),
    }
}

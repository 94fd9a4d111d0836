//! What another provider that offers OpenAI's operations says otherwise in their answers; OpenAI itself nothing.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::catalogue::fill;
use crate::provider::{Turn, hex_sha256};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Additions {
    /// Members of each item that dall-e-3 makes.
    pub dalle_item: Map<String, Value>,
    /// The query of the addresses of images: a template, and the seconds for which they are said to last.
    pub url: Option<(String, i64)>,
    /// Members of a response object, behind `background`.
    pub response: Map<String, Value>,
    /// Members of a response object that are not sent.
    pub response_without: Vec<String>,
    /// A response names the model, not its dated snapshot.
    pub response_undated: bool,
}

impl Additions {
    /// The address of an image with its query.
    pub(super) fn signed(&self, url: String, turn: &Turn<'_>) -> String {
        let Some((template, lasts)) = &self.url else {
            return url;
        };
        let expires = OffsetDateTime::from_unix_timestamp(turn.now + lasts).ok();
        let form = format_description!("[year]-[month]-[day]T[hour]%3A[minute]%3A[second]Z");
        let query = fill(template, |name| match name {
            "expires" => expires?.format(form).ok(),
            "signature" => Some(hex_sha256(url.as_bytes())),
            _ => None,
        });
        format!("{url}?{query}")
    }

    /// A response object with the members that are added, and without those that are not sent.
    pub(super) fn to_response(&self, body: Value) -> Value {
        let Value::Object(members) = body else {
            return body;
        };
        let mut all = Map::new();
        let sent = |(name, _): &(String, Value)| !self.response_without.contains(name);
        for (name, value) in members.into_iter().filter(sent) {
            let here = name == "background";
            all.insert(name, value);
            if here {
                all.extend(self.response.clone());
            }
        }
        Value::Object(all)
    }
}

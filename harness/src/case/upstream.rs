//! What must arrive at the provider: the typed form of `expect.upstream` of `schemas/case.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::case::Bounds;
use crate::case::matcher::Matcher;

/// What the upstream calls must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamExpectation {
    /// Who says so.
    pub requirement: String,
    /// How many.
    pub calls: Option<Calls>,
    /// The number of images over all calls.
    pub images_requested: Option<u64>,
    /// Members of the digest as sent.
    #[serde(default)]
    pub sent: BTreeMap<String, Matcher>,
    /// Members of the digest after the provider's defaults.
    #[serde(default)]
    pub effective: BTreeMap<String, Matcher>,
    /// Headers of every call.
    #[serde(default)]
    pub headers: BTreeMap<String, Matcher>,
    /// `upstream`: the target's own key.
    pub credential: Option<String>,
    /// Whether the target hung up on the provider.
    pub peer_gone: Option<bool>,
    /// The input images of every call, in order.
    pub input_images: Option<Vec<FileRef>>,
    /// The parts of every call's form; those of one name in order.
    pub parts: Option<Vec<PartExpectation>>,
    /// Values of the JSON body of every call, by pointer.
    #[serde(default)]
    pub body: BTreeMap<String, Matcher>,
    /// The step, from 1, whose calls asked the provider for the same.
    pub same_upstream_as: Option<usize>,
}

/// What a part of an upstream form must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartExpectation {
    /// The field.
    pub name: String,
    /// The file's name.
    pub filename: Option<String>,
    /// The media type.
    pub content_type: Option<String>,
    /// The bytes of this file.
    pub file: Option<FileRef>,
    /// This text.
    pub text: Option<String>,
}

/// A file whose bytes are expected somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct FileRef {
    /// Its name, or a `data:` URL.
    pub name: String,
    /// SHA-256 of its bytes in hex; none until the files are known.
    pub sha256: Option<String>,
}

impl From<String> for FileRef {
    fn from(name: String) -> Self {
        Self { name, sha256: None }
    }
}

impl FileRef {
    /// The name for messages; a `data:` URL would be too long.
    #[must_use]
    pub fn shown(&self) -> &str {
        if self.name.starts_with("data:") {
            "a saved image"
        } else {
            &self.name
        }
    }
}

impl UpstreamExpectation {
    pub(super) fn awaits_call(&self) -> bool {
        let called = match self.calls {
            Some(Calls::Exactly(number)) => number > 0,
            Some(Calls::Bounds(bounds)) => bounds.at_least.is_some_and(|least| least > 0),
            None => false,
        };
        let members = [&self.sent, &self.effective, &self.headers];
        called
            || self.images_requested.is_some_and(|images| images > 0)
            || members.iter().any(|members| !members.is_empty())
            || self.credential.is_some()
            || self.peer_gone.is_some()
            || self.input_images.is_some()
            || self.parts.is_some()
            || !self.body.is_empty()
            || self.same_upstream_as.is_some()
    }
}

/// How many calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// From, to.
    Bounds(Bounds),
    /// Exactly.
    Exactly(usize),
}

impl<'de> Deserialize<'de> for Calls {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        match Value::deserialize(reader)? {
            Value::Number(number) => {
                let exactly = number.as_u64().and_then(|number| number.try_into().ok());
                exactly
                    .map(Self::Exactly)
                    .ok_or_else(|| D::Error::custom("a number of calls from 0"))
            }
            bounds => Bounds::deserialize(bounds)
                .map(Self::Bounds)
                .map_err(D::Error::custom),
        }
    }
}

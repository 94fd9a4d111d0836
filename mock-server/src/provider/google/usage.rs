//! Token counts by modality.

use serde_json::{Map, Value, json};

use crate::provider::google::Face;
use crate::provider::google::model::Tokens;
use crate::wire::Request;

/// What was spent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) prompt_text: u64,
    pub(super) prompt_images: u64,
    pub(super) text: u64,
    pub(super) images: u64,
    pub(super) thoughts: u64,
}

impl Spent {
    /// `usageMetadata`; counts of zero are left out, as in proto JSON.
    pub(super) fn metadata(&self, tier: &str, face: Face) -> Value {
        let prompt = self.prompt_text + self.prompt_images;
        let output = self.text + self.images;
        let mut out = Map::new();
        let mut count = |name: &str, number: u64| {
            if number > 0 {
                out.insert(name.to_owned(), number.into());
            }
        };
        count("promptTokenCount", prompt);
        count("candidatesTokenCount", output);
        count("totalTokenCount", prompt + output + self.thoughts);
        // Each face has its tier at a place of its own (recorded).
        let tier = Self::tier(tier, face);
        if face == Face::Vertex {
            out.extend(tier.clone());
        }
        let asked = details([("TEXT", self.prompt_text), ("IMAGE", self.prompt_images)]);
        out.extend(asked.map(|list| ("promptTokensDetails".to_owned(), list)));
        // The Gemini API does not list the text beside an image (recorded).
        let told = match face {
            Face::Gemini if self.images > 0 => details([("IMAGE", self.images)]),
            _ => details([("IMAGE", self.images), ("TEXT", self.text)]),
        };
        out.extend(told.map(|list| ("candidatesTokensDetails".to_owned(), list)));
        if self.thoughts > 0 {
            out.insert("thoughtsTokenCount".into(), self.thoughts.into());
        }
        if face == Face::Gemini {
            out.extend(tier);
        }
        Value::Object(out)
    }

    /// The member that says which capacity was used.
    pub(super) fn tier(tier: &str, face: Face) -> [(String, Value); 1] {
        let name = match face {
            Face::Gemini => "serviceTier",
            Face::Vertex => "trafficType",
        };
        [(name.to_owned(), tier.into())]
    }
}

/// What Vertex calls the capacity that the headers of a request ask for.
pub(super) fn traffic(request: &Request) -> &'static str {
    let header = |name| request.header(name).unwrap_or_default();
    let shared = header("x-vertex-ai-llm-shared-request-type");
    traffic_of(header("x-vertex-ai-llm-request-type"), shared)
}

/// The same for the values of the two headers.
pub(super) fn traffic_of(kind: &str, shared: &str) -> &'static str {
    match (kind, shared) {
        ("dedicated", _) => "PROVISIONED_THROUGHPUT",
        (_, "priority") => "ON_DEMAND_PRIORITY",
        (_, "flex") => "ON_DEMAND_FLEX",
        _ => "ON_DEMAND",
    }
}

fn details<const N: usize>(counts: [(&str, u64); N]) -> Option<Value> {
    let some = counts.into_iter().filter(|(_, count)| *count > 0);
    let list: Vec<_> = some
        .map(|(modality, count)| json!({ "modality": modality, "tokenCount": count }))
        .collect();
    (!list.is_empty()).then(|| list.into())
}

/// Words and punctuation marks plus an overhead: an estimate.
pub(super) fn text_tokens(text: &str, tokens: &Tokens) -> u64 {
    let words = text.split_whitespace().count();
    let marks = text.chars().filter(char::is_ascii_punctuation).count();
    match (words + marks) as u64 {
        0 => 0,
        count => count + tokens.text_overhead,
    }
}

//! Operations: what a client can ask of a target, and the protocol in which it is asked and answered.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a client can ask of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum Operation {
    /// `POST /v1/chat/completions` and its like.
    #[serde(rename = "chat.completions")]
    ChatCompletions,
    /// Google's `models/{model}:generateContent`.
    #[serde(rename = "generate_content")]
    GenerateContent,
    /// `POST /v1/images/edits`.
    #[serde(rename = "images.edits")]
    ImagesEdits,
    /// `POST /v1/images/generations`.
    #[serde(rename = "images.generations")]
    ImagesGenerations,
    /// `POST /v1/images/variations`.
    #[serde(rename = "images.variations")]
    ImagesVariations,
    /// One model.
    #[serde(rename = "models.get")]
    ModelsGet,
    /// The list of models.
    #[serde(rename = "models.list")]
    ModelsList,
    /// Imagen's `models/{model}:predict`.
    #[serde(rename = "predict")]
    Predict,
    /// `POST /v1/responses`.
    #[serde(rename = "responses")]
    Responses,
    /// Google's `models/{model}:streamGenerateContent`.
    #[serde(rename = "stream_generate_content")]
    StreamGenerateContent,
}

/// How an operation is asked and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OpenAI's chat completions.
    Chat,
    /// Google's `generateContent`, whole or as a stream.
    Content,
    /// OpenAI's Images API.
    Images,
    /// Lists and descriptions of models: no image is made.
    Models,
    /// Google's `predict`.
    Predict,
    /// OpenAI's responses.
    Responses,
}

impl Operation {
    /// The name in cases, profiles and target files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat.completions",
            Self::GenerateContent => "generate_content",
            Self::ImagesEdits => "images.edits",
            Self::ImagesGenerations => "images.generations",
            Self::ImagesVariations => "images.variations",
            Self::ModelsGet => "models.get",
            Self::ModelsList => "models.list",
            Self::Predict => "predict",
            Self::Responses => "responses",
            Self::StreamGenerateContent => "stream_generate_content",
        }
    }

    /// The protocol in which it is asked and answered.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::ChatCompletions => Protocol::Chat,
            Self::GenerateContent | Self::StreamGenerateContent => Protocol::Content,
            Self::ImagesEdits | Self::ImagesGenerations | Self::ImagesVariations => {
                Protocol::Images
            }
            Self::ModelsGet | Self::ModelsList => Protocol::Models,
            Self::Predict => Protocol::Predict,
            Self::Responses => Protocol::Responses,
        }
    }
}

impl Protocol {
    /// Whether an answer is expected to hold images, or may at least.
    #[must_use]
    pub fn makes_images(self) -> bool {
        self != Self::Models
    }

    /// Whether the model decides how many images an answer holds, if any: a conversation.
    #[must_use]
    pub fn is_conversation(self) -> bool {
        matches!(self, Self::Chat | Self::Content | Self::Responses)
    }

    /// The protocol of a call by the operation's name in the mock's journal; none for what no client asks for.
    #[must_use]
    pub fn of_journal(operation: &str) -> Option<Self> {
        match operation {
            "chat.completions" => Some(Self::Chat),
            "models.generateContent" | "models.streamGenerateContent" => Some(Self::Content),
            "models.predict" => Some(Self::Predict),
            "responses" => Some(Self::Responses),
            name if name.starts_with("images.") => Some(Self::Images),
            name if name.starts_with("models.") => Some(Self::Models),
            _ => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_schema_is_known_and_no_other() {
        let schema: serde_json::Value =
            serde_json::from_str(schemas::text("case.json").unwrap()).unwrap();
        let names = schema["$defs"]["operation"]["enum"].as_array().unwrap();
        for name in names {
            let operation: Operation = serde_json::from_value(name.clone()).unwrap();
            assert_eq!(operation.as_str(), name.as_str().unwrap());
        }
        assert_eq!(names.len(), 10);
        assert!(serde_json::from_value::<Operation>("images.generate".into()).is_err());
    }
}

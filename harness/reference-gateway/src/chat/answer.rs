//! An answer of Google's, turned into a chat completion, or into a piece of one.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use crate::error::{ApiError, row};
use crate::random;
use crate::redact::Redactor;

/// Reasons to end that mean: the content is withheld.
const WITHHELD: &[&str] = &[
    "BLOCKLIST",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_SAFETY",
    "PROHIBITED_CONTENT",
    "RECITATION",
    "SAFETY",
    "SPII",
];

/// What one answer, or one event of a stream, says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow, default)]
    candidates: Vec<Candidate<'a>>,
    #[serde(borrow, default)]
    prompt_feedback: Option<PromptFeedback<'a>>,
    #[serde(default)]
    pub(super) usage_metadata: Option<UsageMetadata>,
    /// A stream can end with one.
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(default)]
    index: u32,
    #[serde(borrow, default)]
    content: Option<Content<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    finish_message: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    parts: Vec<Part<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    inline_data: Option<InlineData<'a>>,
    #[serde(default)]
    thought: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InlineData<'a> {
    #[serde(borrow)]
    mime_type: Cow<'a, str>,
    #[serde(borrow)]
    data: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback<'a> {
    #[serde(borrow, default)]
    block_reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    block_reason_message: Option<Cow<'a, str>>,
}

/// Google's counts of tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UsageMetadata {
    prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
    total_token_count: u64,
    cached_content_token_count: u64,
    prompt_tokens_details: Vec<ModalityCount>,
    candidates_tokens_details: Vec<ModalityCount>,
}

/// How many of the tokens were of one kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ModalityCount {
    modality: String,
    token_count: u64,
}

fn of_images(counts: &[ModalityCount]) -> u64 {
    let images = counts.iter().filter(|count| count.modality == "IMAGE");
    images.map(|count| count.token_count).sum()
}

/// The same counts by OpenAI's names.
#[derive(Debug, Serialize)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptTokens,
    completion_tokens_details: CompletionTokens,
}

#[derive(Debug, Serialize)]
struct PromptTokens {
    cached_tokens: u64,
    image_tokens: u64,
}

#[derive(Debug, Serialize)]
struct CompletionTokens {
    reasoning_tokens: u64,
    image_tokens: u64,
}

impl From<&UsageMetadata> for Usage {
    fn from(said: &UsageMetadata) -> Self {
        Self {
            prompt_tokens: said.prompt_token_count,
            completion_tokens: said.candidates_token_count + said.thoughts_token_count,
            total_tokens: said.total_token_count,
            prompt_tokens_details: PromptTokens {
                cached_tokens: said.cached_content_token_count,
                image_tokens: of_images(&said.prompt_tokens_details),
            },
            completion_tokens_details: CompletionTokens {
                reasoning_tokens: said.thoughts_token_count,
                image_tokens: of_images(&said.candidates_tokens_details),
            },
        }
    }
}

/// What stays the same in all pieces of one completion.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    id: String,
    created: i64,
    model: String,
}

impl Heading {
    /// For an answer that is being made now, under the name by which the client knows the model.
    pub(crate) fn new(model: &str) -> Result<Self, ApiError> {
        Ok(Self {
            id: format!("chatcmpl-{}", random::id()?),
            created: OffsetDateTime::now_utc().unix_timestamp(),
            model: model.to_owned(),
        })
    }
}

/// A completion, or a chunk of one.
#[derive(Debug, Serialize)]
pub(super) struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Debug, Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Message<'a>>,
    finish_reason: Option<&'static str>,
    /// Why, in the provider's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    native_finish_reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Said::is_left_out")]
    content: Said,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Image<'a>>,
}

/// The text of a message: a whole one has it even if it is null, a delta only if there is one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Said {
    Text(String),
    Nothing(()),
    #[serde(skip)]
    LeftOut,
}

impl Said {
    fn is_left_out(&self) -> bool {
        matches!(self, Self::LeftOut)
    }
}

#[derive(Debug, Serialize)]
struct Image<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    image_url: ImageUrl<'a>,
}

#[derive(Debug, Serialize)]
struct ImageUrl<'a> {
    url: DataUrl<'a>,
}

#[derive(Debug)]
struct DataUrl<'a> {
    mime_type: &'a str,
    data: &'a str,
}

impl fmt::Display for DataUrl<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "data:{};base64,{}", self.mime_type, self.data)
    }
}

impl Serialize for DataUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether a completion is made at once or in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    /// The first piece names the role.
    Piece {
        is_first: bool,
    },
}

impl<'a> Answer<'a> {
    /// Why the provider took no prompt, if it took none.
    pub(super) fn refused_prompt(&self, redactor: &Redactor) -> Option<ApiError> {
        let feedback = self.prompt_feedback.as_ref()?;
        let reason = feedback.block_reason.as_deref()?;
        let message = feedback.block_reason_message.as_deref().map_or_else(
            || format!("The prompt was refused by the provider ({reason})"),
            |message| redactor.text(message).into_owned(),
        );
        Some(ApiError::from(row::PROMPT_REFUSED).message(message))
    }

    /// Whether a candidate has come to its end here.
    pub(super) fn is_finished(&self) -> bool {
        self.candidates
            .iter()
            .any(|candidate| candidate.finish_reason.is_some())
    }

    /// Whether there is anything in it that a client could use, or the word that it is withheld.
    pub(super) fn is_usable(&self) -> bool {
        self.candidates.iter().any(|candidate| {
            let parts = candidate.content.iter().flat_map(|content| &content.parts);
            candidate.is_withheld() || parts.filter(|part| !part.thought).any(Part::says)
        })
    }

    /// The completion, with keys masked in its texts.
    pub(super) fn completion(
        &'a self,
        heading: &'a Heading,
        form: Form,
        redactor: &Redactor,
    ) -> Completion<'a> {
        let choices = self.candidates.iter();
        Completion {
            id: &heading.id,
            object: form.object(),
            created: heading.created,
            model: &heading.model,
            choices: choices
                .map(|candidate| candidate.choice(form, redactor))
                .collect(),
            usage: (form == Form::Whole)
                .then(|| self.usage_metadata.as_ref().map(Usage::from))
                .flatten(),
        }
    }
}

/// The last piece of a stream whose client asked for it.
pub(super) fn usage_piece<'a>(heading: &'a Heading, usage: &UsageMetadata) -> Completion<'a> {
    Completion {
        id: &heading.id,
        object: Form::Piece { is_first: false }.object(),
        created: heading.created,
        model: &heading.model,
        choices: Vec::new(),
        usage: Some(usage.into()),
    }
}

impl Form {
    fn object(self) -> &'static str {
        match self {
            Self::Whole => "chat.completion",
            Self::Piece { .. } => "chat.completion.chunk",
        }
    }
}

impl<'a> Candidate<'a> {
    fn is_withheld(&self) -> bool {
        self.finish_reason
            .as_deref()
            .is_some_and(|reason| WITHHELD.contains(&reason))
    }

    fn choice(&'a self, form: Form, redactor: &Redactor) -> Choice<'a> {
        // What the model thought is not its answer.
        let parts = self.content.iter().flat_map(|content| &content.parts);
        let parts: Vec<&Part<'_>> = parts.filter(|part| !part.thought).collect();
        let texts: String = parts
            .iter()
            .filter_map(|part| part.text.as_deref())
            .collect();
        let content = match form {
            _ if !texts.is_empty() => Said::Text(redactor.mask_keys(&texts).into_owned()),
            Form::Whole => Said::Nothing(()),
            Form::Piece { .. } => Said::LeftOut,
        };
        let images = parts.iter().filter_map(|part| part.inline_data.as_ref());
        let refusal = self.is_withheld().then(|| {
            let said = self.finish_message.as_deref();
            redactor
                .text(said.unwrap_or("The provider withheld its answer"))
                .into_owned()
        });
        let role = match form {
            Form::Piece { is_first: false } => None,
            Form::Whole | Form::Piece { .. } => Some("assistant"),
        };
        let message = Message {
            role,
            content,
            refusal,
            images: images.map(Image::from).collect(),
        };
        let (message, delta) = match form {
            Form::Whole => (Some(message), None),
            Form::Piece { .. } => (None, Some(message)),
        };
        Choice {
            index: self.index,
            message,
            delta,
            finish_reason: self.finish_reason(),
            native_finish_reason: self.finish_reason.as_deref(),
        }
    }

    fn finish_reason(&self) -> Option<&'static str> {
        match self.finish_reason.as_deref()? {
            "MAX_TOKENS" => Some("length"),
            _ if self.is_withheld() => Some("content_filter"),
            // A reason that is not known is still an end.
            _ => Some("stop"),
        }
    }
}

impl Part<'_> {
    fn says(&self) -> bool {
        self.inline_data.is_some() || self.text.as_deref().is_some_and(|text| !text.is_empty())
    }
}

impl<'a> From<&'a InlineData<'a>> for Image<'a> {
    fn from(image: &'a InlineData<'a>) -> Self {
        Self {
            kind: "image_url",
            image_url: ImageUrl {
                url: DataUrl {
                    mime_type: &image.mime_type,
                    data: &image.data,
                },
            },
        }
    }
}

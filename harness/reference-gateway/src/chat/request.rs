//! A chat request, turned into one of Google's `generateContent`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::hosting::Store;
use crate::json::Members;
use crate::request::invalid;

/// What would change the meaning of an answer and cannot be passed on: to ignore it would be worse than to refuse it.
const UNSUPPORTED: &[&str] = &[
    "audio",
    "function_call",
    "functions",
    "logprobs",
    "tool_choice",
    "tools",
    "top_logprobs",
];

/// The parameters that Google knows under another name.
const PARAMETERS: &[(&str, &str)] = &[
    ("frequency_penalty", "frequencyPenalty"),
    ("max_completion_tokens", "maxOutputTokens"),
    ("max_tokens", "maxOutputTokens"),
    ("n", "candidateCount"),
    ("presence_penalty", "presencePenalty"),
    ("seed", "seed"),
    ("stop", "stopSequences"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
];

/// A request that was understood.
#[derive(Debug)]
pub(crate) struct ChatRequest<'a> {
    /// The model that was named; none if it is missing or blank.
    pub(crate) model: Option<String>,
    /// Whether the answer is to come as a stream.
    pub(crate) is_streamed: bool,
    /// Whether the stream is to end with the usage.
    pub(crate) with_usage: bool,
    /// The same for Google.
    pub(crate) content: GenerateContent<'a>,
}

/// The body of a `generateContent` call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GenerateContent<'a> {
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    generation_config: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<Part<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Part<'a> {
    Text(Cow<'a, str>),
    #[serde(rename_all = "camelCase")]
    InlineData {
        mime_type: Cow<'a, str>,
        data: Cow<'a, str>,
    },
    #[serde(rename_all = "camelCase")]
    FileData {
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<&'static str>,
        file_uri: Cow<'a, str>,
    },
}

/// A message, or a part of one, as a client wrote it. What is not named here is passed over.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    /// Where this gateway puts the images of an answer, so that an answer can be sent back as it came.
    #[serde(borrow, default)]
    images: Option<Vec<Piece<'a>>>,
}

#[derive(Deserialize)]
struct Piece<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    refusal: Option<Cow<'a, str>>,
    #[serde(borrow)]
    image_url: Option<Link<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Link<'a> {
    Object {
        #[serde(borrow)]
        url: Cow<'a, str>,
    },
    Text(#[serde(borrow)] Cow<'a, str>),
}

impl<'a> ChatRequest<'a> {
    /// Parses and checks. Images that this gateway hosts are looked up in `store`; no other address is ever fetched.
    pub(crate) fn parse(body: &'a [u8], store: &Store) -> Result<Self, ApiError> {
        let members = Members::of_request(body)?;
        for name in UNSUPPORTED {
            if members
                .text(name)
                .is_some_and(|text| !matches!(text, "[]" | "false"))
            {
                return Err(
                    invalid(format!("{name} is not supported by the models served here"))
                        .param(name)
                        .code("unsupported_parameter"),
                );
            }
        }
        let is_streamed = flag(members.text("stream"), "stream")?;
        let with_usage = is_streamed && wants_usage(&members)?;
        let model = match members.text("model") {
            Some(text) => serde_json::from_str::<String>(text)
                .map_err(|_| wrong_type("model", "a string"))
                .map(|model| Some(model).filter(|model| !model.trim().is_empty()))?,
            None => None,
        };
        let generation_config = generation_config(&members)?;
        let (contents, system) = messages(members.raw("messages"), store)?;
        Ok(Self {
            model,
            is_streamed,
            with_usage,
            content: GenerateContent {
                contents,
                system_instruction: (!system.is_empty()).then_some(Content {
                    role: None,
                    parts: system,
                }),
                generation_config,
            },
        })
    }
}

fn flag(text: Option<&str>, name: &str) -> Result<bool, ApiError> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(wrong_type(name, "a boolean")),
    }
}

fn wants_usage(members: &Members<'_>) -> Result<bool, ApiError> {
    #[derive(Deserialize)]
    struct StreamOptions {
        include_usage: Option<bool>,
    }

    let Some(text) = members.text("stream_options") else {
        return Ok(false);
    };
    let options: StreamOptions =
        serde_json::from_str(text).map_err(|_| wrong_type("stream_options", "an object"))?;
    Ok(options.include_usage.unwrap_or_default())
}

fn generation_config(
    members: &Members<'_>,
) -> Result<serde_json::Map<String, serde_json::Value>, ApiError> {
    let mut config = serde_json::Map::new();
    for (name, theirs) in PARAMETERS {
        let Some(text) = members.text(name) else {
            continue;
        };
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let value = match (*name, value) {
            ("stop", serde_json::Value::String(one)) => vec![one].into(),
            ("stop", value) if value.is_array() => value,
            (_, value) if *name != "stop" && value.is_number() => value,
            ("stop", _) => return Err(wrong_type(name, "a string or an array of strings")),
            _ => return Err(wrong_type(name, "a number")),
        };
        config.insert((*theirs).to_owned(), value);
    }
    let modalities = match members.text("modalities") {
        Some(text) => serde_json::from_str::<Vec<String>>(text)
            .map_err(|_| wrong_type("modalities", "an array of strings"))?,
        None => vec!["text".to_owned(), "image".to_owned()],
    };
    let modalities: Vec<_> = modalities.iter().map(|name| name.to_uppercase()).collect();
    config.insert("responseModalities".to_owned(), modalities.into());
    Ok(config)
}

type Turns<'a> = (Vec<Content<'a>>, Vec<Part<'a>>);

/// The turns of a conversation, and what stands above it.
fn messages<'a>(messages: Option<&'a RawValue>, store: &Store) -> Result<Turns<'a>, ApiError> {
    let messages: Vec<&'a RawValue> = match messages {
        Some(messages) => {
            serde_json::from_str(messages.get()).map_err(|_| wrong_type("messages", "an array"))?
        }
        None => Vec::new(),
    };
    if messages.is_empty() {
        return Err(invalid("messages must have at least one message")
            .param("messages")
            .code("missing_required_parameter"));
    }
    let (mut turns, mut system) = (Vec::new(), Vec::new());
    for (index, text) in messages.into_iter().enumerate() {
        let place = format!("messages[{index}]");
        let message: Message<'a> = serde_json::from_str(text.get())
            .map_err(|_| wrong_type(&place, "an object with role and content"))?;
        let role = match message.role.as_deref() {
            Some("user") => Some("user"),
            Some("assistant") => Some("model"),
            Some("system" | "developer") => None,
            _ => {
                let role = format!("{place}.role");
                return Err(invalid("role must be system, developer, user or assistant")
                    .param(&role)
                    .code("invalid_value"));
            }
        };
        let mut parts = content(message.content, &place, store)?;
        for (index, image) in message.images.unwrap_or_default().into_iter().enumerate() {
            let place = format!("{place}.images[{index}]");
            parts.extend(part(image, &place, store)?);
        }
        match role {
            None => system.append(&mut parts),
            // What an assistant said without a word is nothing that Google takes.
            Some(_) if parts.is_empty() => {}
            Some(_) => turns.push(Content { role, parts }),
        }
    }
    if turns.is_empty() {
        return Err(
            invalid("messages must have a message of the user's with content")
                .param("messages")
                .code("invalid_value"),
        );
    }
    Ok((turns, system))
}

fn content<'a>(
    content: Option<&'a RawValue>,
    place: &str,
    store: &Store,
) -> Result<Vec<Part<'a>>, ApiError> {
    let place = format!("{place}.content");
    let Some(content) = content.filter(|content| content.get() != "null") else {
        return Ok(Vec::new());
    };
    if content.get().starts_with('"') {
        let text: Text<'a> =
            serde_json::from_str(content.get()).map_err(|_| wrong_type(&place, "a string"))?;
        return Ok(vec![Part::Text(text.0)]);
    }
    let pieces: Vec<Piece<'a>> = serde_json::from_str(content.get())
        .map_err(|_| wrong_type(&place, "a string or an array of content parts"))?;
    let mut parts = Vec::with_capacity(pieces.len());
    for (index, piece) in pieces.into_iter().enumerate() {
        parts.extend(part(piece, &format!("{place}[{index}]"), store)?);
    }
    Ok(parts)
}

/// A text that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn part<'a>(piece: Piece<'a>, place: &str, store: &Store) -> Result<Option<Part<'a>>, ApiError> {
    match (
        piece.kind.as_ref(),
        piece.text,
        piece.image_url,
        piece.refusal,
    ) {
        ("text", Some(text), ..) => Ok(Some(Part::Text(text))),
        ("image_url", _, Some(Link::Object { url } | Link::Text(url)), _) => {
            image(url, &format!("{place}.image_url.url"), store).map(Some)
        }
        ("refusal", .., Some(refusal)) => Ok(Some(Part::Text(refusal))),
        ("text" | "image_url", ..) => Err(invalid(format!(
            "a part of type \"{}\" needs it",
            piece.kind
        ))
        .param(&format!("{place}.{}", piece.kind))
        .code("missing_required_parameter")),
        _ => Err(invalid("a content part must be text or image_url")
            .param(&format!("{place}.type"))
            .code("invalid_value")),
    }
}

/// An image: its bytes where they are at hand, else its address for the provider to fetch. This gateway fetches nothing
/// that a client names: it can reach what the client cannot.
fn image<'a>(url: Cow<'a, str>, place: &str, store: &Store) -> Result<Part<'a>, ApiError> {
    if let Some((mime_type, image)) = store.behind(&url) {
        return Ok(Part::InlineData {
            mime_type: mime_type.into(),
            data: STANDARD.encode(image).into(),
        });
    }
    let refused = |message: &'static str| Err(invalid(message).param(place).code("invalid_value"));
    let lower: String = url
        .chars()
        .take(16)
        .collect::<String>()
        .to_ascii_lowercase();
    if lower.starts_with("data:") {
        let Some((head, _)) = url.split_once(',') else {
            return refused("a data: URL needs a comma before its data");
        };
        let Some(mime_type) = head[5..].strip_suffix(";base64") else {
            return refused("a data: URL of an image must be in base64");
        };
        let mime_type = mime_type.split(';').next().unwrap_or_default().to_owned();
        let from = head.len() + 1;
        let data = match url {
            Cow::Borrowed(url) => Cow::Borrowed(&url[from..]),
            Cow::Owned(mut url) => Cow::Owned(url.split_off(from)),
        };
        return Ok(Part::InlineData {
            mime_type: mime_type.into(),
            data,
        });
    }
    if ["http://", "https://", "gs://"]
        .iter()
        .any(|scheme| lower.starts_with(scheme))
    {
        return Ok(Part::FileData {
            mime_type: media_type(&url),
            file_uri: url,
        });
    }
    refused("an image must be a data: URL or an http(s) address")
}

/// By the ending of the path: Google wants to know before it fetches.
fn media_type(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.rsplit('.').next()?.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "webp" => Some("image/webp"),
        _ => None,
    }
}

fn wrong_type(place: &str, expected: &str) -> ApiError {
    invalid(format!("invalid {place} field type: expected {expected}"))
        .param(place)
        .code("invalid_type")
}

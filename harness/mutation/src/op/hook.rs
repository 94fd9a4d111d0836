//! What is no change of one value: the server that is mutated does it at the right moment.

use std::time::Duration;

use crate::row::{Arguments, RowError};

/// A behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Breaks off towards the client.
    Abort,
    /// Collects a stream.
    Buffer,
    /// Waits.
    Delay(Duration),
    /// Finishes the call when the client has gone.
    Detach,
    /// Loses the last event, or the last bytes of a body.
    DropTail,
    /// Puts a key into the message of an error.
    EchoKey(Side, Coding),
    /// Calls once for each image, each time for all of them.
    FanOut,
    /// Gives the images of the answer before.
    OtherImage,
    /// Calls again, so often.
    Retry(u32, After),
    /// Gives an answer again; with another prompt, too.
    SharedCache {
        /// Whether requests are the same whose prompts differ.
        any_prompt: bool,
    },
    /// Takes an answer of the provider that broke off for whole.
    SwallowCut,
}

/// Whose key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client's.
    Client,
    /// The one that the gateway sends.
    Upstream,
}

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// In base64.
    Base64,
    /// Its first half.
    Half,
    /// As it is.
    Plain,
}

/// What a retry follows on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Anything.
    Any,
    /// A body that broke off.
    Broken,
    /// A 5xx, or no answer.
    Failed,
}

impl Hook {
    pub(crate) fn parse(name: &str, arguments: &mut Arguments) -> Result<Option<Self>, RowError> {
        Ok(Some(match name {
            "abort" => Self::Abort,
            "buffer" => Self::Buffer,
            "delay" => {
                let wait = u64::try_from(arguments.number()?).unwrap_or_default();
                Self::Delay(Duration::from_millis(wait))
            }
            "detach" => Self::Detach,
            "drop-tail" => Self::DropTail,
            "echo-key" => Self::EchoKey(side(arguments)?, coding(arguments)?),
            "fan-out" => Self::FanOut,
            "other-image" => Self::OtherImage,
            "retry" => Self::Retry(times(arguments)?, after(arguments)?),
            "shared-cache" => Self::SharedCache {
                any_prompt: arguments.value.take().is_some(),
            },
            "swallow-cut" => Self::SwallowCut,
            _ => return Ok(None),
        }))
    }
}

impl Coding {
    /// A key as it is written.
    #[must_use]
    pub fn of(self, key: &str) -> String {
        use base64::Engine as _;
        match self {
            Self::Base64 => base64::prelude::BASE64_STANDARD.encode(key),
            Self::Half => key.chars().take(key.len() / 2).collect(),
            Self::Plain => key.to_owned(),
        }
    }
}

fn side(arguments: &mut Arguments) -> Result<Side, RowError> {
    match arguments.text()?.as_str() {
        "client" => Ok(Side::Client),
        "upstream" => Ok(Side::Upstream),
        _ => Err(RowError::Missing("value", "client or upstream")),
    }
}

fn coding(arguments: &mut Arguments) -> Result<Coding, RowError> {
    match arguments.to.take().as_deref() {
        None => Ok(Coding::Plain),
        Some("base64") => Ok(Coding::Base64),
        Some("half") => Ok(Coding::Half),
        Some(_) => Err(RowError::Missing("to", "base64 or half")),
    }
}

fn times(arguments: &mut Arguments) -> Result<u32, RowError> {
    match &arguments.value {
        None => Ok(1),
        Some(_) => Ok(u32::try_from(arguments.number()?).unwrap_or(1)),
    }
}

fn after(arguments: &mut Arguments) -> Result<After, RowError> {
    match arguments.to.take().as_deref() {
        None => Ok(After::Any),
        Some("broken") => Ok(After::Broken),
        Some("failed") => Ok(After::Failed),
        Some(_) => Err(RowError::Missing("to", "broken or failed")),
    }
}

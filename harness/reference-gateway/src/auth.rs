//! Who calls, and what their group allows.

use axum::http::{HeaderMap, header};
use ring::digest::{SHA256, digest};

use crate::config::{Clients, Group};
use crate::error::{ApiError, row};

/// A caller whose key is valid and belongs to a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member(Group);

impl Member {
    pub(crate) fn on_openai_platform(self) -> Result<(), ApiError> {
        match self.0 {
            Group::OpenAi | Group::OpenAiNoImages => Ok(()),
            Group::Gemini | Group::None => Err(row::OTHER_PLATFORM.into()),
        }
    }

    pub(crate) fn on_gemini_platform(self) -> Result<(), ApiError> {
        match self.0 {
            Group::Gemini => Ok(()),
            Group::OpenAi | Group::OpenAiNoImages | Group::None => Err(row::NOT_GEMINI.into()),
        }
    }

    pub(crate) fn may_generate_images(self) -> Result<(), ApiError> {
        match self.0 {
            Group::OpenAi => Ok(()),
            Group::OpenAiNoImages | Group::Gemini | Group::None => Err(row::NO_IMAGES.into()),
        }
    }
}

/// Who a customer is, as far as their key tells: its hash, so that the key itself is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner([u8; 32]);

impl Owner {
    /// Of a request whose key was found to be good.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let key = bearer(headers).ok_or(row::NO_KEY)?;
        let hash = digest(&SHA256, key.as_bytes());
        Ok(Self(hash.as_ref().try_into().map_err(|_| row::NO_KEY)?))
    }
}

/// The member behind a request's bearer token.
pub(crate) fn member(headers: &HeaderMap, clients: &Clients) -> Result<Member, ApiError> {
    of_key(bearer(headers).ok_or(row::NO_KEY)?, clients)
}

/// The member behind a request in Google's manner: its clients send the key in a header of its own.
pub(crate) fn google_member(headers: &HeaderMap, clients: &Clients) -> Result<Member, ApiError> {
    let key = headers
        .get("x-goog-api-key")
        .and_then(|value| value.to_str().ok())
        .map(str::trim)
        .filter(|key| !key.is_empty());
    of_key(key.or_else(|| bearer(headers)).ok_or(row::NO_KEY)?, clients)
}

fn of_key(key: &str, clients: &Clients) -> Result<Member, ApiError> {
    match group(key, clients).ok_or(row::WRONG_KEY)? {
        Group::None => Err(row::NO_GROUP.into()),
        group => Ok(Member(group)),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.trim().split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

fn group(key: &str, clients: &Clients) -> Option<Group> {
    match clients {
        Clients::Open => (!key.contains("invalid")).then_some(Group::OpenAi),
        // Every key is looked at, so that the time does not tell how far a guess came.
        Clients::Listed(keys) => keys.iter().fold(None, |found, (secret, group)| {
            if same(secret.expose().as_bytes(), key.as_bytes()) {
                found.or(Some(*group))
            } else {
                found
            }
        }),
    }
}

/// Equality in a time that depends on the lengths only.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}

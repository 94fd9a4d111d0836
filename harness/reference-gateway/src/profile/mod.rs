//! Profiles: each is one document that a gateway can implement, as a set of routes.
//!
//! A profile is a file beside this one and a line in each of the tables below.

mod platform;
mod router;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;

use crate::config::Provider;
use crate::gateway::Gateway;

/// Which document the gateway implements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// One image endpoint for customers of an OpenAI platform group.
    #[default]
    Platform,
    /// Models of several providers by the names `provider/vendor/model`, for images and chats.
    Router,
}

impl Profile {
    /// Every profile.
    pub const ALL: &[Self] = &[Self::Platform, Self::Router];

    /// The name used on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Router => "router",
        }
    }

    /// The providers that it cannot do without.
    pub(crate) fn needs(self) -> &'static [Provider] {
        match self {
            Self::Platform => platform::NEEDS,
            Self::Router => router::NEEDS,
        }
    }

    pub(crate) fn routes(self) -> Router<Arc<Gateway>> {
        match self {
            Self::Platform => platform::routes(),
            Self::Router => router::routes(),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::ALL
            .iter()
            .copied()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

/// A profile that this gateway does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("profile `{0}` is not available; available: platform, router")]
pub struct UnknownProfile(String);

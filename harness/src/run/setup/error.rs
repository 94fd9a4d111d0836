//! Why a run cannot be brought up.

use std::net::SocketAddr;

use mock_server::StartError;

use crate::catalog::CatalogError;
use crate::exchange::mock::MockError;
use crate::expectation::ExpectationError;
use crate::recording::JudgeError;
use crate::target::TargetError;
use crate::verdict::Exit;

/// A run cannot be brought up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The cases, requirements or profiles cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
    /// The target is not connected to the mock.
    #[error("{0}")]
    Disconnected(String),
    /// The file of expectations cannot be used.
    #[error(transparent)]
    Expectations(#[from] ExpectationError),
    /// A gateway cannot be started.
    #[error("the gateway cannot be started: {0}")]
    Gateway(Box<dyn std::error::Error + Send + Sync>),
    /// The forms of the providers' answers cannot be read: the build is broken.
    #[error(transparent)]
    Forms(#[from] JudgeError),
    /// No port could be opened.
    #[error("cannot listen on a loopback port")]
    Listen(#[source] std::io::Error),
    /// Signals cannot be waited for, so that what was started could stay.
    #[error("signals cannot be waited for")]
    Signals(#[source] std::io::Error),
    /// The mock cannot be spoken to.
    #[error(transparent)]
    Mock(#[from] MockError),
    /// The mock cannot be started.
    #[error("the mock cannot be started")]
    MockStart(#[from] StartError),
    /// The target file cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The address for the mock is taken by something else.
    #[error(
        "the mock upstream cannot listen on {address} ({source}), and no mock answers there; choose another address with --upstream-listen, or name a running mock with --upstream URL"
    )]
    Upstream {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The command line cannot be used.
    #[error("{0}")]
    Usage(String),
}

impl SetupError {
    /// What the process exits with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Catalog(_) | Self::Expectations(_) | Self::Target(_) | Self::Usage(_) => {
                Exit::Usage
            }
            Self::MockStart(StartError::Deployment(_) | StartError::Scenario(_)) => Exit::Usage,
            _ => Exit::Error,
        }
    }
}

/// An error with its causes, each said once.
pub(crate) fn told(error: &SetupError) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = inner.source();
    }
    message
}

//! How a client takes an answer: not to its end, or slowly.

use serde::Deserialize;

/// When the client hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    /// After what.
    pub after: DisconnectAfter,
}

/// After what the client hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisconnectAfter {
    /// So many events were read.
    Event(usize),
    /// The head of the answer was read.
    Headers,
    /// The journal shows the upstream call.
    Upstream,
}

/// A slow reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadStep {
    /// So many bytes of the body are read before the pause.
    pub pause_after: usize,
}

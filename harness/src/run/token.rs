//! Case tokens: the same for the same case in every run of the same seed.

use mock_server::image::Token;
use sha2::{Digest as _, Sha256};

/// What a token is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'i> {
    /// `--seed`.
    pub(crate) seed: u64,
    /// The instance.
    pub(crate) instance: &'i str,
    /// Which repetition; the control run straight to the mock has one of its own.
    pub(crate) repetition: u32,
    /// Which parallel copy.
    pub(crate) copy: usize,
}

impl Origin<'_> {
    pub(crate) fn token(self) -> Token {
        let Self {
            seed,
            instance,
            repetition,
            copy,
        } = self;
        let hash = Sha256::digest(format!("{seed}\n{instance}\n{repetition}\n{copy}"));
        let bits = hash[..8]
            .iter()
            .fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        Token::from_bits(bits & ((1 << 50) - 1))
    }
}

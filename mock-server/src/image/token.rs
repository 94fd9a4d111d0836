//! Case tokens: the ten characters a test case carries through a gateway into prompts, provenance and the journal.
//!
//! How a token is found in a request is not decided here.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Ten characters of `a`–`z` and `2`–`7`, that is 50 bits.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Token(u64);

impl Token {
    /// The number of characters of a token.
    pub const LEN: usize = 10;

    /// The number of bits of a token.
    pub const BITS: u32 = 50;

    /// The token of the low 50 bits of a number, for example of a hash.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << Self::BITS) - 1))
    }

    /// The 50 bits; the first character is in the highest five.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..Self::LEN).rev() {
            let digit = (self.0 >> (5 * place)) & 31;
            f.write_char(char::from(ALPHABET[digit as usize]))?;
        }
        Ok(())
    }
}

impl FromStr for Token {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        if text.len() != Self::LEN {
            return Err(InvalidToken);
        }
        text.bytes()
            .try_fold(0, |bits, byte| {
                let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
                Some(bits << 5 | digit as u64)
            })
            .map(Self)
            .ok_or(InvalidToken)
    }
}

impl TryFrom<String> for Token {
    type Error = InvalidToken;

    fn try_from(text: String) -> Result<Self, InvalidToken> {
        text.parse()
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.to_string()
    }
}

/// A text is not a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a token has 10 characters out of a-z and 2-7")]
pub struct InvalidToken;

/// Base 32 as in RFC 4648, in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bits_agree() {
        let token: Token = "abcdefgz27".parse().unwrap();
        assert_eq!(token.bits() & 31, 31);
        assert_eq!(token.to_string(), "abcdefgz27");
        assert_eq!(Token::from_bits(u64::MAX).to_string(), "7777777777");
        assert_eq!(serde_json::to_string(&token).unwrap(), "\"abcdefgz27\"");
    }

    #[test]
    fn refuses_what_is_no_token() {
        for text in [
            "",
            "abcdefghi",
            "abcdefghijk",
            "ABCDEFGHIJ",
            "abcdefghi1",
            "abcdefghé",
        ] {
            assert_eq!(text.parse::<Token>(), Err(InvalidToken), "{text}");
        }
    }
}

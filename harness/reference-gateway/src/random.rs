//! What nobody can guess.

use std::fmt::Write;

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{ApiError, row};

/// 128 bits from the operating system, in hexadecimal digits.
pub(crate) fn id() -> Result<String, ApiError> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| row::NO_RANDOMNESS)?;
    Ok(bytes.iter().fold(String::new(), |mut id, byte| {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    }))
}

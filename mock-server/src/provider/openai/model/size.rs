//! The sizes that a model makes.

use serde::Deserialize;

/// The sizes that a model makes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// By name, in the provider's order.
    pub named: Vec<String>,
    /// Any size within these bounds.
    pub free: Option<FreeSizes>,
}

/// The bounds of free sizes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeSizes {
    /// Both edges are a multiple of it, in pixels.
    pub multiple_of: u32,
    /// The longer edge is at most so many times the shorter one.
    pub max_ratio: u32,
    /// The longest edge, in pixels.
    pub max_edge: u32,
    /// The least number of pixels.
    pub min_pixels: u64,
    /// The greatest number of pixels.
    pub max_pixels: u64,
}

/// `WxH` as two edges in pixels.
#[must_use]
pub(in crate::provider::openai) fn edges(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.split_once('x')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(width) || !digits(height) {
        return None;
    }
    Some((width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_two_plain_numbers() {
        assert_eq!(edges("1536x1024"), Some((1536, 1024)));
        for bad in ["1024", "x", "+1x1", "1x-1", "1024X1024", "99999999999x1"] {
            assert_eq!(edges(bad), None, "{bad}");
        }
    }
}

//! How tokens are counted.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Token counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Output tokens of an image by size and quality.
    pub fixed: Vec<FixedTokens>,
    /// The formula for free sizes.
    pub formula: TokenFormula,
    /// Output tokens of each partial image.
    pub partial_image: u64,
    /// Added to the text tokens of a prompt.
    pub text_overhead: u64,
    /// Where this is known from.
    pub source: String,
}

/// Output tokens of an image of one size.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedTokens {
    /// `WxH`.
    pub size: String,
    /// In low quality.
    pub low: u64,
    /// In medium quality.
    pub medium: u64,
    /// In high quality.
    pub high: u64,
}

/// `ceil(q * floor((2*q*short + long) / (2*long)) * (base + width*height) / divisor)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFormula {
    /// q by quality.
    pub factors: BTreeMap<String, u64>,
    /// Added to the number of pixels.
    pub base: u64,
    /// Divides the product.
    pub divisor: u64,
    /// Where this is known from.
    pub source: String,
}

/// How output tokens are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenRule {
    /// By the table.
    Fixed,
    /// By the formula.
    Formula,
    /// The answer has no usage.
    None,
}

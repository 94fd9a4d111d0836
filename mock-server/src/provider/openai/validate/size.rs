//! Sizes: named ones, and free ones within the bounds of a model.

use super::and_list;
use crate::provider::openai::error::Refusal;
use crate::provider::openai::model::{FreeSizes, Model, edges};

/// Judges a size.
///
/// # Errors
/// The refusal that names the supported sizes, or the rule that is broken.
pub(super) fn size_of(size: &str, model: &Model) -> Result<(), Refusal> {
    if model.sizes.named.iter().any(|named| named == size) {
        return Ok(());
    }
    let listed = || {
        let values = [
            ("value", size.to_owned()),
            ("values", and_list(model.sizes.named.iter().cloned())),
        ];
        Refusal::new("invalid-size", values)
    };
    let free = model.sizes.free.as_ref().ok_or_else(listed)?;
    let (width, height) = edges(size).ok_or_else(listed)?;
    match free.broken_rule(width, height) {
        None => Ok(()),
        Some((row, limit)) => {
            let values = [("value", size.to_owned()), ("limit", limit.to_string())];
            Err(Refusal::new(row, values))
        }
    }
}

impl FreeSizes {
    fn broken_rule(&self, width: u32, height: u32) -> Option<(&'static str, u64)> {
        let (long, short) = (width.max(height), width.min(height));
        let pixels = u64::from(width) * u64::from(height);
        let multiple = |edge: u32| edge > 0 && edge.is_multiple_of(self.multiple_of);
        let rules = [
            (
                multiple(width) && multiple(height),
                "size-not-multiple",
                self.multiple_of.into(),
            ),
            (
                long <= self.max_edge,
                "size-edge-too-long",
                self.max_edge.into(),
            ),
            (
                u64::from(long) <= u64::from(short) * u64::from(self.max_ratio),
                "size-aspect",
                self.max_ratio.into(),
            ),
            (
                pixels >= self.min_pixels,
                "size-too-few-pixels",
                self.min_pixels,
            ),
            (
                pixels <= self.max_pixels,
                "size-too-many-pixels",
                self.max_pixels,
            ),
        ];
        let broken = rules.into_iter().find(|(holds, ..)| !holds);
        broken.map(|(_, row, limit)| (row, limit))
    }
}

//! Token counts of the Images API.

use serde_json::{Value, json};

use crate::provider::openai::model::{Models, TokenFormula, TokenRule, Tokens};
use crate::provider::openai::validate::Wanted;

/// The `usage` object, or none for models that have none. `n` multiplies everything (recorded); each partial
/// image that was really sent adds its own.
pub(super) fn usage(wanted: &Wanted<'_>, prompt: &str, models: &Models) -> Option<Value> {
    let tokens = &models.tokens;
    let image = image_tokens(wanted, tokens)? + tokens.partial_image * partials(wanted);
    let text = wanted.model.output_text_tokens;
    let shown = wanted.model.input_image_tokens * wanted.inputs * wanted.n;
    let read = text_tokens(prompt, tokens) * wanted.n;
    let input = shown + read;
    let (image, text) = (image * wanted.n, text * wanted.n);
    Some(json!({
        "input_tokens": input,
        "input_tokens_details": { "image_tokens": shown, "text_tokens": read },
        "output_tokens": image + text,
        "output_tokens_details": { "image_tokens": image, "text_tokens": text },
        "total_tokens": input + image + text,
    }))
}

fn partials(wanted: &Wanted<'_>) -> u64 {
    if wanted.stream {
        wanted.partial_images.into()
    } else {
        0
    }
}

fn image_tokens(wanted: &Wanted<'_>, tokens: &Tokens) -> Option<u64> {
    let (width, height) = (wanted.width.into(), wanted.height.into());
    match wanted.model.tokens {
        TokenRule::None => None,
        TokenRule::Formula => Some(tokens.formula.count(width, height, &wanted.quality)),
        TokenRule::Fixed => {
            let size = format!("{width}x{height}");
            let row = tokens.fixed.iter().find(|row| row.size == size);
            // A size that only lenient validation lets through is counted like the neighbouring models.
            let Some(row) = row else {
                return Some(tokens.formula.count(width, height, &wanted.quality));
            };
            Some(match wanted.quality.as_str() {
                "low" => row.low,
                "medium" => row.medium,
                _ => row.high,
            })
        }
    }
}

impl TokenFormula {
    fn count(&self, width: u64, height: u64, quality: &str) -> u64 {
        let factor = self
            .factors
            .get(quality)
            .or_else(|| self.factors.get("high"));
        let q = factor.copied().unwrap_or_default();
        let (long, short) = (width.max(height).max(1), width.min(height));
        let rows = (2 * q * short + long) / (2 * long);
        (q * rows * (self.base + width * height)).div_ceil(self.divisor.max(1))
    }
}

/// Words and punctuation marks plus an overhead: fits the recorded prompts but is an estimate.
pub(super) fn text_tokens(prompt: &str, tokens: &Tokens) -> u64 {
    let words = prompt.split_whitespace().count();
    let marks = prompt.chars().filter(char::is_ascii_punctuation).count();
    (words + marks) as u64 + tokens.text_overhead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_gives_the_published_counts() {
        let formula = Models::builtin().unwrap().tokens.formula;
        assert_eq!(formula.count(1024, 1024, "low"), 196);
        assert_eq!(formula.count(1024, 1024, "high"), 7024);
        assert_eq!(formula.count(1024, 1536, "high"), 5488);
        assert_eq!(formula.count(3840, 2160, "medium"), 3336);
    }

    #[test]
    fn text_counts_of_recorded_prompts() {
        let tokens = Models::builtin().unwrap().tokens;
        assert_eq!(text_tokens("An isolated stop sign.", &tokens), 11);
        assert_eq!(
            text_tokens("a plain red circle on a white background", &tokens),
            14
        );
        assert_eq!(text_tokens("A simple red square", &tokens), 10);
    }
}

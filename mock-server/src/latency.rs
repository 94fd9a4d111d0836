//! How long a success takes: not at all, as long as the real provider takes, or a fixed time.
//!
//! What is realistic is data (`fixtures/models/latency.json`): seconds by model and quality, scaled by pixels
//! and further images, with jitter that the seed fixes.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::catalogue::CatalogueError;
use crate::duration::{self, LONGEST};
use crate::wire::{Answer, HoldPoint, Pause};

/// How long a success takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latency {
    /// As fast as it can be painted.
    #[default]
    None,
    /// This long.
    Fixed(Duration),
    /// By model, quality, size and number of images, as the provider was seen to take.
    Realistic,
}

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "realistic" => Ok(Self::Realistic),
            text => duration::parse(text)
                .map(Self::Fixed)
                .map_err(|expected| format!("expected none, realistic or {expected}")),
        }
    }
}

/// The data behind [`Latency::Realistic`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latencies {
    #[serde(rename = "read")]
    _read: String,
    #[serde(rename = "source")]
    _source: String,
    /// The time lies so far around the middle, as a part of it.
    jitter: f64,
    /// The size that the seconds are stated for.
    reference_pixels: f64,
    /// What each image behind the first adds, as a part of the time of one.
    further_image: f64,
    models: Vec<ModelSeconds>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSeconds {
    /// The longest one that fits a model's id applies.
    prefix: String,
    /// By quality; `standard` stands for what has none.
    seconds: BTreeMap<String, f64>,
}

const PATH: &str = "models/latency.json";

impl Latencies {
    /// Reads the embedded data.
    pub(crate) fn builtin() -> Result<Self, CatalogueError> {
        let text = fixtures::text(PATH).ok_or_else(|| CatalogueError::Missing(PATH.to_owned()))?;
        serde_json::from_str(text).map_err(|source| CatalogueError::Form {
            path: PATH.to_owned(),
            source,
        })
    }

    /// Lets an answer take its time: as a whole before its head; as a stream from event to event. `id` fixes
    /// the jitter. What is refused is refused at once.
    pub(crate) fn apply(
        &self,
        latency: Latency,
        answer: &mut Answer,
        effective: &Map<String, Value>,
        id: &str,
    ) {
        if answer.status != 200 {
            return;
        }
        let time = match latency {
            Latency::None => return,
            Latency::Fixed(time) => time,
            Latency::Realistic => self.realistic(effective, id),
        };
        let events = answer.events();
        if events == 0 {
            answer.pause(HoldPoint::BeforeHead(true), Pause::Delay(time));
        }
        let part = time / u32::try_from(events.max(1)).unwrap_or(u32::MAX);
        for event in 0..events {
            answer.pause(HoldPoint::BeforeEvent(event), Pause::Delay(part));
        }
    }

    fn realistic(&self, effective: &Map<String, Value>, id: &str) -> Duration {
        let text = |name: &str| effective.get(name).and_then(Value::as_str);
        let model = text("model").unwrap_or_default();
        let fitting = self
            .models
            .iter()
            .filter(|row| model.starts_with(&row.prefix));
        let row = fitting.max_by_key(|row| row.prefix.len());
        let quality = text("quality").unwrap_or("standard");
        let seconds = row.and_then(|row| {
            let stated = row.seconds.get(quality);
            stated.or_else(|| row.seconds.values().next_back()).copied()
        });
        let pixels = text("size").and_then(pixels);
        // Twice the pixels do not take twice the time.
        let scale = pixels.map_or(1.0, |pixels| (pixels / self.reference_pixels).sqrt());
        let n = effective.get("n").and_then(Value::as_f64).unwrap_or(1.0);
        let further = 1.0 + (n.clamp(1.0, 10.0) - 1.0) * self.further_image;
        let jitter = 1.0 + self.jitter * (2.0 * fraction(id) - 1.0);
        let seconds = seconds.unwrap_or_default() * scale * further * jitter;
        Duration::try_from_secs_f64(seconds)
            .unwrap_or_default()
            .min(LONGEST)
    }
}

fn pixels(size: &str) -> Option<f64> {
    let (width, height) = size.split_once('x')?;
    Some(width.parse::<f64>().ok()? * height.parse::<f64>().ok()?)
}

/// From 0 to 1, by the first hex digits of an id.
fn fraction(id: &str) -> f64 {
    let digits = id.get(..8).unwrap_or_default();
    u32::from_str_radix(digits, 16).map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MIDDLE: &str = "80000000";

    fn seconds(effective: &Value, id: &str) -> f64 {
        let latencies = Latencies::builtin().unwrap();
        let time = latencies.realistic(effective.as_object().unwrap(), id);
        (time.as_secs_f64() * 10.0).round() / 10.0
    }

    #[test]
    fn model_quality_size_and_number_count() {
        let of = |model: &str, quality: &str, size: &str, n: u64| {
            let effective = json!({ "model": model, "quality": quality, "size": size, "n": n });
            seconds(&effective, MIDDLE)
        };
        assert_eq!(of("gpt-image-1", "low", "1024x1024", 1), 10.0);
        assert_eq!(of("gpt-image-1-mini", "low", "1024x1024", 1), 7.0);
        assert_eq!(of("gpt-image-1", "high", "1024x1024", 1), 48.0);
        assert_eq!(of("gpt-image-1", "low", "2048x2048", 1), 20.0);
        assert_eq!(of("gpt-image-1", "low", "1024x1024", 3), 13.0);
        assert_eq!(of("nobody-knows", "low", "auto", 1), 8.0);
        assert_eq!(
            seconds(&json!({ "model": "imagen-4.0-generate-001" }), MIDDLE),
            6.0
        );
    }

    #[test]
    fn jitter_is_fixed_by_the_id() {
        let effective = json!({ "model": "gpt-image-1", "quality": "low" });
        assert_eq!(seconds(&effective, "00000000"), 7.5);
        assert_eq!(seconds(&effective, "ffffffff"), 12.5);
        assert_eq!(seconds(&effective, "short"), 10.0);
    }

    #[test]
    fn texts() {
        assert_eq!("none".parse(), Ok(Latency::None));
        assert_eq!("realistic".parse(), Ok(Latency::Realistic));
        let fixed = Latency::Fixed(Duration::from_millis(1500));
        assert_eq!("1.5s".parse(), Ok(fixed));
        assert!("slow".parse::<Latency>().unwrap_err().contains("realistic"));
    }
}

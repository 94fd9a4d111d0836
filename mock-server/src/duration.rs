//! Reads durations of scenarios and flags: `250ms`, `1.5s`, `2m`.

use std::time::Duration;

/// The longest time that a scenario may ask for.
pub const LONGEST: Duration = Duration::from_secs(600);

/// Reads `250ms`, `1.5s` or `2m`, at most [`LONGEST`].
///
/// # Errors
/// What was expected, as half a sentence.
pub fn parse(text: &str) -> Result<Duration, String> {
    let expected = || "a duration up to ten minutes such as 250ms, 1.5s or 2m".to_owned();
    let split = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(split.ok_or_else(expected)?);
    let number: f64 = number.trim().parse().map_err(|_| expected())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return Err(expected()),
    };
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| *time <= LONGEST)
        .ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        for bad in ["", "5", "-1s", "11m", "s", "NaNs", "1h"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}

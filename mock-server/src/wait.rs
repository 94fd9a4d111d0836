//! How long an error tells the client to wait: the parameter `retry-after`, in seconds, `0.5` too. Headers and
//! texts have whole seconds (RFC 9110, section 10.2.3), rounded up, so that who waits them is never early;
//! OpenAI's `retry-after-ms` has the exact time, unless a scenario says something else on purpose.

/// The parameter and placeholder in seconds.
pub(crate) const SECONDS: &str = "retry-after";
/// The parameter and placeholder in milliseconds.
pub(crate) const MILLISECONDS: &str = "retry-after-ms";
/// A day.
const LONGEST: f64 = 86_400.0;

/// Whether a parameter takes this value, where it is one of the two.
///
/// # Errors
/// What it takes.
pub(crate) fn check(param: &str, value: &str) -> Result<(), String> {
    match param {
        SECONDS if millis(value).is_none() => {
            Err("a number of seconds from 0 to 86400 such as 7 or 0.5".to_owned())
        }
        MILLISECONDS if value.parse::<u32>().is_err() => {
            Err("a whole number of milliseconds".to_owned())
        }
        _ => Ok(()),
    }
}

/// What stands for a placeholder with this value.
pub(crate) fn rendered(name: &str, value: &str) -> Option<String> {
    match name {
        SECONDS => Some(millis(value)?.div_ceil(1000).to_string()),
        _ => Some(value.to_owned()),
    }
}

/// Seconds as a text, in milliseconds, rounded up.
pub(crate) fn millis(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.parse().ok()?;
    let known = (0.0..=LONGEST).contains(&seconds);
    known.then_some((seconds * 1000.0).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_milliseconds_are_exact() {
        for (text, seconds, exact) in [("7", "7", 7000), ("0.5", "1", 500), ("0", "0", 0)] {
            assert_eq!(rendered(SECONDS, text).as_deref(), Some(seconds));
            assert_eq!(millis(text), Some(exact));
        }
        for bad in ["soon", "-1", "", "NaN", "inf", "86401"] {
            assert!(check(SECONDS, bad).is_err(), "{bad}");
        }
        assert!(check(MILLISECONDS, "0.5").is_err());
    }
}

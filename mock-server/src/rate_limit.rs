//! Limits of requests and images a minute, by credential (and deployment, where Azure is called), as
//! `--rate-limit requests=5,images=10` sets them.
//!
//! A minute begins with the first call in it. A call beyond the limit does not count, and is told the true
//! time until the minute is over: who waits so long is served.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kept::Kept;
use crate::provider::{Call, credential_label, hex_sha256};
use crate::scenario::Element;

const MINUTE: Duration = Duration::from_secs(60);
/// The condition that a call beyond the limit is answered with.
const CONDITION: &str = "rate-limit";

/// What a credential may ask for in a minute; none: as much as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// So many requests.
    pub requests: Option<u64>,
    /// So many images, as asked for by `n`.
    pub images: Option<u64>,
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected requests=N,images=N, either or both, N from 1".to_owned();
        let mut limit = Self::default();
        for part in text.split(',') {
            let (name, number) = part.split_once('=').ok_or_else(expected)?;
            let number: u64 = number.trim().parse().map_err(|_| expected())?;
            let place = match name.trim() {
                "requests" => &mut limit.requests,
                "images" => &mut limit.images,
                _ => return Err(expected()),
            };
            if number == 0 || place.replace(number).is_some() {
                return Err(expected());
            }
        }
        Ok(limit)
    }
}

/// Counts the calls of each credential's minute.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: RateLimit,
    minutes: Mutex<Kept<String, Minute>>,
}

/// What the meter says of a call.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// How many requests are left in the minute; none where they are not limited.
    pub(crate) requests_left: Option<u64>,
    /// The condition to answer with where the call is beyond the limit; it names the wait.
    pub(crate) refusal: Option<Element>,
}

#[derive(Clone, Copy, Debug)]
struct Minute {
    began: Instant,
    requests: u64,
    images: u64,
}

impl Meter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            minutes: Mutex::default(),
        }
    }

    /// Counts a call.
    pub(crate) fn read(&self, call: &Call, now: Instant) -> Reading {
        let Some(key) = self.key(call) else {
            return Reading::default();
        };
        let images = call.effective.get("n").and_then(Value::as_u64).unwrap_or(1);
        match self.count(key, images, now) {
            Ok(requests_left) => Reading {
                requests_left,
                refusal: None,
            },
            Err(wait) => Reading {
                requests_left: self.limit.requests.map(|_| 0),
                refusal: Some(refusal(wait)),
            },
        }
    }

    /// Whose minute a call is counted in; none where it is not counted.
    fn key(&self, call: &Call) -> Option<String> {
        if self.limit == RateLimit::default() || call.operation.is_none() {
            return None;
        }
        let credential = credential_label(call.credential.as_deref()?);
        let deployment = call.sent.get("deployment").and_then(Value::as_str);
        Some(match deployment {
            Some(deployment) => format!("{credential} {}", hex_sha256(deployment.as_bytes())),
            None => credential,
        })
    }

    /// Begins every minute anew.
    pub(crate) fn reset(&self) {
        *self.minutes.lock().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }

    /// How many requests are left, or how long to wait.
    fn count(&self, key: String, images: u64, now: Instant) -> Result<Option<u64>, Duration> {
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let running = minutes.find(&key).copied();
        let running = running.filter(|minute| now.duration_since(minute.began) < MINUTE);
        let mut minute = running.unwrap_or(Minute {
            began: now,
            requests: 0,
            images: 0,
        });
        minute.requests += 1;
        minute.images = minute.images.saturating_add(images);
        let beyond = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used > limit);
        if beyond(self.limit.requests, minute.requests) || beyond(self.limit.images, minute.images)
        {
            return Err(MINUTE.saturating_sub(now.duration_since(minute.began)));
        }
        minutes.put(key, minute);
        Ok(self.limit.requests.map(|limit| limit - minute.requests))
    }
}

/// Whole seconds, rounded up: a client that waits them is never early.
fn refusal(wait: Duration) -> Element {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let mut element = Element::condition(CONDITION);
    let params = &mut element.params;
    params.insert("retry-after".to_owned(), seconds.to_string());
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(text: &str) -> Meter {
        Meter::new(text.parse().unwrap())
    }

    #[test]
    fn who_waits_as_told_is_served() {
        let (meter, start) = (meter("requests=2"), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let count = |seconds| meter.count("k".to_owned(), 1, at(seconds));
        assert_eq!((count(0), count(1)), (Ok(Some(1)), Ok(Some(0))));
        assert_eq!(count(10), Err(Duration::from_secs(50)));
        assert_eq!(count(59), Err(Duration::from_secs(1)));
        assert_eq!(count(60), Ok(Some(1)));
        assert_eq!(meter.count("other".to_owned(), 1, at(10)), Ok(Some(1)));
    }

    #[test]
    fn images_count_as_asked_for_and_refused_calls_do_not() {
        let (meter, now) = (meter("images=4"), Instant::now());
        let count = |images| meter.count("k".to_owned(), images, now);
        assert!(count(3).is_ok() && count(2).is_err() && count(1).is_ok());
        assert_eq!(count(1), Err(MINUTE));
    }

    #[test]
    fn texts() {
        let both = RateLimit {
            requests: Some(5),
            images: Some(10),
        };
        assert_eq!("requests=5,images=10".parse(), Ok(both));
        for bad in [
            "",
            "5",
            "requests=0",
            "pages=1",
            "images=1,images=2",
            "images=x",
        ] {
            assert!(bad.parse::<RateLimit>().is_err(), "{bad}");
        }
    }
}

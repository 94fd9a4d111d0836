//! How many calls a test expects, in wiremock's manner: a number or any range of numbers.

use std::fmt;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    least: u64,
    most: Option<u64>,
}

impl Times {
    /// Whether so many are as expected.
    #[must_use]
    pub fn contains(self, count: u64) -> bool {
        self.least <= count && self.most.is_none_or(|most| count <= most)
    }

    fn between(least: u64, most: Option<u64>) -> Self {
        Self { least, most }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: u64| if count == 1 { "" } else { "s" };
        match (self.least, self.most) {
            (0, Some(0)) => f.write_str("no calls"),
            (least, Some(most)) if least == most => write!(f, "{least} call{}", s(least)),
            (0, None) => f.write_str("any number of calls"),
            (least, None) => write!(f, "at least {least} call{}", s(least)),
            (0, Some(most)) => write!(f, "at most {most} call{}", s(most)),
            (least, Some(most)) => write!(f, "{least} to {most} calls"),
        }
    }
}

impl From<u64> for Times {
    fn from(count: u64) -> Self {
        Self::between(count, Some(count))
    }
}

impl From<Range<u64>> for Times {
    fn from(range: Range<u64>) -> Self {
        Self::between(range.start, Some(range.end.saturating_sub(1)))
    }
}

impl From<RangeFrom<u64>> for Times {
    fn from(range: RangeFrom<u64>) -> Self {
        Self::between(range.start, None)
    }
}

impl From<RangeFull> for Times {
    fn from(_: RangeFull) -> Self {
        Self::between(0, None)
    }
}

impl From<RangeInclusive<u64>> for Times {
    fn from(range: RangeInclusive<u64>) -> Self {
        Self::between(*range.start(), Some(*range.end()))
    }
}

impl From<RangeTo<u64>> for Times {
    fn from(range: RangeTo<u64>) -> Self {
        Self::between(0, Some(range.end.saturating_sub(1)))
    }
}

impl From<RangeToInclusive<u64>> for Times {
    fn from(range: RangeToInclusive<u64>) -> Self {
        Self::between(0, Some(range.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_rust() {
        for (times, text, inside, outside) in [
            (Times::from(0), "no calls", 0, 1),
            (Times::from(1), "1 call", 1, 2),
            (Times::from(1..3), "1 to 2 calls", 2, 3),
            (Times::from(1..=3), "1 to 3 calls", 3, 4),
            (Times::from(2..), "at least 2 calls", 9, 1),
            (Times::from(..3), "at most 2 calls", 0, 3),
            (Times::from(..=1), "at most 1 call", 1, 2),
        ] {
            assert_eq!(times.to_string(), text);
            assert!(times.contains(inside) && !times.contains(outside), "{text}");
        }
        assert!(Times::from(..).contains(u64::MAX));
    }
}

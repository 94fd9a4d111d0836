//! Scenarios: what to answer instead of success.
//!
//! Grammar: `NAME[=VALUE][;key=value]…[*N|*all]`, several separated by `,`, for example
//! `rate-limit;retry-after=7*2` or `delay=200ms,server-error`. Any number of faults and habits and one condition
//! (or `ok`) may stand together. `_` and `-` are the same.

use std::collections::BTreeMap;
use std::fmt;

use crate::fault::{FAULTS, Fault};
use crate::habit::{self, Habit};
use crate::vocabulary::Vocabulary;
use crate::wait;

/// A parsed scenario text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directive {
    elements: Vec<Element>,
}

/// One condition, fault or habit of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The condition's, fault's or habit's id.
    pub name: String,
    /// What stands behind `=`.
    pub value: Option<String>,
    /// What stands behind each `;`.
    pub params: BTreeMap<String, String>,
    count: Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    All,
    Times(usize),
    Unstated,
}

/// What applies to one call: at most one condition, and faults and habits in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The condition, none for success.
    pub condition: Option<Element>,
    /// The faults.
    pub faults: Vec<Element>,
    /// The habits.
    pub habits: Vec<Element>,
    /// What stands behind each `;` of `ok`: which of the forms that a success has.
    pub success: BTreeMap<String, String>,
}

impl Directive {
    /// Parses a scenario text.
    ///
    /// # Errors
    /// An unknown name (with the nearest known ones), a value or parameter that it does not take, two
    /// conditions, or a count that is no number from 1.
    pub fn parse(text: &str, words: &Vocabulary) -> Result<Self, ScenarioError> {
        let elements: Vec<_> = text
            .split(',')
            .map(|part| Element::parse(part, words))
            .collect::<Result<_, _>>()?;
        let mut named = elements.iter().filter(|element| element.is_condition());
        if let (Some(first), Some(second)) = (named.next(), named.next()) {
            let (first, second) = (first.name.clone(), second.name.clone());
            return Err(ScenarioError::TwoConditions { first, second });
        }
        Ok(Self { elements })
    }

    /// How many calls an item of a script's list covers: its largest count, one without any; none for `*all`.
    #[must_use]
    pub fn span(&self) -> Option<usize> {
        let mut span = 1;
        for element in &self.elements {
            match element.count {
                Count::All => return None,
                Count::Times(times) => span = span.max(times),
                Count::Unstated => {}
            }
        }
        Some(span)
    }

    /// The last call, from 1, that anything with a count applies to; none where nothing has one.
    #[must_use]
    pub fn last_counted(&self) -> Option<usize> {
        let counts = self
            .elements
            .iter()
            .filter_map(|element| match element.count {
                Count::Times(times) => Some(times),
                Count::All | Count::Unstated => None,
            });
        counts.max()
    }

    /// What applies to the call with this number, counted from 0. An element without a count always applies.
    #[must_use]
    pub fn order(&self, call: usize) -> Order {
        let active = self.elements.iter().filter(|element| match element.count {
            Count::Times(times) => call < times,
            Count::All | Count::Unstated => true,
        });
        let (faults, others): (Vec<_>, Vec<_>) = active.cloned().partition(Element::is_fault);
        let (named, habits): (Vec<_>, Vec<_>) = others.into_iter().partition(Element::is_condition);
        let success = named.iter().find(|element| element.name == OK);
        let success = success.map(|element| element.params.clone());
        Order {
            condition: named.into_iter().find(|element| element.name != OK),
            faults,
            habits,
            success: success.unwrap_or_default(),
        }
    }
}

impl Order {
    /// Whether a habit is switched on.
    #[must_use]
    pub fn has(&self, habit: Habit) -> bool {
        self.habits.iter().any(|element| element.name == habit.name)
    }
}

const OK: &str = "ok";
/// What `ok` can be told: `call=generating` (a response ends without the event and the status that its call is
/// complete), and what `auto` becomes.
const FORMS: &[&str] = &["call", "quality", "size"];

impl Element {
    /// A condition without value, parameters or count.
    #[must_use]
    pub fn condition(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
            params: BTreeMap::new(),
            count: Count::Unstated,
        }
    }

    fn parse(part: &str, words: &Vocabulary) -> Result<Self, ScenarioError> {
        let (text, count) = split_count(part.trim())?;
        let mut pieces = text.split(';').map(str::trim);
        let (name, value) = match pieces.next().unwrap_or_default().split_once('=') {
            Some((name, value)) => (canonical(name), Some(value.trim().to_owned())),
            None => (canonical(text.split(';').next().unwrap_or_default()), None),
        };
        let mut params = BTreeMap::new();
        for piece in pieces {
            let (key, value) = piece.split_once('=').ok_or_else(|| ScenarioError::Param {
                name: name.clone(),
                param: piece.to_owned(),
            })?;
            params.insert(canonical(key), value.trim().to_owned());
        }
        let element = Self {
            name,
            value,
            params,
            count,
        };
        element.check(words)?;
        Ok(element)
    }

    fn check(&self, words: &Vocabulary) -> Result<(), ScenarioError> {
        let fault = self.fault();
        let known = fault.is_some() || self.name == OK || habit::by_name(&self.name).is_some();
        if !known && !words.has(&self.name) {
            return Err(ScenarioError::Unknown {
                name: self.name.clone(),
                nearest: nearest(&self.name, words.words()),
            });
        }
        let value = self.value.as_deref();
        let taken = match (fault, value) {
            (Some(fault), _) => fault.check(value, words),
            (None, Some(_)) => Err("no value".to_owned()),
            (None, None) => Ok(()),
        };
        taken.map_err(|expected| ScenarioError::Value {
            name: self.name.clone(),
            value: self.value.clone().unwrap_or_default(),
            expected,
        })?;
        let known = match fault {
            Some(fault) => fault.params(value, words),
            None if self.name == OK => FORMS.to_vec(),
            None => words.params(&self.name).collect(),
        };
        self.check_params(&known)
    }

    fn check_params(&self, known: &[&str]) -> Result<(), ScenarioError> {
        for (param, value) in &self.params {
            if !known.contains(&param.as_str()) {
                return Err(ScenarioError::UnknownParam {
                    name: self.name.clone(),
                    param: param.clone(),
                    known: known.iter().map(|known| (*known).to_owned()).collect(),
                });
            }
            wait::check(param, value).map_err(|expected| ScenarioError::Value {
                name: format!("{};{param}", self.name),
                value: value.clone(),
                expected,
            })?;
        }
        Ok(())
    }

    fn fault(&self) -> Option<&'static dyn Fault> {
        let mut faults = FAULTS.iter().copied();
        faults.find(|fault| fault.name() == self.name)
    }

    fn is_fault(&self) -> bool {
        self.fault().is_some()
    }

    /// A condition, or `ok`.
    fn is_condition(&self) -> bool {
        !self.is_fault() && habit::by_name(&self.name).is_none()
    }
}

/// `Rate_Limit` as `rate-limit`.
pub(crate) fn canonical(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace('_', "-")
}

fn split_count(part: &str) -> Result<(&str, Count), ScenarioError> {
    let Some((text, count)) = part.rsplit_once('*') else {
        return Ok((part, Count::Unstated));
    };
    let count = count.trim();
    if count == "all" {
        return Ok((text, Count::All));
    }
    match count.parse() {
        Ok(times) if times > 0 => Ok((text, Count::Times(times))),
        _ => Err(ScenarioError::Count(count.to_owned())),
    }
}

/// The up to three known names that are nearest to an unknown one.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<_> = known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .into_iter()
        .take(3)
        .map(|(_, candidate)| candidate.to_owned())
        .collect()
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, element) in self.elements.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{element}")?;
            match element.count {
                Count::All => f.write_str("*all")?,
                Count::Times(times) => write!(f, "*{times}")?,
                Count::Unstated => {}
            }
        }
        Ok(())
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(value) = &self.value {
            write!(f, "={value}")?;
        }
        for (key, value) in &self.params {
            write!(f, ";{key}={value}")?;
        }
        Ok(())
    }
}

/// A scenario text that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// `*N` where N is no count.
    #[error("'*{0}' is no count: expected '*all' or '*N' with N from 1")]
    Count(String),
    /// Something behind `;` that is no `key=value`.
    #[error("'{param}' behind '{name};' is no key=value")]
    Param {
        /// The condition or fault.
        name: String,
        /// What was found.
        param: String,
    },
    /// A parameter that the condition or fault does not take.
    #[error("'{name}' has no parameter '{param}': it takes {}", list(.known))]
    UnknownParam {
        /// The condition or fault.
        name: String,
        /// What was written.
        param: String,
        /// What it takes.
        known: Vec<String>,
    },
    /// More than one condition.
    #[error("'{first}' and '{second}' cannot stand together: one condition and any faults")]
    TwoConditions {
        /// The first condition.
        first: String,
        /// The second condition.
        second: String,
    },
    /// No condition or fault has this name.
    #[error("unknown scenario '{name}': did you mean {}?", quoted(.nearest))]
    Unknown {
        /// What was written.
        name: String,
        /// The nearest known names, best first.
        nearest: Vec<String>,
    },
    /// The value is not what the condition or fault takes.
    #[error("'{name}={value}': expected {expected}")]
    Value {
        /// The condition or fault.
        name: String,
        /// What was written.
        value: String,
        /// What it takes.
        expected: String,
    },
}

fn list(known: &[String]) -> String {
    match known {
        [] => "none".to_owned(),
        known => quoted(known),
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Directive, ScenarioError> {
        Directive::parse(text, &Vocabulary::from(["rate-limit", "server-error"]))
    }

    #[test]
    fn a_directive_with_everything() {
        let directive = parse("rate_limit;retry-after=7*2, delay=10ms").unwrap();
        let order = directive.order(1);
        let condition = order.condition.unwrap();
        assert_eq!(condition.to_string(), "rate-limit;retry-after=7");
        assert_eq!(order.faults[0].value.as_deref(), Some("10ms"));
        let later = directive.order(2);
        assert_eq!((later.condition, later.faults.len()), (None, 1));
        assert_eq!(directive.span(), Some(2));
    }

    #[test]
    fn errors_say_what_was_expected() {
        let text = |text: &str| parse(text).unwrap_err().to_string();
        assert!(
            text("rate-limt")
                .starts_with("unknown scenario 'rate-limt': did you mean 'rate-limit'")
        );
        assert!(text("delay=soon").contains("expected a duration"));
        assert!(text("server-error*0").contains("'*0' is no count"));
        assert!(text("server-error,rate-limit").contains("cannot stand together"));
        assert!(text("").contains("unknown scenario ''"));
        assert!(text("rate-limit=3").contains("expected no value"));
        assert_eq!(
            text("rate-limit;retry-afer=3"),
            "'rate-limit' has no parameter 'retry-afer': it takes 'retry-after'"
        );
        assert_eq!(
            text("delay=1s;retry-after=3"),
            "'delay' has no parameter 'retry-after': it takes none"
        );
        assert!(text("ok;colour=red").contains("it takes 'call', 'quality', 'size'"));
        assert!(text("stream-error=rate-limit;a=b").contains("'retry-after', 'framed'"));
        assert!(text("rate-limit;retry-after=soon").contains("expected a number of seconds"));
    }

    #[test]
    fn ok_is_no_condition() {
        assert_eq!(parse("ok").unwrap().order(0), Order::default());
        assert_eq!(parse("ok*all").unwrap().span(), None);
        let order = parse("ok;size=1024x1536").unwrap().order(0);
        assert_eq!(
            (order.condition, order.success["size"].as_str()),
            (None, "1024x1536")
        );
    }
}

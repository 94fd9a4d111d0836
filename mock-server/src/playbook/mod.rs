//! Decides which scenario applies to a call: the script of its case, else its prompt, else its header, else
//! the global one; and counts, so that `*N` ends.

mod script;

pub use script::{AnswerText, ScriptError, ScriptText};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::image::Token;
use crate::journal::{ScenarioSeen, cut};
use crate::kept::Kept;
use crate::provider::{Call, credential_label, hex_sha256};
use crate::scenario::{Directive, Order, ScenarioError};
use crate::vocabulary::Vocabulary;
use crate::wire::{HoldPoint, Request};
use script::LONGEST_SCRIPT;

/// The header that carries a scenario.
pub const SCENARIO_HEADER: &str = "x-mock-scenario";

/// Scripts, counters and the global scenario.
#[derive(Debug)]
pub struct Playbook {
    scripts: Mutex<Kept<Token, Script>>,
    counters: Mutex<Kept<String, usize>>,
    global: Mutex<Option<Directive>>,
}

/// What applies to one call.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Condition, faults and habits.
    pub order: Order,
    /// Where the answer holds.
    pub holds: Vec<HoldPoint>,
    /// Opens the holds; one permit a release.
    pub releases: Option<Arc<Semaphore>>,
    /// What the journal says.
    pub seen: Option<ScenarioSeen>,
}

#[derive(Debug)]
struct Script {
    items: Vec<(Directive, Vec<HoldPoint>)>,
    calls: usize,
    releases: Arc<Semaphore>,
}

/// Holds that nobody can release any more go on: see [`HoldEnd::ScriptGone`](crate::journal::HoldEnd).
impl Drop for Script {
    fn drop(&mut self) {
        self.releases.close();
    }
}

impl Playbook {
    /// A playbook without scripts.
    #[must_use]
    pub fn new(global: Option<Directive>) -> Self {
        Self {
            scripts: Mutex::new(Kept::default()),
            counters: Mutex::new(Kept::default()),
            global: Mutex::new(global),
        }
    }

    /// What applies to a call: nothing where no operation is called.
    ///
    /// # Errors
    /// A prompt or header directive that cannot be used.
    pub fn plan(
        &self,
        request: &Request,
        call: &Call,
        words: &Vocabulary,
    ) -> Result<Plan, ScenarioError> {
        if call.operation.is_none() {
            return Ok(Plan::default());
        }
        if let Some(plan) = self.scripted(call) {
            return Ok(plan);
        }
        let header = request.header(SCENARIO_HEADER);
        let (source, text) = match (call.marks.directives.as_slice(), header) {
            ([], None) => {
                let global = lock(&self.global).clone();
                return Ok(global
                    .map_or_else(Plan::default, |d| self.counted("global", &d, request, call)));
            }
            ([], Some(header)) => ("header", header.to_owned()),
            (directives, _) => ("prompt", directives.join(",")),
        };
        let directive = Directive::parse(&text, words)?;
        Ok(self.counted(source, &directive, request, call))
    }

    /// Sets the script of a case; its counts and releases start over, and what an earlier one holds goes on.
    ///
    /// # Errors
    /// An item that cannot be parsed, with its index; or a script that is too long.
    pub fn set_script(
        &self,
        token: Token,
        text: &ScriptText,
        words: &Vocabulary,
    ) -> Result<(), ScriptError> {
        if text.answers.len() > LONGEST_SCRIPT {
            return Err(ScriptError::TooLong(text.answers.len()));
        }
        let parse = |(index, answer): (usize, &AnswerText)| {
            let directive = Directive::parse(&answer.directive, words);
            let directive = directive.map_err(|source| ScriptError::Item { index, source })?;
            Ok((directive, answer.hold.clone()))
        };
        let items = text
            .answers
            .iter()
            .enumerate()
            .map(parse)
            .collect::<Result<_, ScriptError>>()?;
        let script = Script {
            items,
            calls: 0,
            releases: Arc::new(Semaphore::new(0)),
        };
        lock(&self.scripts).put(token, script);
        Ok(())
    }

    /// Forgets the script of a case; what it holds goes on.
    pub fn remove_script(&self, token: &Token) {
        lock(&self.scripts).remove(token);
    }

    /// Opens the next hold of a case; says whether the case has a script.
    #[must_use]
    pub fn release(&self, token: &Token) -> bool {
        let scripts = lock(&self.scripts);
        let Some(script) = scripts.find(token) else {
            return false;
        };
        // Far below the semaphore's own limit, whatever a client does.
        if script.releases.available_permits() < LONGEST_SCRIPT {
            script.releases.add_permits(1);
        }
        true
    }

    /// The global scenario as text.
    #[must_use]
    pub fn global_text(&self) -> Option<String> {
        lock(&self.global).as_ref().map(ToString::to_string)
    }

    /// Sets the global scenario.
    pub fn set_global(&self, directive: Option<Directive>) {
        *lock(&self.global) = directive;
        *lock(&self.counters) = Kept::default();
    }

    /// Forgets scripts, counters and the global scenario.
    pub fn reset(&self, global: Option<Directive>) {
        *lock(&self.scripts) = Kept::default();
        *lock(&self.counters) = Kept::default();
        *lock(&self.global) = global;
    }

    /// The answer to the next call of a case. Every call of an operation takes one, also a call that the provider
    /// refuses for reasons of its own (401, 400) before the item shows: so the k-th call of the journal always
    /// met the k-th item, whatever was sent, and a client that corrects its request cannot stretch a script.
    fn scripted(&self, call: &Call) -> Option<Plan> {
        let mut scripts = lock(&self.scripts);
        let script = scripts.find_mut(call.marks.token.as_ref()?)?;
        let number = script.calls;
        script.calls += 1;
        let releases = Some(Arc::clone(&script.releases));
        let mut first = 0;
        for (directive, holds) in &script.items {
            let within = number - first;
            let span = directive.span();
            if span.is_none_or(|span| within < span) {
                let order = directive.order(within);
                let seen = Some(seen("script", &order, false));
                return Some(Plan {
                    order,
                    holds: holds.clone(),
                    releases,
                    seen,
                });
            }
            first += span.unwrap_or_default();
        }
        let seen = Some(seen("script", &Order::default(), true));
        Some(Plan {
            seen,
            ..Plan::default()
        })
    }

    fn counted(&self, source: &str, directive: &Directive, request: &Request, call: &Call) -> Plan {
        let number = directive.last_counted().map_or(0, |last| {
            self.count(counter_key(source, directive, request, call), last)
        });
        let order = directive.order(number);
        let seen = Some(seen(source, &order, false));
        Plan {
            order,
            seen,
            ..Plan::default()
        }
    }

    /// The number of this call; after the first call that nothing counted applies to, counting starts over.
    fn count(&self, key: String, last: usize) -> usize {
        let mut counters = lock(&self.counters);
        let number = counters.find(&key).copied().unwrap_or_default();
        let next = if number < last { number + 1 } else { 0 };
        counters.put(key, next);
        number
    }
}

/// By token; without one by header value; without that by credential, operation, directive and prompt. Hashed,
/// so that long directives take no more room than short ones.
fn counter_key(source: &str, directive: &Directive, request: &Request, call: &Call) -> String {
    let key = if let Some(token) = &call.marks.token {
        format!("{source} token {token} {directive}")
    } else if source == "header" {
        let value = request.header(SCENARIO_HEADER).unwrap_or_default();
        format!("header {value}")
    } else {
        let credential = credential_label(call.credential.as_deref().unwrap_or_default());
        let operation = call.operation.unwrap_or_default();
        let prompt = hex_sha256(call.prompt.as_bytes());
        format!("{source} {credential} {operation} {prompt} {directive}")
    };
    hex_sha256(key.as_bytes())
}

fn seen(source: &str, order: &Order, beyond_script: bool) -> ScenarioSeen {
    let parts = order
        .condition
        .iter()
        .chain(&order.faults)
        .chain(&order.habits)
        .map(ToString::to_string);
    let applied = parts.collect::<Vec<_>>().join(",");
    let applied = if applied.is_empty() {
        "ok".to_owned()
    } else {
        applied
    };
    ScenarioSeen {
        source: source.to_owned(),
        applied: cut(applied),
        beyond_script,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Vocabulary {
        Vocabulary::from(["rate-limit", "server-error"])
    }

    fn request() -> Request {
        Request {
            method: "POST".into(),
            path: "/".into(),
            query: None,
            headers: vec![],
            body: bytes::Bytes::new(),
            body_too_large: false,
        }
    }

    fn applied(playbook: &Playbook, call: &Call) -> String {
        let plan = playbook.plan(&request(), call, &words()).unwrap();
        plan.seen.map(|seen| seen.applied).unwrap_or_default()
    }

    fn call(token: Option<&str>, directive: &str) -> Call {
        let mut call = Call {
            operation: Some("images.generations"),
            ..Call::default()
        };
        call.marks.token = token.map(|token| token.parse().unwrap());
        call.marks.directives = vec![directive.to_owned()];
        call
    }

    #[test]
    fn a_counted_prompt_starts_over_after_its_first_success() {
        let playbook = Playbook::new(None);
        let call = call(None, "rate-limit*2");
        let seen: Vec<_> = (0..6).map(|_| applied(&playbook, &call)).collect();
        assert_eq!(
            seen,
            [
                "rate-limit",
                "rate-limit",
                "ok",
                "rate-limit",
                "rate-limit",
                "ok"
            ]
        );
    }

    #[test]
    fn what_always_applies_does_not_keep_the_count_from_starting_over() {
        let playbook = Playbook::new(None);
        let call = call(None, "rate-limit*1,delay=1ms*all");
        let seen: Vec<_> = (0..4).map(|_| applied(&playbook, &call)).collect();
        let (first, second) = ("rate-limit,delay=1ms", "delay=1ms");
        assert_eq!(seen, [first, second, first, second]);
    }

    #[test]
    fn a_script_goes_before_the_prompt_and_says_when_it_is_over() {
        let playbook = Playbook::new(None);
        let token: Token = "abcdefgh23".parse().unwrap();
        let text = serde_json::from_str(
            r#"{"answers":["rate-limit*2",{"do":"ok","hold":[{"before_event":1}]}]}"#,
        );
        playbook
            .set_script(token, &text.unwrap(), &words())
            .unwrap();
        let call = call(Some("abcdefgh23"), "server-error");
        assert_eq!(applied(&playbook, &call), "rate-limit");
        assert_eq!(applied(&playbook, &call), "rate-limit");
        let plan = playbook.plan(&request(), &call, &words()).unwrap();
        assert_eq!(plan.holds, [HoldPoint::BeforeEvent(1)]);
        let plan = playbook.plan(&request(), &call, &words()).unwrap();
        assert!(plan.seen.unwrap().beyond_script);
    }

    #[test]
    fn a_bad_script_item_is_named() {
        let playbook = Playbook::new(None);
        let text = ScriptText {
            answers: vec![AnswerText {
                directive: "rate-limt".into(),
                hold: vec![],
            }],
        };
        let token = "abcdefgh23".parse().unwrap();
        let error = playbook.set_script(token, &text, &words()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("at /answers/0: unknown scenario")
        );
    }
}

//! `upstream.*`: what the target sent to the provider.

use mock_server::journal::Entry;
use mock_server::provider::credential_label;
use serde_json::{Map, Value};

use crate::case::{Calls, Matcher, UpstreamExpectation};
use crate::check::json::shown;
use crate::check::upstream_parts::{input_images, parts};
use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::{Evidence, Outcome};
use crate::target::Target;

/// See the module.
pub(super) struct Upstream;

impl Check for Upstream {
    fn id(&self) -> &'static str {
        "upstream"
    }

    fn summary(&self) -> &'static str {
        "what the target sent to the provider is as expected"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            for expected in &site.step_of_copy().expect.upstream {
                judge_one(site, expected, evidence.target, bench);
            }
        }
    }
}

fn judge_one(
    site: Site<'_>,
    expected: &UpstreamExpectation,
    target: &Target,
    bench: &mut Bench<'_>,
) {
    let calls: Vec<_> = site
        .exchange
        .calls()
        .iter()
        .filter(|call| call.operation.is_some())
        .collect();
    let seen = site.exchange.upstream.is_some();
    let mut record = |check: &str, result: Result<(), Mismatch>| {
        let unseen = || Mismatch::new("there is no mock upstream to look at").untestable();
        let result = if seen { result } else { Err(unseen()) };
        bench.record(site, check, &expected.requirement, result);
    };
    if let Some(wanted) = expected.calls {
        record("upstream.calls", number_of_calls(wanted, calls.len()));
    }
    if let Some(wanted) = expected.images_requested {
        record(
            "upstream.images_requested",
            images_requested(wanted, &calls),
        );
    }
    for member in members(expected) {
        let result = every(&calls, &member.what, member.matcher, member.value);
        record(&member.check, result);
    }
    if let Some(wanted) = &expected.input_images {
        record("upstream.input_images", input_images(wanted, &calls));
    }
    if let Some(wanted) = &expected.parts {
        record("upstream.parts", parts(wanted, &calls));
    }
    if expected.credential.is_some() {
        record("upstream.credential", credential(&calls, target));
    }
    if let Some(wanted) = expected.peer_gone {
        record("upstream.peer_gone", peer_gone(wanted, site, &calls));
    }
}

/// A value of each call, and what it must be.
struct Member<'e> {
    check: String,
    /// For messages.
    what: String,
    matcher: &'e Matcher,
    value: Box<Look<'e>>,
}

/// Finds a value of a call.
type Look<'e> = dyn Fn(&Entry) -> Option<Value> + 'e;

impl<'e> Member<'e> {
    fn new(
        check: String,
        what: String,
        matcher: &'e Matcher,
        value: impl Fn(&Entry) -> Option<Value> + 'e,
    ) -> Self {
        Self {
            check,
            what,
            matcher,
            value: Box::new(value),
        }
    }
}

fn members(expected: &UpstreamExpectation) -> Vec<Member<'_>> {
    let sent = expected.sent.iter().map(|(name, matcher)| {
        let what = format!("'{name}' as sent upstream");
        Member::new(
            format!("upstream.sent:{name}"),
            what,
            matcher,
            move |call| call.sent.get(name).cloned(),
        )
    });
    let effective = expected.effective.iter().map(|(name, matcher)| {
        let what = format!("'{name}' upstream, after defaults,");
        let check = format!("upstream.effective:{name}");
        Member::new(check, what, matcher, move |call| {
            call.effective.get(name).cloned()
        })
    });
    let headers = expected.headers.iter().map(|(name, matcher)| {
        let what = format!("the upstream header {name}");
        let check = format!("upstream.headers:{name}");
        Member::new(check, what, matcher, move |call| {
            let value = call.headers.iter().find(|(key, _)| key == name);
            value.map(|(_, value)| value.as_str().into())
        })
    });
    let body = expected.body.iter().map(|(pointer, matcher)| {
        let what = format!("{pointer} of the body that arrived upstream");
        let check = format!("upstream.body:{pointer}");
        Member::new(check, what, matcher, move |call| {
            call.body.pointer(pointer).cloned()
        })
    });
    sent.chain(effective).chain(headers).chain(body).collect()
}

fn peer_gone(wanted: bool, site: Site<'_>, calls: &[&Entry]) -> Result<(), Mismatch> {
    if matches!(site.exchange.outcome, Outcome::TimedOut) {
        let message = "the client never got to the point at which it was to leave";
        return Err(Mismatch::new(message).untestable());
    }
    if calls.is_empty() {
        return Err(Mismatch::new("no call arrived upstream").untestable());
    }
    let was_dropped = calls.iter().any(|call| call.stamps.peer_gone.is_some());
    let (dropped, kept) = ("the upstream call is dropped", "it is kept to its end");
    match (wanted, was_dropped) {
        (true, false) => {
            let message = "the client had gone, but the target stayed on its call to the provider";
            Err(Mismatch::of(message, dropped, kept))
        }
        (false, true) => {
            let message = "the client had gone, and the target gave its call to the provider up";
            Err(Mismatch::of(message, kept, dropped))
        }
        _ => Ok(()),
    }
}

fn number_of_calls(wanted: Calls, actual: usize) -> Result<(), Mismatch> {
    let (holds, text) = match wanted {
        Calls::Exactly(number) => (actual == number, number.to_string()),
        Calls::Bounds(bounds) => {
            let least = bounds.at_least.map(|least| format!("at least {least}"));
            let most = bounds.at_most.map(|most| format!("at most {most}"));
            let text: Vec<_> = least.into_iter().chain(most).collect();
            (bounds.holds(actual), text.join(", "))
        }
    };
    holds.then_some(()).ok_or_else(|| {
        Mismatch::of(
            format!("{actual} calls arrived upstream, {text} were expected"),
            text.clone(),
            actual.to_string(),
        )
    })
}

fn images_requested(wanted: u64, calls: &[&Entry]) -> Result<(), Mismatch> {
    let requested = |call: &&Entry| call.effective.get("n").and_then(Value::as_u64).unwrap_or(1);
    let actual: u64 = calls.iter().map(requested).sum();
    if actual == wanted {
        return Ok(());
    }
    let message = format!("{actual} images were requested upstream, the client asked for {wanted}");
    Err(Mismatch::of(
        message,
        wanted.to_string(),
        actual.to_string(),
    ))
}

/// Every call has a member that matches.
fn every(
    calls: &[&Entry],
    what: &str,
    matcher: &Matcher,
    member: impl Fn(&Entry) -> Option<Value>,
) -> Result<(), Mismatch> {
    if calls.is_empty() {
        return Err(Mismatch::new("no call arrived upstream").untestable());
    }
    for call in calls {
        let value = member(call);
        if !matches(matcher, value.as_ref()) {
            return Err(Mismatch::of(
                format!("{what} is not as expected"),
                matcher.to_value().to_string(),
                value.map_or("(absent)".to_owned(), |value| shown(&value)),
            ));
        }
    }
    Ok(())
}

/// As the matcher says; a long text is in the journal only as length and hash, and is compared by them.
fn matches(matcher: &Matcher, value: Option<&Value>) -> bool {
    if matcher.matches(value) {
        return true;
    }
    match (matcher, value) {
        (Matcher::Equals(Value::String(text)), Some(Value::Object(kept))) => {
            is_shortened(text, kept)
        }
        _ => false,
    }
}

/// Whether the journal's short form stands for this text.
pub(super) fn is_shortened(text: &str, kept: &Map<String, Value>) -> bool {
    let hash = mock_server::provider::hex_sha256(text.as_bytes());
    kept.get("sha256").and_then(Value::as_str) == Some(hash.as_str())
}

fn credential(calls: &[&Entry], target: &Target) -> Result<(), Mismatch> {
    if calls.is_empty() {
        return Err(Mismatch::new("no call arrived upstream").untestable());
    }
    let keys: Vec<_> = target
        .upstream_keys
        .iter()
        .map(|key| credential_label(&key.value))
        .collect();
    for call in calls {
        let label = call
            .credential
            .as_ref()
            .map(|credential| credential.label.as_str())
            .unwrap_or_default();
        if !call.canaries.is_empty() && !target.policies.shared_key {
            return Err(Mismatch::of(
                "a client's key was sent to the provider",
                "the target's own key only",
                "a client's key",
            ));
        }
        if !keys.is_empty() && !keys.iter().any(|key| key == label) {
            return Err(Mismatch::of(
                "the provider did not get the target's own key",
                "the target's own key",
                "another key, or none",
            ));
        }
    }
    Ok(())
}

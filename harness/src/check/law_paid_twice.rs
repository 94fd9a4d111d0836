//! `law.paid-twice`: no more images are made upstream than the client asked for.
//!
//! Counted in images that the provider completed or may have completed, not in calls: repeating a refused call
//! and fanning n out are legal.

use mock_server::journal::Entry;

use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::{Evidence, asked};
use crate::operation::Protocol;
use crate::target::RetryPolicy;

/// See the module.
pub(super) struct PaidTwice;

impl Check for PaidTwice {
    fn id(&self) -> &'static str {
        "law.paid-twice"
    }

    fn summary(&self) -> &'static str {
        "no more images are made upstream than the client asked for"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        let policy = evidence.target.policies.retries;
        for site in sites(evidence) {
            if site.exchange.calls().is_empty() || site.image_protocol().is_none() {
                continue;
            }
            bench.record(site, self.id(), self.id(), judge_one(site, policy));
        }
    }
}

fn judge_one(site: Site<'_>, policy: RetryPolicy) -> Result<(), Mismatch> {
    let asked = asked_for(site);
    let calls = site.exchange.calls();
    let counted = calls
        .iter()
        .filter(|call| policy == RetryPolicy::Unpaid || was_delivered(call));
    // The model decides how many images one answer of a conversation holds: there the answers are counted.
    let is_conversation = site.protocol().is_some_and(Protocol::is_conversation);
    let made: usize = match is_conversation {
        true => counted.filter(|call| images_made(call) > 0).count(),
        false => counted.map(images_made).sum(),
    };
    if made <= asked {
        return Ok(());
    }
    let message = format!(
        "the client asked for {asked} images once, {made} were made upstream in {} calls: somebody pays twice",
        calls.len()
    );
    Err(Mismatch::of(
        message,
        format!("at most {asked} images"),
        format!("{made} images"),
    ))
}

fn images_made(call: &Entry) -> usize {
    call.answer
        .as_ref()
        .map_or(0, |answer| answer.summary.images.len())
}

/// The provider handed the whole answer over; otherwise its outcome is not known to the target.
fn was_delivered(call: &Entry) -> bool {
    let scenario = call.scenario.as_ref();
    call.stamps.end.is_some() && scenario.is_none_or(|scenario| scenario.applied == "ok")
}

fn asked_for(site: Site<'_>) -> usize {
    let asked = asked::images(&site.step_of_copy().request, &site.exchange.sent);
    let once = usize::try_from(asked).unwrap_or(usize::MAX).max(1);
    // Who polls with a request for images asks for them each time.
    let times = site.exchange.polls.as_ref().map_or(1, |polls| polls.times);
    once.saturating_mul(times)
}

//! `poll`: what a step asks for again and again comes in the end.

use crate::case::Poll;
use crate::check::json::shown;
use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::{Evidence, Polls};

/// See the module.
pub(super) struct PollCheck;

impl Check for PollCheck {
    fn id(&self) -> &'static str {
        "poll"
    }

    fn summary(&self) -> &'static str {
        "the answer becomes what the step polls for"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let step = site.step_of_copy();
            let Some((poll, polls)) = step.poll.as_ref().zip(site.exchange.polls.as_ref()) else {
                continue;
            };
            for requirement in step.requirements() {
                bench.record(site, self.id(), requirement, judge_one(site, poll, polls));
            }
        }
    }
}

fn judge_one(site: Site<'_>, poll: &Poll, polls: &Polls) -> Result<(), Mismatch> {
    if polls.came {
        return Ok(());
    }
    let answer = site.exchange.answer().ok_or_else(|| site.no_answer())?;
    let document = answer.document();
    let Some(unmet) = poll.until.unmet(answer.status, document.as_ref()) else {
        return Err(Mismatch::new("the answer that was polled for broke off"));
    };
    let actual = unmet.actual.as_ref().map_or("(absent)".to_owned(), shown);
    let why = match polls.times < poll.at_most {
        true if answer.is_broken_off() => "the answer broke off",
        true => "time was up",
        false => "no more were allowed",
    };
    let message = format!(
        "after {} requests {} was still {actual}, and {why}",
        polls.times, unmet.place
    );
    Err(Mismatch::of(message, unmet.expected, actual))
}

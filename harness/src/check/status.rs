//! `status`: the status code.

use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::Evidence;

/// See the module.
pub(super) struct StatusCheck;

impl Check for StatusCheck {
    fn id(&self) -> &'static str {
        "status"
    }

    fn summary(&self) -> &'static str {
        "the status code is one of those that are allowed"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            for expected in &site.step_of_copy().expect.response {
                let Some(status) = &expected.status else {
                    continue;
                };
                let result = match site.exchange.answer() {
                    _ if site.passes_a_cut_on() => Ok(()),
                    Some(answer) if status.accepts(answer.status) => Ok(()),
                    Some(answer) => Err(Mismatch::of(
                        format!("the status is {}, not {status}", answer.status),
                        status.to_string(),
                        answer.status.to_string(),
                    )),
                    None => Err(site.no_answer()),
                };
                bench.record(site, self.id(), &expected.requirement, result);
            }
        }
    }
}

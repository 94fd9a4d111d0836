//! `read`: who reads slowly gets the whole answer, too.

use crate::case::ReadStep;
use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::{End, Evidence};

/// See the module.
pub(super) struct Read;

impl Check for Read {
    fn id(&self) -> &'static str {
        "read"
    }

    fn summary(&self) -> &'static str {
        "an answer that is read slowly comes to its end"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let step = site.step_of_copy();
            let Some(read) = step.read.filter(|_| !site.is_damaged_upstream()) else {
                continue;
            };
            for requirement in step.requirements() {
                bench.record(site, self.id(), requirement, judge_one(site, read));
            }
        }
    }
}

fn judge_one(site: Site<'_>, read: ReadStep) -> Result<(), Mismatch> {
    let answer = site.exchange.answer().ok_or_else(|| site.no_answer())?;
    if !site.exchange.paused {
        let message = format!(
            "the body was over after {} bytes: nobody read it slowly",
            answer.body.len()
        );
        return Err(Mismatch::new(message).untestable());
    }
    let how = match &answer.end {
        End::Cut(reason) => reason.as_str(),
        End::InsideEvent => "inside an event",
        End::TimedOut => "not at its end within the time limit",
        End::HungUp | End::Whole => return Ok(()),
    };
    let message = format!(
        "the client did not read for a while after {} bytes, and the rest was lost",
        read.pause_after
    );
    Err(Mismatch::of(message, "the whole answer", how))
}

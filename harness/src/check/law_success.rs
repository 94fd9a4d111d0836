//! `law.success-means-image`: a 2xx of an image operation holds an image or says why it does not.

use crate::check::json::shown;
use crate::check::refusal::explains_itself;
use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::{End, Evidence, Exchange, Received};
use crate::operation::Protocol;

/// See the module.
pub(super) struct SuccessMeansImage;

impl Check for SuccessMeansImage {
    fn id(&self) -> &'static str {
        "law.success-means-image"
    }

    fn summary(&self) -> &'static str {
        "a 2xx of an image operation holds at least one image, or a stated refusal; a conversation may be text"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            // Without its end, an answer says nothing yet.
            let answer = site.exchange.answer().filter(|answer| {
                answer.is_success() && matches!(answer.end, End::Whole | End::InsideEvent)
            });
            let Some(answer) = answer.filter(|_| !site.may_be_malformed(evidence.target)) else {
                continue;
            };
            let Some(protocol) = site.image_protocol() else {
                continue;
            };
            let result = judge_one(protocol, site.exchange, answer).map_err(|problem| {
                // Who relays an empty success of the provider's own has not lost the image.
                if site.is_scripted_with("no-image") {
                    problem.soft()
                } else {
                    problem
                }
            });
            bench.record(site, self.id(), self.id(), result);
        }
    }
}

fn judge_one(protocol: Protocol, exchange: &Exchange, answer: &Received) -> Result<(), Mismatch> {
    let has_image = exchange
        .final_images()
        .any(|image| image.bytes.is_ok() || image.location == "url");
    if has_image || explains_itself(protocol, answer) {
        return Ok(());
    }
    let found = answer
        .document()
        .map_or("a body that is no JSON".to_owned(), |body| shown(&body));
    let message = format!(
        "the answer is a {} without any image or stated error",
        answer.status
    );
    Err(Mismatch::of(message, "an image or an error", found))
}

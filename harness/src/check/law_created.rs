//! `law.created`: the time of creation is in whole seconds.

use serde_json::Value;

use crate::check::json::shown;
use crate::check::{Bench, Check, Mismatch, sites};
use crate::exchange::Evidence;
use crate::operation::Protocol;

/// See the module.
pub(super) struct Created;

/// 2020-01-01 in seconds since 1970.
const EARLIEST: u64 = 1_577_836_800;
/// Above this it would be milliseconds: the year 5138.
const LATEST: u64 = 99_999_999_999;

impl Check for Created {
    fn id(&self) -> &'static str {
        "law.created"
    }

    fn summary(&self) -> &'static str {
        "`created` is a whole number of seconds after 2020, not of milliseconds"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let good = site.exchange.answer().filter(|answer| answer.is_success());
            let Some(document) = good
                .filter(|_| site.image_protocol().is_some_and(states_creation))
                .and_then(super::super::exchange::Received::document)
            else {
                continue;
            };
            // Responses and the events of image streams name it created_at; events may leave it out.
            let names = ["/created", "/created_at", "/response/created_at"];
            let Some(created) = names.iter().find_map(|name| document.pointer(name)) else {
                continue;
            };
            bench.record(site, self.id(), self.id(), judge_one(created));
        }
    }
}

/// Google's answers have no such member; models were created when they were.
fn states_creation(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Chat | Protocol::Images | Protocol::Responses
    )
}

/// Judges one time.
pub(crate) fn judge_one(created: &Value) -> Result<(), Mismatch> {
    match created.as_u64() {
        Some(EARLIEST..=LATEST) => Ok(()),
        _ => Err(Mismatch::of(
            "created is no time in seconds",
            "seconds since 1970, after 2020",
            shown(created),
        )),
    }
}

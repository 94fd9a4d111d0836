//! `law.transparent`: the differential oracle. The same request goes straight to the mock, with the same token and so
//! for the same pictures; what comes through the target must be the same, less what may differ.
//!
//! Compared is what both answered alike: two successes, or a refusal of the provider's that the target passed on. A
//! target may add members; it may leave out partial images, and cut the text of a chat into other pieces.

mod compare;
mod view;

use serde_json::Value;

use crate::check::json::shown;
use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::images::Locator;
use crate::exchange::{End, Evidence, Exchange};
use crate::operation::Protocol;
use crate::target::{BytesPolicy, Target};
use compare::{Difference, Exempt, differences};
use view::{View, view};

/// See the module.
pub(super) struct Transparent;

/// More differences are counted.
const MOST_SHOWN: usize = 12;
/// So many places stand in the message.
const MOST_NAMED: usize = 3;

impl Check for Transparent {
    fn id(&self) -> &'static str {
        "law.transparent"
    }

    fn summary(&self) -> &'static str {
        "the answer is the one that the provider gives straight to the same request, less what may differ"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            let direct = counterpart(evidence, site);
            let Some((direct, protocol)) = direct.and_then(|direct| {
                let protocol = comparable(site, direct, evidence.target)?;
                Some((direct, protocol))
            }) else {
                continue;
            };
            let result = judge_one(protocol, site.exchange, direct, evidence.target);
            bench.record(site, self.id(), self.id(), result);
        }
    }
}

/// The same exchange without the target.
fn counterpart<'e>(evidence: &'e Evidence<'_>, site: Site<'_>) -> Option<&'e Exchange> {
    let steps = &evidence.direct.as_ref()?.steps;
    steps.get(site.step)?.exchanges.get(site.copy)
}

/// The protocol in which both answered; none where a difference would say nothing about the target.
fn comparable(site: Site<'_>, direct: &Exchange, target: &Target) -> Option<Protocol> {
    let protocol = site.protocol().filter(|_| !site.is_scripted())?;
    let (here, there) = (site.exchange.answer()?, direct.answer()?);
    let is_whole = here.end == End::Whole && there.end == End::Whole;
    // A chat whose images the target puts elsewhere is of another form on purpose.
    let same_form = protocol != Protocol::Chat || target.policies.image_locator == Locator::Images;
    let same_frame = here.is_stream() == there.is_stream();
    // The provider may refuse the request itself for another reason than what the target makes of it.
    let passed_on = || {
        let reasons = |exchange: &'_ Exchange| -> Vec<_> {
            let answers = exchange.calls().iter();
            let answers = answers.filter_map(|call| call.answer.as_ref());
            answers
                .map(|answer| (answer.status, answer.summary.condition.clone()))
                .collect()
        };
        let there = reasons(direct);
        reasons(site.exchange).iter().any(|one| there.contains(one))
    };
    let alike = match there.is_success() {
        true => here.is_success(),
        false => here.status == there.status && passed_on(),
    };
    let same_model = model(site.exchange) == model(direct);
    (is_whole && same_form && same_frame && same_model && alike).then_some(protocol)
}

/// The model that the provider was asked for. A target may have a default of its own, and which model a name stands
/// for is for `law.invented` to judge.
fn model(exchange: &Exchange) -> Option<&Value> {
    let mut calls = exchange.calls().iter();
    calls.find_map(|call| call.effective.get("model"))
}

fn judge_one(
    protocol: Protocol,
    here: &Exchange,
    there: &Exchange,
    target: &Target,
) -> Result<(), Mismatch> {
    let (Some(here), Some(there)) = (view(protocol, here), view(protocol, there)) else {
        // That an answer is no JSON is for another law to say.
        return Ok(());
    };
    if target.policies.bytes == BytesPolicy::Verbatim {
        pictures(&here, &there)?;
    }
    order(&here, &there)?;
    members(&differences(&there.body, &here.body, &Exempt::of(target)))
}

/// The final pictures, pixel by pixel: the token in them is the same, and a request id is in none.
fn pictures(here: &View, there: &View) -> Result<(), Mismatch> {
    if here.pictures == there.pictures {
        return Ok(());
    }
    Err(Mismatch::of(
        "straight from the provider the pictures are other ones",
        there.pictures.join("\n"),
        here.pictures.join("\n"),
    ))
}

/// The kinds of events in order; partial images may be fewer.
fn order(here: &View, there: &View) -> Result<(), Mismatch> {
    let is_partial = |kind: &&String| kind.ends_with("partial_image");
    let firm = |view: &View| -> Vec<String> {
        let kinds = view.kinds.iter();
        kinds.filter(|kind| !is_partial(kind)).cloned().collect()
    };
    let partials = |view: &View| view.kinds.iter().filter(is_partial).count();
    if firm(here) == firm(there) && partials(here) <= partials(there) {
        return Ok(());
    }
    Err(Mismatch::of(
        "straight from the provider the stream has other events",
        there.kinds.join("\n"),
        here.kinds.join("\n"),
    ))
}

fn members(found: &[Difference]) -> Result<(), Mismatch> {
    if found.is_empty() {
        return Ok(());
    }
    let named = found.iter().take(MOST_NAMED);
    let mut named: Vec<&str> = named.map(|one| one.pointer.as_str()).collect();
    named.extend((found.len() > MOST_NAMED).then_some("…"));
    let message = format!(
        "straight from the provider the answer is another one: {}",
        named.join(", ")
    );
    Err(Mismatch::of(
        message,
        lines(found, |one| one.expected.as_ref()),
        lines(found, |one| one.actual.as_ref()),
    ))
}

/// One side of the differences, a line each.
fn lines<'d>(
    found: &'d [Difference],
    side: impl Fn(&'d Difference) -> Option<&'d Value>,
) -> String {
    let shown = found.iter().take(MOST_SHOWN).map(|one| {
        let value = side(one).map_or_else(|| "(absent)".to_owned(), shown);
        format!("{}: {value}", one.pointer)
    });
    let mut lines: Vec<String> = shown.collect();
    let more = found.len().saturating_sub(MOST_SHOWN);
    lines.extend((more > 0).then(|| format!("… ({more} more)")));
    lines.join("\n")
}

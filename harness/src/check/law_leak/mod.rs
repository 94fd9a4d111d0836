//! `law.leak`: no credential of one side is shown to the other.

mod traces;

use crate::check::{Bench, Check, Mismatch, Site, sites_with_polls};
use crate::exchange::{Evidence, Received};
use crate::target::{Secret, Target};
use traces::{Found, Traces};

/// See the module.
pub(super) struct Leak;

/// Texts of more bytes than this, without a blank, are image data.
const IMAGE_DATA: usize = 4096;

impl Check for Leak {
    fn id(&self) -> &'static str {
        "law.leak"
    }

    fn summary(&self) -> &'static str {
        "no credential comes back in a header, a body or an event, and no client's key goes upstream"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites_with_polls(evidence) {
            if site.exchange.answer().is_some() {
                let result = downstream(site, evidence.target);
                bench.record(site, self.id(), self.id(), result);
            }
            if site.exchange.upstream.is_some() && !evidence.target.policies.shared_key {
                bench.record(site, self.id(), self.id(), upstream(site));
            }
        }
    }
}

/// The keys that this client must not see: the target's own, and other customers'.
fn foreign<'t>(site: Site<'_>, target: &'t Target) -> Vec<&'t Secret> {
    let own = target.credential(site.step_of_copy().request.credential);
    let foreign = target
        .secrets()
        .filter(|secret| own.as_ref().is_none_or(|own| own.value != secret.value));
    foreign.collect()
}

fn downstream(site: Site<'_>, target: &Target) -> Result<(), Mismatch> {
    let Some(answer) = site.exchange.answer() else {
        return Ok(());
    };
    let foreign = foreign(site, target);
    let traces = Traces::of(foreign.iter().map(|secret| secret.value.as_str()));
    let found = places(answer).find_map(|(place, text)| Some((place, traces.longest(text)?)));
    let Some((place, Found { secret, length })) = found else {
        return Ok(());
    };
    let shown = &foreign[secret].shown;
    Err(Mismatch::of(
        format!("{length} characters of {shown} are in {place}"),
        "no credential",
        format!("a part of {shown}"),
    ))
}

fn upstream(site: Site<'_>) -> Result<(), Mismatch> {
    let leaked = site
        .exchange
        .calls()
        .iter()
        .any(|call| !call.canaries.is_empty());
    if !leaked {
        return Ok(());
    }
    Err(Mismatch::of(
        "a client's key was sent to the provider",
        "no client's key",
        "a client's key",
    ))
}

/// Every text of an answer, image data left out.
fn places(answer: &Received) -> impl Iterator<Item = (String, &[u8])> {
    let headers = answer.headers.iter();
    let headers = headers.map(|(name, value)| (format!("the header {name}"), value.as_bytes()));
    let texts = answer.body.split(|byte| *byte == b'"');
    let texts = texts.filter(|text| text.len() < IMAGE_DATA || text.contains(&b' '));
    headers.chain(texts.map(|text| ("the body".to_owned(), text)))
}

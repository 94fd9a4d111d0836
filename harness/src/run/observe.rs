//! Runs the steps of an instance and observes everything: the answer, the images, what arrived upstream.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures_util::future::join_all;
use mock_server::provider::hex_sha256;

use crate::case::{Instance, Scope, Step, StepError, variables};
use crate::exchange::client::{LONGEST_BODY, Manner};
use crate::exchange::images::Found;
use crate::exchange::mock::{Mock, MockError};
use crate::exchange::progress::Progress;
use crate::exchange::{Evidence, Exchange, Fetched, Outcome, Sent, StepEvidence, images, message};
use crate::files::media_type;
use crate::run::plan::{Lane, is_quiet, lane};
use crate::run::request::{self, Setting, Unsendable};
use crate::run::sending::Sending;
use crate::run::session::Session;
use crate::run::token::Origin;
use crate::target::Target;

/// What the prompt of every case says, before its token.
const PROMPT: &str = "A red fox asleep on a mossy stone in soft morning light";
/// Why an instance could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error(transparent)]
    Mock(#[from] MockError),
    #[error(transparent)]
    Step(#[from] StepError),
    #[error("a picture could not be decoded: {0}")]
    Decoding(#[from] tokio::task::JoinError),
    #[error("{0}")]
    Unsendable(Unsendable),
}

impl Session {
    /// Runs the steps one after another; what was observed before a stop is kept.
    pub(super) async fn observe(
        &self,
        evidence: &mut Evidence<'_>,
        repetition: u32,
    ) -> Result<(), Stop> {
        let mut saved = Scope::default();
        // For each copy, what the journal had when its last script was set.
        let mut begun: Vec<Option<u64>> = Vec::new();
        let (instance, target) = (evidence.instance, evidence.target);
        for index in 0..instance.case.steps.len() {
            let copies = instance.case.steps[index]
                .get("parallel")
                .and_then(serde_json::Value::as_u64);
            let copies = usize::try_from(copies.unwrap_or(1)).unwrap_or(1);
            let mut steps = Vec::with_capacity(copies);
            for copy in 0..copies {
                let origin = Origin {
                    seed: self.seed,
                    instance: &instance.id,
                    repetition,
                    copy,
                };
                let token = origin.token().to_string();
                let scope = self.scope(instance, target, &token, &saved);
                let mut step = instance.step(index, &scope)?;
                drop_unpromised(&mut step, target);
                for file in step.expected_files() {
                    let bytes = self.catalog.files.bytes(&file.name).ok();
                    file.sha256 = bytes.map(|bytes| hex_sha256(&bytes));
                }
                steps.push((step, token));
            }
            let alone = is_quiet(instance);
            begun.resize(copies, None);
            let sent = steps.iter().zip(&begun);
            let sent = sent
                .map(|((step, token), begun)| self.exchange(step, token, target, alone, *begun));
            let observed = join_all(sent)
                .await
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?;
            let (exchanges, after): (Vec<_>, Vec<_>) = observed.into_iter().unzip();
            begun = after;
            let mut steps = steps.into_iter().map(|(step, _)| step);
            let Some(step) = steps.next() else { continue };
            let missing =
                unmet(index, &exchanges).or_else(|| save(&step, &exchanges[0], &mut saved));
            evidence.steps.push(StepEvidence {
                step,
                others: steps.collect(),
                exchanges,
            });
            if let Some(missing) = missing.filter(|_| index + 1 < instance.case.steps.len()) {
                return Err(Stop::Unsendable(missing));
            }
        }
        Ok(())
    }

    fn scope(&self, instance: &Instance, target: &Target, token: &str, saved: &Scope) -> Scope {
        let mut scope = saved.clone();
        let mark = format!("[[case:{token}]]");
        scope.set("prompt", format!("{PROMPT} {mark}"));
        scope.set("token", mark);
        scope.set("token_id", token);
        scope.set("upstream", self.upstream_url.clone());
        scope.set("target", target.base_url.clone());
        let is_fault = lane(instance) == Lane::Fault;
        for (key, model) in &target.profile.models {
            let fault_name = model.fault_name.as_ref().filter(|_| is_fault);
            scope.set(
                format!("models.{key}"),
                fault_name.unwrap_or(&model.name).clone(),
            );
            if instance.model.as_ref() == Some(key) {
                scope.set("model", model.name.clone());
            }
        }
        let steps = &instance.case.steps;
        for name in variables(steps, "base64.") {
            let data = self.catalog.files.base64(&name["base64.".len()..]);
            scope.set(name, data.unwrap_or_default());
        }
        for name in variables(steps, "files.") {
            let file = &name["files.".len()..];
            let data = self.catalog.files.base64(file).unwrap_or_default();
            let url = format!("data:{};base64,{data}", media_type(file));
            scope.set(name, url);
        }
        instance.bind(&mut scope);
        scope
    }

    /// Sends the request of a step and observes everything that belongs to it. `begun` is what the journal had before
    /// the step that this one goes on with.; `alone`: nothing else runs
    /// meanwhile.
    async fn exchange(
        &self,
        step: &Step,
        token: &str,
        target: &Target,
        alone: bool,
        begun: Option<u64>,
    ) -> Result<(Exchange, Option<u64>), Stop> {
        let origins = self.origins(target);
        let setting = Setting {
            target,
            origins: &origins,
            files: &self.catalog.files,
            token,
        };
        let mut sent = request::build(&step.request, &setting).map_err(Stop::Unsendable)?;
        sent.url = self.seen_from_here(&sent.url);
        let after = self.script(step, token, begun).await?;
        let sending = Sending::of(self, step, &sent, token, target, alone, after);
        let (outcome, polls) = match &step.poll {
            None => (sending.send().await?, None),
            Some(poll) => {
                let (outcome, polls) = sending.poll(poll).await?;
                (outcome, Some(polls))
            }
        };
        let upstream = sending.calls().await?;
        let locator = target.policies.image_locator;
        let (outcome, found) = tokio::task::spawn_blocking(move || {
            let found = match &outcome {
                Outcome::Answer(answer) => images::locate(answer, locator),
                _ => Vec::new(),
            };
            (outcome, found)
        })
        .await?;
        let fetched = self.fetch(&found, &origins, target).await;
        let images = tokio::task::spawn_blocking(move || images::look(found, &fetched)).await?;
        let (holds, paused) = (sending.holds(), sending.has_paused());
        let exchange = Exchange {
            token: token.to_owned(),
            sent,
            outcome,
            images,
            upstream,
            holds,
            paused,
            polls,
        };
        Ok((exchange, after))
    }

    /// Tells the mock what to answer; gives what its journal has before that. A step that goes on with the one before
    /// leaves that one's script as it is.
    async fn script(
        &self,
        step: &Step,
        token: &str,
        begun: Option<u64>,
    ) -> Result<Option<u64>, MockError> {
        let Some(mock) = &self.mock else {
            return Ok(None);
        };
        if let Some(begun) = begun.filter(|_| step.goes_on()) {
            return Ok(Some(begun));
        }
        let script = step.upstream.clone().unwrap_or_default();
        mock.script(token, &script).await.map(Some)
    }

    /// Where the target's and the mock's own addresses may point to, seen from either side.
    fn origins<'s>(&'s self, target: &'s Target) -> Vec<&'s str> {
        let mock = self.mock.as_ref().map(Mock::url);
        let known = [target.base_url.as_str(), self.upstream_url.as_str()];
        known.into_iter().chain(mock).collect()
    }

    /// An address of the mock that only the target can resolve, as one that the harness can.
    fn seen_from_here(&self, url: &str) -> String {
        let here = self.mock.as_ref().map(Mock::url);
        let parsed = reqwest::Url::parse(url).ok();
        match (here, parsed) {
            (Some(here), Some(parsed))
                if here != self.upstream_url && request::same_origin(url, &self.upstream_url) =>
            {
                let query = parsed.query().map(|query| format!("?{query}"));
                format!("{here}{}{}", parsed.path(), query.unwrap_or_default())
            }
            _ => url.to_owned(),
        }
    }

    /// Fetches the addresses of images, of allowed origins only, without credentials; all of them together may take
    /// as long as one answer, and as many bytes.
    async fn fetch(&self, found: &[Found], origins: &[&str], target: &Target) -> Fetched {
        let mut fetched = BTreeMap::new();
        let begun = Instant::now();
        let mut room = LONGEST_BODY;
        for url in found.iter().filter_map(Found::address) {
            let is_allowed = origins
                .iter()
                .any(|origin| request::same_origin(url, origin));
            if !is_allowed || fetched.contains_key(url) {
                continue;
            }
            let sent = Sent {
                method: "GET".to_owned(),
                url: self.seen_from_here(url),
                ..Sent::default()
            };
            let manner = Manner {
                longest_body: room,
                ..Manner::within(target.timeout.saturating_sub(begun.elapsed()))
            };
            let outcome = self.client.send(&sent, manner, &Progress::default()).await;
            let bytes = match outcome {
                Outcome::Answer(answer) if answer.is_broken_off() => {
                    Err("GET without credential: the answer broke off".to_owned())
                }
                Outcome::Answer(answer) if answer.status == 200 => {
                    room = room.saturating_sub(answer.body.len());
                    Ok(answer.body)
                }
                Outcome::Answer(answer) => {
                    Err(format!("GET without credential: status {}", answer.status))
                }
                Outcome::NoAnswer(reason) => Err(reason),
                Outcome::TimedOut | Outcome::HungUp => Err("no answer in time".to_owned()),
            };
            fetched.insert(url.to_owned(), bytes);
        }
        fetched
    }

    /// Scripts are of no use once a case is over, and would answer whoever replays it by hand.
    pub(super) async fn forget(&self, evidence: &Evidence<'_>) {
        let Some(mock) = &self.mock else { return };
        let exchanges = evidence.steps.iter().flat_map(|step| &step.exchanges);
        for token in exchanges
            .map(|exchange| &exchange.token)
            .collect::<BTreeSet<_>>()
        {
            if let Err(error) = mock.forget(token).await {
                tracing::warn!(%error, "a script could not be removed");
            }
        }
    }
}

/// Expectations that the profile does not promise are not this target's business.
fn drop_unpromised(step: &mut Step, target: &Target) {
    let promises = |requirement: &str| target.profile.promises(requirement);
    step.expect
        .response
        .retain(|expected| promises(&expected.requirement));
    step.expect
        .stream
        .retain(|expected| promises(&expected.requirement));
    step.expect
        .upstream
        .retain(|expected| promises(&expected.requirement));
}

/// What a step polled for and did not get; later steps need it.
fn unmet(index: usize, exchanges: &[Exchange]) -> Option<String> {
    let mut polls = exchanges
        .iter()
        .filter_map(|exchange| exchange.polls.as_ref());
    let failed = polls.any(|polls| !polls.came);
    failed.then(|| format!("step {} never came to what it polled for", index + 1))
}

/// Saves values of an answer for later steps; gives what is missing.
fn save(step: &Step, exchange: &Exchange, saved: &mut Scope) -> Option<String> {
    let mut missing = None;
    for (name, place) in &step.save {
        match saved_value(place, exchange) {
            Some(value) => saved.set(name.clone(), value),
            None => {
                missing = Some(format!(
                    "the answer has no {place}, which a later step needs"
                ));
            }
        }
    }
    missing
}

fn saved_value(place: &str, exchange: &Exchange) -> Option<serde_json::Value> {
    use base64::Engine as _;
    let answer = exchange.answer()?;
    if place == "message" {
        return message::message(answer);
    }
    let (kind, key) = place.split_once(':')?;
    match kind {
        "json" => answer.document()?.pointer(key).cloned(),
        "header" => answer.header(key).map(serde_json::Value::from),
        "image" => {
            let image = exchange.final_images().nth(key.parse().ok()?)?;
            let format = image.picture.as_ref().ok()?.format;
            let data = base64::prelude::BASE64_STANDARD.encode(image.bytes.as_ref().ok()?);
            Some(format!("data:image/{format};base64,{data}").into())
        }
        _ => None,
    }
}

//! Decides answers: request in, [`Answer`] out, with the journal's entry written. No sockets, no waiting.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::StartError;
use crate::fault;
use crate::image::{Studio, Token};
use crate::journal::{
    AnswerSeen, CredentialSeen, Entry, Journal, Query, ScenarioSeen, Stamps, length_and_hash,
    mask_headers, mask_query, shorten,
};
use crate::latency::Latencies;
use crate::metrics::Metrics;
use crate::playbook::{Plan, Playbook};
use crate::provider::{Call, PROVIDERS, Provider, Turn, World, credential_label, hex_sha256};
use crate::rate_limit::Meter;
use crate::scenario::{Directive, Element, ScenarioError};
use crate::settings::Settings;
use crate::tls::Identity;
use crate::verdict::{Deprecations, Verdict};
use crate::vocabulary::Vocabulary;
use crate::wire::{Answer, HoldPoint, Pause, Request};

/// The painted pictures that are kept, in bytes.
const STUDIO_CACHE: usize = 16 << 20;
/// More canaries than this are refused.
pub(crate) const MOST_CANARIES: usize = 1000;

/// The server without its socket.
pub(crate) struct Core {
    pub(crate) world: World,
    pub(crate) providers: Vec<Box<dyn Provider>>,
    /// What scenarios may say.
    pub(crate) words: Vocabulary,
    pub(crate) journal: Journal,
    pub(crate) playbook: Playbook,
    pub(crate) meter: Meter,
    pub(crate) metrics: Metrics,
    /// What it speaks TLS with, none for plain HTTP.
    pub(crate) identity: Option<Identity>,
    latencies: Latencies,
    deprecations: Vec<Deprecations>,
    canaries: Mutex<Arc<Vec<String>>>,
    #[cfg(feature = "mutants")]
    mutation: mutation::Mutation,
}

/// A request that was read and written down.
pub(crate) struct Visit {
    /// Its number in the journal.
    pub(crate) seq: u64,
    /// Opens the holds of the answer.
    pub(crate) releases: Option<Arc<Semaphore>>,
    provider: usize,
    request: Request,
    call: Call,
    plan: Result<Plan, ScenarioError>,
    requests_left: Option<u64>,
}

impl Core {
    pub(crate) fn new(settings: Settings, address: &str) -> Result<Self, StartError> {
        let identity = settings.tls.as_ref().map(Identity::load).transpose()?;
        let public_url = settings.public_url.clone();
        let public_url = public_url.unwrap_or_else(|| address.to_owned());
        let providers = PROVIDERS.iter().map(|(_, load)| load(&settings));
        let providers: Vec<_> = providers.collect::<Result<_, _>>()?;
        Ok(Self {
            words: Vocabulary::of(providers.iter().map(|provider| provider.catalogue())),
            providers,
            journal: Journal::new(settings.journal_entries, settings.journal_bytes),
            playbook: Playbook::new(settings.scenario.clone()),
            identity,
            metrics: Metrics::new(),
            meter: Meter::new(settings.rate_limit),
            latencies: Latencies::builtin()?,
            deprecations: Deprecations::builtin()?,
            canaries: Mutex::default(),
            #[cfg(feature = "mutants")]
            mutation: mutation::Mutation::of(settings.mutants.clone()),
            world: World {
                studio: Studio::new(STUDIO_CACHE),
                public_url: public_url.trim_end_matches('/').to_owned(),
                settings,
            },
        })
    }

    /// Starts with this global scenario, and returns to it with each reset.
    pub(crate) fn start_with(&mut self, scenario: Directive) {
        self.world.settings.scenario = Some(scenario.clone());
        self.playbook.set_global(Some(scenario));
    }

    /// Reads a request of a provider's API and writes it down.
    pub(crate) fn receive(&self, request: Request, received: OffsetDateTime) -> Visit {
        #[cfg(feature = "mutants")]
        let mut request = request;
        #[cfg(feature = "mutants")]
        crate::mutants::arrived(&self.mutation, &mut request);
        let mut claiming = self
            .providers
            .iter()
            .map(|provider| provider.claims(&request));
        // The last one claims everything.
        let provider = claiming.position(|claims| claims).unwrap_or_default();
        let call = self.providers[provider].read(&request);
        let mut plan = self.playbook.plan(&request, &call, &self.words);
        let reading = self.meter.read(&call, Instant::now());
        if let (Some(element), Ok(plan)) = (reading.refusal, &mut plan) {
            limit(plan, element);
        }
        // Hashing a large body must not keep others from the journal.
        let entry = self.entry(received, &request, &call);
        let seq = self.journal.add(|seq| Entry { seq, ..entry });
        let releases = plan.as_ref().ok().and_then(|plan| plan.releases.clone());
        Visit {
            seq,
            releases,
            provider,
            request,
            call,
            plan,
            requests_left: reading.requests_left,
        }
    }

    /// The answer where nothing has to be painted, which is quick.
    pub(crate) fn quick_answer(&self, visit: &Visit) -> Option<Answer> {
        match &visit.plan {
            // `answer` does not look at the size of the body.
            Ok(_) if visit.call.quick && !visit.request.body_too_large => Some(self.answer(visit)),
            // Faults may take their time: one compresses.
            Ok(plan) if plan.order.faults.is_empty() && !visit.request.body_too_large => {
                let turn = Turn {
                    unpainted: Some(Cell::new(false)),
                    ..self.turn(visit)
                };
                let answer = self.provided(visit, &turn);
                (!turn.is_unpainted()).then(|| self.decided(visit, answer, &turn))
            }
            _ => self.refusal(visit),
        }
    }

    fn refusal(&self, visit: &Visit) -> Option<Answer> {
        let turn = self.turn(visit);
        let refusal = match &visit.plan {
            Ok(plan) => {
                let order = &plan.order;
                self.providers[visit.provider].refusal(&visit.request, &visit.call, order, &turn)?
            }
            Err(error) => self.providers[visit.provider].scenario_error(&error.to_string(), &turn),
        };
        Some(self.decided(visit, refusal, &turn))
    }

    /// The answer; painting takes its time.
    pub(crate) fn answer(&self, visit: &Visit) -> Answer {
        let turn = self.turn(visit);
        let answer = self.provided(visit, &turn);
        self.decided(visit, answer, &turn)
    }

    /// As the provider answers it, without faults and holds.
    fn provided(&self, visit: &Visit, turn: &Turn<'_>) -> Answer {
        let order = visit.plan.as_ref().map(|plan| plan.order.clone());
        let order = order.unwrap_or_default();
        self.providers[visit.provider].answer(&visit.request, &visit.call, &order, turn)
    }

    fn turn(&self, visit: &Visit) -> Turn<'_> {
        Turn {
            requests_left: visit.requests_left,
            ..Turn::new(&self.world, visit.seq)
        }
    }

    /// Puts faults and holds into an answer and writes it down.
    fn decided(&self, visit: &Visit, answer: Answer, turn: &Turn<'_>) -> Answer {
        #[cfg(not(feature = "mutants"))]
        let mut answer = answer;
        #[cfg(feature = "mutants")]
        let mut answer = crate::mutants::decided(&self.mutation, &visit.request, answer);
        let plan = visit.plan.as_ref().ok();
        if visit.call.operation.is_some() {
            let latency = self.world.settings.latency;
            let effective = &visit.call.effective;
            self.latencies
                .apply(latency, &mut answer, effective, &turn.id);
        }
        if let Some(plan) = plan {
            let provider = &self.providers[visit.provider];
            let stream_error =
                |condition: &_, before| provider.stream_error(&visit.call, condition, before, turn);
            let site = fault::Site {
                stream_error: &stream_error,
            };
            fault::apply(&plan.order.faults, &mut answer, &site);
            let at_byte = |hold: &HoldPoint| matches!(hold, HoldPoint::AtByte(_));
            let (bytes, others): (Vec<_>, Vec<_>) = plan.holds.iter().copied().partition(at_byte);
            for hold in others.into_iter().chain(bytes) {
                answer.pause(hold, Pause::Hold(hold));
            }
        }
        let faults = plan.map_or(&[][..], |plan| &plan.order.faults);
        self.metrics.decided(&visit.call, &answer, faults);
        self.journal.decided(visit.seq, &answer.summary, |entry| {
            entry.scenario = plan.and_then(|plan| plan.seen.clone());
            entry.answer = Some(AnswerSeen {
                status: answer.status,
                damaged: !fault::readable(faults),
                ..AnswerSeen::default()
            });
        });
        answer
    }

    /// What the journal says of the client, of one case or of all.
    pub(crate) fn verdict(&self, case: Option<&Token>) -> Verdict {
        let page = self.journal.page(&Query {
            case: case.map(ToString::to_string),
            ..Query::default()
        });
        Verdict::of(&page, &self.deprecations)
    }

    /// Sets what is looked for in everything that arrives; false where there are too many, or an empty one.
    pub(crate) fn set_canaries(&self, canaries: Vec<String>) -> bool {
        let usable = canaries.len() <= MOST_CANARIES && !canaries.iter().any(String::is_empty);
        if usable {
            *self.canaries.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(canaries);
        }
        usable
    }

    /// As it was started, but for sequence numbers, which go on.
    pub(crate) fn reset(&self) {
        self.playbook.reset(self.world.settings.scenario.clone());
        self.meter.reset();
        self.set_canaries(Vec::new());
        self.journal.clear();
    }

    fn entry(&self, received: OffsetDateTime, request: &Request, call: &Call) -> Entry {
        let credential = call.credential.as_ref().map(|credential| CredentialSeen {
            label: credential_label(credential),
            masked: masked(credential),
        });
        Entry {
            stamps: Stamps {
                received,
                ..Stamps::default()
            },
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.as_deref().map(mask_query),
            headers: mask_headers(&request.headers),
            credential,
            body: body_seen(request, call),
            body_len: request.body.len(),
            body_sha256: hex_sha256(&request.body),
            token: call.marks.token.as_ref().map(ToString::to_string),
            provider: Some(call.provider.to_owned()),
            operation: call.operation.map(str::to_owned),
            sent: shortened(&call.sent),
            effective: shortened(&call.effective),
            canaries: self.canaries_in(request),
            ..Entry::default()
        }
    }

    fn canaries_in(&self, request: &Request) -> Vec<String> {
        let canaries = Arc::clone(&self.canaries.lock().unwrap_or_else(PoisonError::into_inner));
        if canaries.is_empty() {
            return Vec::new();
        }
        let body = String::from_utf8_lossy(&request.body);
        let headers = request.headers.iter().map(|(_, value)| value.as_str());
        let places: Vec<&str> = headers
            .chain([request.path.as_str(), &body])
            .chain(request.query.as_deref())
            .collect();
        let found = canaries
            .iter()
            .filter(|canary| places.iter().any(|place| place.contains(canary.as_str())));
        found.map(|canary| credential_label(canary)).collect()
    }
}

/// Refuses a call beyond the limit, unless it is refused already.
fn limit(plan: &mut Plan, element: Element) {
    if plan.order.condition.is_none() {
        plan.seen = Some(ScenarioSeen {
            source: "rate-limit".to_owned(),
            applied: element.to_string(),
            beyond_script: plan.seen.as_ref().is_some_and(|seen| seen.beyond_script),
        });
        plan.order.condition = Some(element);
    }
}

/// JSON with long strings shortened, forms by their parts; anything else by length and hash.
fn body_seen(request: &Request, call: &Call) -> Value {
    if let Some(shown) = &call.shown {
        return shorten(shown.clone());
    }
    match serde_json::from_slice(&request.body) {
        Ok(body) => shorten(body),
        Err(_) if request.body.is_empty() => Value::Null,
        Err(_) => length_and_hash(&request.body),
    }
}

fn shortened(digest: &Map<String, Value>) -> Map<String, Value> {
    let short = digest
        .iter()
        .map(|(name, value)| (name.clone(), shorten(value.clone())));
    short.collect()
}

/// The first three characters of a key that has many more, and stars: enough to recognise it by, of no use
/// otherwise.
fn masked(credential: &str) -> String {
    let long = credential.chars().count() > 8;
    let shown: String = credential.chars().take(if long { 3 } else { 0 }).collect();
    format!("{shown}****")
}

//! Decides answers: request in, [`Answer`] out, with the journal's entry written. No sockets, no waiting.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::catalogue::CatalogueError;
use crate::fault;
use crate::image::Studio;
use crate::journal::{
    AnswerSeen, CredentialSeen, Entry, Journal, Stamps, mask_headers, mask_query, shorten,
};
use crate::playbook::{Plan, Playbook};
use crate::provider::{
    Call, PROVIDERS, Provider, Turn, World, credential_label, hex_sha256, openai,
};
use crate::scenario::Order;
use crate::settings::Settings;
use crate::wire::{Answer, Pause, Request};

/// The painted pictures that are kept, in bytes.
const STUDIO_CACHE: usize = 24 << 20;
/// More canaries than this are refused.
pub(crate) const MOST_CANARIES: usize = 1000;

/// The server without its socket.
pub(crate) struct Core {
    pub(crate) world: World,
    pub(crate) journal: Journal,
    pub(crate) playbook: Playbook,
    canaries: Mutex<Arc<Vec<String>>>,
}

/// A decided answer and its place in the journal.
pub(crate) struct Decided {
    pub(crate) answer: Answer,
    pub(crate) seq: u64,
    pub(crate) releases: Option<Arc<Semaphore>>,
}

impl Core {
    pub(crate) fn new(settings: Settings, address: &str) -> Result<Self, CatalogueError> {
        let public_url = settings.public_url.clone();
        let public_url = public_url.unwrap_or_else(|| address.to_owned());
        Ok(Self {
            journal: Journal::new(settings.journal_entries, settings.journal_bytes),
            playbook: Playbook::new(settings.scenario.clone()),
            canaries: Mutex::default(),
            world: World {
                studio: Studio::new(STUDIO_CACHE),
                openai: openai::Data::builtin()?,
                public_url: public_url.trim_end_matches('/').to_owned(),
                settings,
            },
        })
    }

    /// Decides the answer to a request of a provider's API and writes it down.
    pub(crate) fn answer(&self, request: &Request) -> Decided {
        let received = OffsetDateTime::now_utc();
        let provider = PROVIDERS.iter().find(|provider| provider.claims(request));
        let provider = *provider.unwrap_or(&PROVIDERS[0]);
        let call = provider.read(request, &self.world);
        let conditions = self.conditions();
        let plan = self.playbook.plan(request, &call, &conditions);
        let seq = self
            .journal
            .add(|seq| self.entry(seq, received, request, &call));
        let turn = Turn::new(&self.world, seq);
        let (answer, plan) = match plan {
            Ok(plan) => (decide(provider, request, &call, &plan, &turn), plan),
            Err(error) => (provider.scenario_error(&error.to_string()), Plan::default()),
        };
        self.journal.update(seq, |entry| {
            entry.scenario = plan.seen;
            entry.answer = Some(AnswerSeen {
                status: answer.status,
                summary: answer.summary.clone(),
            });
        });
        Decided {
            answer,
            seq,
            releases: plan.releases,
        }
    }

    /// The ids of every condition that any provider knows.
    pub(crate) fn conditions(&self) -> Vec<&str> {
        let mut ids: Vec<_> = PROVIDERS
            .iter()
            .flat_map(|provider| provider.catalogue(&self.world).conditions())
            .map(|row| row.id.as_str())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Sets what is looked for in everything that arrives.
    pub(crate) fn set_canaries(&self, canaries: Vec<String>) {
        *self.canaries.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(canaries);
    }

    fn entry(&self, seq: u64, received: OffsetDateTime, request: &Request, call: &Call) -> Entry {
        let credential = call.credential.as_ref().map(|credential| CredentialSeen {
            label: credential_label(credential),
            masked: masked(credential),
        });
        Entry {
            seq,
            stamps: Stamps {
                received,
                ..Stamps::default()
            },
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.as_deref().map(mask_query),
            headers: mask_headers(&request.headers),
            credential,
            body: body_seen(request),
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

fn decide(
    provider: &dyn Provider,
    request: &Request,
    call: &Call,
    plan: &Plan,
    turn: &Turn<'_>,
) -> Answer {
    let Order { faults, .. } = &plan.order;
    let mut answer = provider.answer(request, call, &plan.order, turn);
    for hold in &plan.holds {
        answer.pause(*hold, Pause::Hold(*hold));
    }
    let stream_error = |condition: &_| provider.stream_error(call, condition, turn);
    let site = fault::Site {
        stream_error: &stream_error,
    };
    fault::apply(faults, &mut answer, &site);
    answer
}

/// JSON with long strings shortened; anything else by length and hash.
fn body_seen(request: &Request) -> Value {
    match serde_json::from_slice(&request.body) {
        Ok(body) => shorten(body),
        Err(_) if request.body.is_empty() => Value::Null,
        Err(_) => json!({ "len": request.body.len(), "sha256": hex_sha256(&request.body) }),
    }
}

fn shortened(digest: &serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
    let short = digest
        .iter()
        .map(|(name, value)| (name.clone(), shorten(value.clone())));
    short.collect()
}

/// The first three characters and stars: enough to recognise a key by, of no use otherwise.
fn masked(credential: &str) -> String {
    let shown: String = credential.chars().take(3).collect();
    format!("{shown}****")
}

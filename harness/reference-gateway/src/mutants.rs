//! Lets mutants act at the gateway's two hops: a layer on the client's side, a detour on the way to the provider.
//!
//! Only under the cargo feature `mutants`, and nowhere else in the gateway: it stays a model answer.

mod client;
mod provider;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware;
use bytes::Bytes;
use mutation::{Around, Message, Mutant, Mutation};
use serde_json::Value;

pub(crate) use provider::send;

/// Lets mutants act on what passes a router; without any it stays as it is.
pub(crate) fn wrap(router: Router, mutants: Vec<Mutant>) -> Router {
    if mutants.is_empty() {
        return router;
    }
    let server = Arc::new(Server {
        mutation: Mutation::of(mutants),
        answers: Mutex::default(),
        last: Mutex::default(),
    });
    router.layer(middleware::from_fn_with_state(server, client::pass))
}

/// The mutants of one gateway, and what some of them keep.
#[derive(Debug)]
struct Server {
    mutation: Mutation,
    /// request → what it was answered with.
    answers: Mutex<HashMap<String, Message>>,
    /// The images that were answered with before.
    last: Mutex<Option<Value>>,
}

/// What is known of one exchange.
#[derive(Debug)]
struct Exchange {
    server: Arc<Server>,
    /// The client's headers.
    headers: HeaderMap,
    /// The JSON that it sent.
    asked: Option<Value>,
    provider: Mutex<Provided>,
}

/// What is known of the provider's side.
#[derive(Debug, Default)]
struct Provided {
    /// The headers of its answer.
    headers: HeaderMap,
    /// The key that was sent to it.
    key: Option<String>,
}

tokio::task_local! {
    /// The exchange that a handler is at work on.
    static EXCHANGE: Arc<Exchange>;
}

impl Exchange {
    fn around<'a>(&'a self, other: &'a HeaderMap) -> Around<'a> {
        Around {
            asked: self.asked.as_ref(),
            other: Some(other),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The key in a set of headers, without the name of its scheme.
fn key_in(headers: &HeaderMap) -> Option<String> {
    let names = ["authorization", "api-key", "x-api-key", "x-goog-api-key"];
    let value = names.iter().find_map(|name| headers.get(*name))?;
    let value = value.to_str().ok()?;
    Some(value.rsplit(' ').next().unwrap_or(value).to_owned())
}

/// Says how long a body is, where the head says so and it has become another one.
fn measure(headers: &mut HeaderMap, before: &Bytes, body: &Bytes) {
    if before != body && headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
}

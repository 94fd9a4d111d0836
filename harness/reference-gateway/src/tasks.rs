//! Image tasks: a request is taken at once and worked on afterwards; its client asks for it, or listens, until it is
//! done. An extension, whose paths are those of the platform's other pages: `POST /v1/images/tasks`, `GET
//! /v1/images/tasks/{id}`, `GET /v1/images/tasks/events`.
//!
//! What is kept is bounded in number, bytes and time. A task that was begun is finished, whoever goes; nobody but the
//! customer who submitted it can see it.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::auth::Owner;
use crate::error::{ApiError, row};
use crate::limits::Limits;
use crate::random;
use crate::relay;

/// What a client that asks again too early is told to wait, in seconds.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("1");
/// A listener hears at least this often that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
const OBJECT: &str = "image.generation.task";

/// The tasks of a gateway.
#[derive(Debug)]
pub(crate) struct Tasks {
    most: usize,
    most_bytes: usize,
    keep: Duration,
    shelf: Mutex<Shelf>,
    /// Goes up with every change.
    changes: watch::Sender<u64>,
    /// The work that is under way.
    running: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct Shelf {
    /// By the order in which they were submitted.
    tasks: BTreeMap<u64, Task>,
    places: HashMap<String, u64>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Task {
    id: String,
    owner: Owner,
    since: Instant,
    created_at: i64,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Processing,
    Done { status: StatusCode, body: Bytes },
}

impl Tasks {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.hosted_images,
            most_bytes: limits.hosted_bytes,
            keep: limits.hosted_for,
            shelf: Mutex::default(),
            changes: watch::Sender::new(0),
            running: Mutex::default(),
        }
    }

    /// Takes a task and begins to work on it.
    pub(crate) fn submit(
        self: &Arc<Self>,
        owner: Owner,
        work: impl Future<Output = Response> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let id = format!("imgtask_{}", random::id()?);
        let task = Task {
            id: id.clone(),
            owner,
            since: Instant::now(),
            created_at: OffsetDateTime::now_utc().unix_timestamp(),
            state: State::Processing,
        };
        let mut response = self.shown(&task, StatusCode::ACCEPTED);
        let place = {
            let mut shelf = self.shelf();
            while shelf.tasks.len() >= self.most {
                if !shelf.drop_oldest_done() {
                    return Err(row::TOO_MANY_TASKS.into());
                }
            }
            shelf.add(task)
        };
        if let Ok(location) = HeaderValue::try_from(path(&id)) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        let tasks = Arc::clone(self);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // What has ended is taken out: the set is as large as what is under way.
        while running.try_join_next().is_some() {}
        running.spawn(async move {
            let state = done(work.await).await;
            tasks.finish(place, state);
        });
        self.changes.send_modify(|version| *version += 1);
        Ok(response)
    }

    /// How a task stands.
    pub(crate) fn look(&self, owner: &Owner, id: &str) -> Result<Response, ApiError> {
        let shelf = self.shelf();
        let task = shelf
            .places
            .get(id)
            .and_then(|place| shelf.tasks.get(place));
        // Somebody else's task is as unknown as one that never was.
        let task = task.filter(|task| task.owner == *owner);
        task.map(|task| self.shown(task, StatusCode::OK))
            .ok_or_else(|| row::NO_TASK.into())
    }

    /// How the owner's tasks stand, and every change from now on.
    pub(crate) fn events(self: &Arc<Self>, owner: Owner) -> Response {
        let listener = Listener {
            changes: self.changes.subscribe(),
            tasks: Arc::clone(self),
            owner,
            told: HashMap::new(),
            is_new: true,
        };
        let body = Body::from_stream(stream::unfold(listener, async |mut listener| {
            let piece = listener.next().await;
            Some((Ok::<_, Infallible>(piece), listener))
        }));
        relay::events(body, Vec::new())
    }

    /// Ends what is under way, and listening.
    pub(crate) fn stop(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.abort_all();
    }

    fn finish(&self, place: u64, state: State) {
        {
            let mut shelf = self.shelf();
            shelf.finish(place, state);
            while shelf.bytes > self.most_bytes && shelf.drop_oldest_done() {}
        }
        self.changes.send_modify(|version| *version += 1);
    }

    /// The shelf without what is too old.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |task: &Task| {
            matches!(task.state, State::Done { .. }) && task.since.elapsed() >= self.keep
        };
        while shelf.tasks.values().next().is_some_and(is_old) {
            shelf.drop_oldest_done();
        }
        shelf
    }

    fn shown(&self, task: &Task, status: StatusCode) -> Response {
        let mut shown = self.status_of(task);
        if let State::Done { status, body } = &task.state {
            shown.http_status = Some(status.as_u16());
            if status.is_success() {
                shown.result = serde_json::from_slice(body).ok();
            } else {
                shown.error = error_in(body);
            }
        }
        // Strings, numbers and JSON that was read before: this cannot fail.
        let body = serde_json::to_vec(&shown).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(task.state, State::Processing) {
            headers.insert(header::RETRY_AFTER, ASK_AGAIN);
        }
        response
    }

    fn status_of<'t>(&self, task: &'t Task) -> Shown<'t> {
        let keep = i64::try_from(self.keep.as_secs()).unwrap_or(i64::MAX);
        Shown {
            id: &task.id,
            object: OBJECT,
            status: task.state.name(),
            created_at: task.created_at,
            expires_at: task.created_at.saturating_add(keep),
            poll_url: path(&task.id),
            http_status: None,
            result: None,
            error: None,
        }
    }
}

/// A task as its owner sees it.
#[derive(Serialize)]
struct Shown<'t> {
    id: &'t str,
    object: &'static str,
    status: &'static str,
    created_at: i64,
    expires_at: i64,
    poll_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'t RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'t RawValue>,
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Done { status, .. } if status.is_success() => "completed",
            Self::Done { .. } => "failed",
        }
    }
}

impl Shelf {
    fn add(&mut self, task: Task) -> u64 {
        let place = self.next;
        self.next += 1;
        self.places.insert(task.id.clone(), place);
        self.tasks.insert(place, task);
        place
    }

    fn finish(&mut self, place: u64, state: State) {
        if let Some(task) = self.tasks.get_mut(&place) {
            if let State::Done { body, .. } = &state {
                self.bytes += body.len();
            }
            task.state = state;
        }
    }

    /// Drops the oldest task that is done; false if none is.
    fn drop_oldest_done(&mut self) -> bool {
        let mut tasks = self.tasks.iter();
        let oldest = tasks.find(|(_, task)| matches!(task.state, State::Done { .. }));
        let Some(task) = oldest
            .map(|(place, _)| *place)
            .and_then(|place| self.tasks.remove(&place))
        else {
            return false;
        };
        self.places.remove(&task.id);
        if let State::Done { body, .. } = task.state {
            self.bytes -= body.len();
        }
        true
    }
}

struct Listener {
    tasks: Arc<Tasks>,
    owner: Owner,
    changes: watch::Receiver<u64>,
    /// What this listener knows, by the place of the task.
    told: HashMap<u64, &'static str>,
    is_new: bool,
}

impl Listener {
    /// What to send next: the news, or a sign of life.
    async fn next(&mut self) -> Bytes {
        loop {
            if !std::mem::take(&mut self.is_new)
                && timeout(HEARTBEAT, self.changes.changed()).await.is_err()
            {
                return Bytes::from_static(b": still here\n\n");
            }
            let news = self.news();
            if !news.is_empty() {
                return news.into();
            }
        }
    }

    fn news(&mut self) -> String {
        let shelf = self.tasks.shelf();
        self.told.retain(|place, _| shelf.tasks.contains_key(place));
        let mut news = String::new();
        let own = shelf
            .tasks
            .iter()
            .filter(|(_, task)| task.owner == self.owner);
        for (place, task) in own {
            let name = task.state.name();
            if self.told.insert(*place, name) != Some(name) {
                // Strings and numbers only: this cannot fail.
                let data = serde_json::to_string(&self.tasks.status_of(task)).unwrap_or_default();
                news.push_str(&format!("event: image_task.{name}\ndata: {data}\n\n"));
            }
        }
        news
    }
}

fn path(id: &str) -> String {
    format!("/v1/images/tasks/{id}")
}

/// What a task has come to: the answer that a waiting client would have had.
async fn done(response: Response) -> State {
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => State::Done {
            status: head.status,
            body: body.to_bytes(),
        },
        Err(_) => State::Done {
            status: StatusCode::BAD_GATEWAY,
            body: Bytes::new(),
        },
    }
}

fn error_in(body: &[u8]) -> Option<&RawValue> {
    #[derive(serde::Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        error: &'a RawValue,
    }

    let envelope: Option<Envelope<'_>> = serde_json::from_slice(body).ok();
    envelope.map(|envelope| envelope.error)
}

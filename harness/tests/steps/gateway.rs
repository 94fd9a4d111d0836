//! A small gateway in front of the mock with image tasks, a slow lane and a memory of what it was sent, and the
//! harness's own binary against it.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use mock_server::MockServer;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// What the gateway does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Everything right.
    Right,
    /// Throws away what the client does not read at once.
    DropsWhenSlow,
    /// Hangs up on a client that does not read at once.
    LeavesTheSlow,
    /// Never finishes a task.
    NeverDone,
    /// Names the provider's key while a task is under way.
    LeaksMeanwhile,
    /// Forgets a task after two looks.
    Forgets,
}

/// What a client sent, as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// So many requests were under way, this one included.
    pub(crate) at_once: usize,
}

struct Task {
    looks: usize,
    outcome: Option<(StatusCode, Value)>,
}

struct Gateway {
    manner: Manner,
    upstream: String,
    http: reqwest::Client,
    tasks: Mutex<BTreeMap<usize, Task>>,
    seen: Mutex<Vec<Seen>>,
    under_way: AtomicUsize,
}

/// The key that the gateway has for the provider.
const KEY: &str = "sk-upstream-8Tq3vW5y";

/// A running gateway in front of a running mock.
pub(crate) struct Rig {
    mock: MockServer,
    address: String,
    gateway: Arc<Gateway>,
    folder: tempfile::TempDir,
}

/// What a run said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) text: String,
    pub(crate) report: Value,
}

impl Rig {
    pub(crate) async fn start(manner: Manner) -> Self {
        // reqwest is built without a provider of cryptography; a second installation is refused.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mock = MockServer::start().await.unwrap();
        let gateway = Arc::new(Gateway {
            manner,
            upstream: mock.url(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            tasks: Mutex::default(),
            seen: Mutex::default(),
            under_way: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/v1/images/tasks", post(submit))
            .route("/v1/images/tasks/{id}", get(look))
            .fallback(relay)
            .with_state(Arc::clone(&gateway));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let rig = Self {
            mock,
            address,
            gateway,
            folder,
        };
        rig.write(
            "own/requirements/house.json",
            &json!({
                "source": "house", "title": "The rules of the house", "set": "2026-11",
                "requirements": [{
                    "id": "house.one", "level": "MUST", "summary": "as it should be",
                    "quote": "As it should be.", "url": "https://example.com/rules", "read": "2026-11-25"
                }]
            }),
        );
        rig
    }

    fn write(&self, path: &str, value: &Value) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, value.to_string()).unwrap();
    }

    /// Adds a case of the house.
    pub(crate) fn case(&self, slug: &str, case: &Value) {
        self.write(&format!("own/cases/house/steps/{slug}.json"), case);
    }

    /// What clients sent so far to paths that begin so.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.gateway.seen.lock().unwrap();
        let seen = seen.iter().filter(|seen| seen.path.starts_with(path));
        seen.cloned().collect()
    }

    /// Runs one case of the house.
    pub(crate) async fn one(&self, case: &Value) -> Said {
        self.case("one", case);
        self.run(&[]).await
    }

    /// Runs the cases of the house, with the mock as the upstream.
    pub(crate) async fn run(&self, options: &[&str]) -> Said {
        let upstream = format!("--upstream={}", self.mock.url());
        let options: Vec<&str> = options.iter().copied().chain([&*upstream]).collect();
        self.run_with(&options).await
    }

    /// Runs the cases of the house.
    pub(crate) async fn run_with(&self, options: &[&str]) -> Said {
        let folder = self.folder.path();
        let (target, report) = (folder.join("target.toml"), folder.join("report.json"));
        let file = format!(
            "base_url = \"{}\"\nprofile = \"openai\"\nhold_limit = 1.0\ntimeout = 10.0\n\
             features = [\"images.edits\"]\nupstream_keys = [{{ value = \"{KEY}\" }}]\n",
            self.address
        );
        std::fs::write(&target, file).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-harness"));
        command
            .arg("run")
            .arg(format!("--target={}", target.display()))
            .arg(format!("--cases={}", folder.join("own").display()))
            .arg("--case=house/**")
            .arg(format!("--report=json={}", report.display()))
            .args(options)
            .env_remove("IMAGE_HARNESS_API_KEY");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let report = std::fs::read_to_string(report).unwrap_or_default();
        Said {
            code: output.status.code().unwrap(),
            text,
            report: serde_json::from_str(&report).unwrap_or_default(),
        }
    }
}

/// Takes a task on and asks the provider behind the client's back.
async fn submit(State(gateway): State<Arc<Gateway>>, body: Bytes) -> Response {
    let mut tasks = gateway.tasks.lock().unwrap();
    let id = tasks.len();
    tasks.insert(
        id,
        Task {
            looks: 0,
            outcome: None,
        },
    );
    drop(tasks);
    let worker = Arc::clone(&gateway);
    tokio::spawn(async move {
        let call = worker
            .http
            .post(format!("{}/v1/images/generations", worker.upstream))
            .bearer_auth(KEY)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let answer = call.send().await.unwrap();
        let status = answer.status();
        let outcome = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        if worker.manner != Manner::NeverDone {
            let mut tasks = worker.tasks.lock().unwrap();
            tasks.get_mut(&id).unwrap().outcome = Some((status, outcome));
        }
    });
    json_answer(
        StatusCode::ACCEPTED,
        &json!({ "id": format!("task_{id}"), "status": "queued" }),
    )
}

/// How a task is: under way for at least three looks, then whatever the provider said.
async fn look(State(gateway): State<Arc<Gateway>>, Path(id): Path<String>) -> Response {
    remember(
        &gateway,
        &format!("/v1/images/tasks/{id}"),
        &HeaderMap::new(),
    );
    let missing = || {
        let error =
            json!({ "error": { "message": "no such task", "type": "invalid_request_error" } });
        json_answer(StatusCode::NOT_FOUND, &error)
    };
    let number = id.strip_prefix("task_").and_then(|id| id.parse().ok());
    let mut tasks = gateway.tasks.lock().unwrap();
    let Some(task) = number.and_then(|id: usize| tasks.get_mut(&id)) else {
        return missing();
    };
    task.looks += 1;
    if gateway.manner == Manner::Forgets && task.looks > 2 {
        return missing();
    }
    let done = task.outcome.as_ref().filter(|_| task.looks > 3);
    let Some((status, outcome)) = done else {
        let mut under_way = json!({ "id": id, "status": "running" });
        if gateway.manner == Manner::LeaksMeanwhile {
            under_way["debug"] = json!(format!("Authorization: Bearer {KEY}"));
        }
        let mut answer = json_answer(StatusCode::OK, &under_way);
        answer
            .headers_mut()
            .insert(RETRY_AFTER, "0".parse().unwrap());
        return answer;
    };
    let mut answer = outcome.clone();
    answer["id"] = id.into();
    answer["status"] = match status.is_success() {
        true => "completed".into(),
        false => "failed".into(),
    };
    json_answer(StatusCode::OK, &answer)
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let kind = [(CONTENT_TYPE, "application/json")];
    (status, kind, body.to_string()).into_response()
}

fn remember(gateway: &Gateway, path: &str, headers: &HeaderMap) {
    let seen = Seen {
        path: path.to_owned(),
        headers: headers.clone(),
        at_once: gateway.under_way.load(Ordering::SeqCst),
    };
    gateway.seen.lock().unwrap().push(seen);
}

/// Everything else goes to the provider, and its answer comes back piece by piece.
async fn relay(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    gateway.under_way.fetch_add(1, Ordering::SeqCst);
    let answer = relayed(&gateway, request).await;
    gateway.under_way.fetch_sub(1, Ordering::SeqCst);
    answer
}

async fn relayed(gateway: &Gateway, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().unwrap().to_string();
    remember(gateway, &path, &head.headers);
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let url = format!("{}{path}", gateway.upstream);
    let mut call = gateway.http.request(head.method, url).bearer_auth(KEY);
    if let Some(kind) = head.headers.get(CONTENT_TYPE) {
        call = call.header(CONTENT_TYPE, kind);
    }
    let answer = call.body(body).send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    if let Some(kind) = answer.headers().get(CONTENT_TYPE) {
        response = response.header(CONTENT_TYPE, kind);
    }
    let body = match gateway.manner {
        Manner::DropsWhenSlow | Manner::LeavesTheSlow => hasty(gateway.manner, answer),
        _ => Body::from_stream(answer.bytes_stream()),
    };
    response.body(body).unwrap()
}

/// Keeps four pieces for a client that is not ready; all that comes then is lost, or the client is. That the end is lost
/// matters: the body of a large answer is mostly white space, and who loses only that has lost nothing.
fn hasty(manner: Manner, answer: reqwest::Response) -> Body {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(4);
    tokio::spawn(async move {
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            if sender.try_send(Ok(piece.unwrap())).is_ok() {
                continue;
            }
            if manner == Manner::LeavesTheSlow {
                let _ = sender.send(Err(std::io::Error::other("too slow"))).await;
            }
            break;
        }
        // The provider is read to its end all the same.
        while pieces.next().await.is_some() {}
    });
    let pieces = futures_util::stream::unfold(receiver, async |mut receiver| {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    });
    Body::from_stream(pieces)
}

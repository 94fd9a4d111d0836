//! A gateway that is right except for one fault, and the harness's own binary against it.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use futures_util::StreamExt as _;
use mock_server::MockServer;
use serde_json::{Map, Value, json};

/// What the gateway sends to its provider.
pub(crate) const UPSTREAM_KEY: &str = "sk-up-8Zt3Qw6Lm1Rk9Xc4";

/// The one thing that the gateway does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Adds a member of its own to every request.
    AddsUser,
    /// Collects a stream before it passes it on.
    BuffersStreams,
    /// Gives an answer again that it gave before, to anybody.
    Caches,
    /// Sends a member that the client did not send.
    ChangesQuality,
    /// Refuses everything for a second after its provider failed.
    CoolsDown,
    /// Codes every image anew.
    CodesAnew,
    /// Leaves `size` out.
    DropsSize,
    /// Leaves `size` out of every second request with the same size.
    DropsSizeAtTimes,
    /// Leaves `usage` out of its answers, and says another quality.
    LosesUsage,
    /// Leaves `style` out.
    DropsStyle,
    /// Finishes the call to its provider when the client has gone.
    KeepsCalls,
    /// Says which key it uses when the provider refuses it.
    LeaksUpstreamKey,
    /// Nothing.
    None,
    /// Breaks off where the provider does, as a gateway may that holds nothing back.
    PassesCutsOn,
    /// Tries again whatever happened.
    PaysTwice,
    /// Refuses everything after its provider failed once, until it is reset.
    StaysDown,
    /// Relays the provider's 401.
    Shows401,
    /// Calls again when an answer was broken.
    TriesBrokenAgain,
    /// Says 500 where the provider says 400.
    TurnsRefusalsInto500,
}

struct Gateway {
    fault: Fault,
    /// size → how many requests asked for it.
    sizes: std::sync::Mutex<std::collections::BTreeMap<String, usize>>,
    /// When the provider last failed.
    failed: std::sync::Mutex<Option<std::time::Instant>>,
    /// request → what it was answered with.
    cache: std::sync::Mutex<std::collections::BTreeMap<String, Bytes>>,
    upstream: String,
    http: reqwest::Client,
}

/// A running gateway in front of a running mock.
pub(crate) struct Rig {
    pub(crate) mock: MockServer,
    folder: tempfile::TempDir,
}

impl Rig {
    pub(crate) async fn start(fault: Fault) -> Self {
        // reqwest is built without a provider of cryptography; a second installation is refused.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mock = MockServer::start().await.unwrap();
        let gateway = Arc::new(Gateway {
            fault,
            sizes: std::sync::Mutex::default(),
            failed: std::sync::Mutex::default(),
            cache: std::sync::Mutex::default(),
            upstream: mock.url(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        });
        let router = Router::new()
            .route("/v1/images/generations", post(generations))
            .route("/admin/reset", post(reset))
            .with_state(gateway);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let file = format!(
            "base_url = \"http://{address}\"\nprofile = \"openai-images\"\nhold_limit = 1.0\ncooldown = 3.0\n\
             upstream_keys = [{{ value = \"{UPSTREAM_KEY}\" }}]\n"
        );
        std::fs::write(folder.path().join("target.toml"), file).unwrap();
        Self { mock, folder }
    }

    /// Runs the harness against the gateway; gives its exit code, what it printed, and its JSON report.
    pub(crate) async fn run(&self, pattern: &str) -> (i32, String, Value) {
        self.run_with(pattern, &[]).await
    }

    /// Adds lines to the target file.
    pub(crate) fn declare(&self, lines: &str) {
        let path = self.folder.path().join("target.toml");
        let file = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{file}{lines}\n")).unwrap();
    }

    /// The folder of the target file `target.toml`.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs the harness with more options.
    pub(crate) async fn run_with(&self, pattern: &str, more: &[&str]) -> (i32, String, Value) {
        let target = self.folder.path().join("target.toml");
        let report = self.folder.path().join("report.json");
        let mut arguments = vec![
            "run".to_owned(),
            format!("--target={}", target.display()),
            format!("--upstream={}", self.mock.url()),
            format!("--case={pattern}"),
            format!("--report=json={}", report.display()),
        ];
        arguments.extend(more.iter().map(|option| (*option).to_owned()));
        let output = tokio::task::spawn_blocking(move || harness(&arguments))
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let report = std::fs::read_to_string(report).unwrap_or_default();
        let report = serde_json::from_str(&report).unwrap_or_default();
        (output.status.code().unwrap(), text, report)
    }
}

/// Runs the harness's binary.
pub(crate) fn harness(arguments: &[String]) -> Output {
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_image-harness")));
    command
        .args(arguments)
        .env_remove("IMAGE_HARNESS_API_KEY")
        .env("SECOND_KEY", "sk-second-4Kd8Vn2Xq7")
        .output()
        .unwrap()
}

async fn generations(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if key.is_none_or(|key| key.contains("invalid")) {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "a key is needed",
            "invalid_api_key",
        );
    }
    let Ok(mut wanted) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "no JSON object", "invalid_json");
    };
    wanted.remove("response_format");
    if gateway.is_down() {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "the provider is in cooldown",
            "cooldown",
        );
    }
    match gateway.fault {
        Fault::AddsUser => drop(wanted.insert("user".into(), json!("gateway"))),
        Fault::DropsStyle => drop(wanted.remove("style")),
        Fault::DropsSize => drop(wanted.remove("size")),
        Fault::DropsSizeAtTimes if gateway.is_second(&wanted["size"]) => {
            drop(wanted.remove("size"));
        }
        Fault::ChangesQuality if wanted.contains_key("quality") => {
            drop(wanted.insert("quality".into(), json!("high")));
        }
        _ => {}
    }
    let attempts = if gateway.fault == Fault::PaysTwice {
        2
    } else {
        1
    };
    for _ in 1..attempts {
        let _ = gateway.call(&wanted).await;
    }
    match gateway.fault {
        Fault::Caches => cached(&gateway, &wanted).await,
        Fault::KeepsCalls => {
            let call = tokio::spawn(async move {
                let answer = gateway.call(&wanted).await;
                let (head, body) = answer.into_parts();
                (head, axum::body::to_bytes(body, usize::MAX).await)
            });
            let (head, body) = call.await.unwrap();
            Response::from_parts(head, Body::from(body.unwrap_or_default()))
        }
        Fault::TriesBrokenAgain => {
            let answer = gateway.call(&wanted).await;
            match answer.status() {
                StatusCode::BAD_GATEWAY => gateway.call(&wanted).await,
                _ => answer,
            }
        }
        _ => gateway.call(&wanted).await,
    }
}

async fn cached(gateway: &Gateway, wanted: &Map<String, Value>) -> Response {
    let key = Value::Object(wanted.clone()).to_string();
    let kept = gateway.cache.lock().unwrap().get(&key).cloned();
    let json = [(header::CONTENT_TYPE, "application/json")];
    if let Some(body) = kept {
        return (json, body).into_response();
    }
    let (head, body) = gateway.call(wanted).await.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    if head.status.is_success() {
        gateway.cache.lock().unwrap().insert(key, body.clone());
    }
    Response::from_parts(head, Body::from(body))
}

async fn reset(State(gateway): State<Arc<Gateway>>) -> StatusCode {
    *gateway.failed.lock().unwrap() = None;
    StatusCode::NO_CONTENT
}

/// The same pictures in other bytes.
fn coded_anew(body: &[u8]) -> Bytes {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    for item in body["data"].as_array_mut().into_iter().flatten() {
        let bytes = BASE64_STANDARD
            .decode(item["b64_json"].as_str().unwrap())
            .unwrap();
        let mut out = std::io::Cursor::new(Vec::new());
        let format = image::guess_format(&bytes).unwrap();
        image::load_from_memory(&bytes)
            .unwrap()
            .write_to(&mut out, format)
            .unwrap();
        item["b64_json"] = BASE64_STANDARD.encode(out.into_inner()).into();
    }
    body.to_string().into()
}

impl Gateway {
    fn is_second(&self, size: &Value) -> bool {
        let mut sizes = self.sizes.lock().unwrap();
        let count = sizes.entry(size.to_string()).or_default();
        *count += 1;
        count.is_multiple_of(2)
    }

    fn is_down(&self) -> bool {
        let failed = *self.failed.lock().unwrap();
        match self.fault {
            Fault::CoolsDown => failed.is_some_and(|at| at.elapsed().as_millis() < 1_000),
            Fault::StaysDown => failed.is_some(),
            _ => false,
        }
    }

    async fn call(&self, wanted: &Map<String, Value>) -> Response {
        let request = self
            .http
            .post(format!("{}/v1/images/generations", self.upstream));
        let request = request.header("authorization", format!("Bearer {UPSTREAM_KEY}"));
        let request = request.header("content-type", "application/json");
        let sent = request
            .body(Value::Object(wanted.clone()).to_string())
            .send()
            .await;
        let failed = sent
            .as_ref()
            .map_or(true, |answer| answer.status().is_server_error());
        if failed {
            *self.failed.lock().unwrap() = Some(std::time::Instant::now());
        }
        if self.fault == Fault::PassesCutsOn {
            return relayed(sent);
        }
        let Ok(answer) = sent else {
            return refusal(
                StatusCode::BAD_GATEWAY,
                "the provider cannot be reached",
                "upstream_error",
            );
        };
        let mut status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
        if self.fault == Fault::TurnsRefusalsInto500 && status == StatusCode::BAD_REQUEST {
            status = StatusCode::INTERNAL_SERVER_ERROR;
        }
        if status == StatusCode::UNAUTHORIZED {
            if self.fault == Fault::Shows401 {
                return refusal(status, "the provider refused", "invalid_api_key");
            }
            let shown = if self.fault == Fault::LeaksUpstreamKey {
                UPSTREAM_KEY
            } else {
                "the provider's key"
            };
            return refusal(
                StatusCode::BAD_GATEWAY,
                &format!("{shown} was refused"),
                "upstream_error",
            );
        }
        let kind = answer.headers().get("content-type").cloned();
        let kind = kind.unwrap_or_else(|| "application/json".parse().unwrap());
        let is_stream = kind.to_str().unwrap().starts_with("text/event-stream");
        let body = if is_stream && self.fault != Fault::BuffersStreams {
            Body::from_stream(answer.bytes_stream().map(|piece| piece.map(masked)))
        } else {
            match answer.bytes().await {
                Ok(bytes) if self.fault == Fault::LosesUsage => Body::from(without_usage(&bytes)),
                Ok(bytes) if self.fault == Fault::CodesAnew && status == StatusCode::OK => {
                    Body::from(coded_anew(&bytes))
                }
                Ok(bytes) if is_stream || serde_json::from_slice::<Value>(&bytes).is_ok() => {
                    Body::from(bytes)
                }
                _ => {
                    return refusal(
                        StatusCode::BAD_GATEWAY,
                        "the provider's answer is broken",
                        "upstream_error",
                    );
                }
            }
        };
        (status, [(header::CONTENT_TYPE, kind)], body).into_response()
    }
}

fn without_usage(body: &[u8]) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(body).unwrap();
    let members = body.as_object_mut().unwrap();
    members.remove("usage");
    members.insert("quality".into(), json!("best"));
    members.insert("more".into(), json!("of its own"));
    body.to_string().into_bytes()
}

/// The provider's answer as it comes; where it breaks off, this one does.
fn relayed(sent: reqwest::Result<reqwest::Response>) -> Response {
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => {
            let cut = futures_util::stream::once(async { Err::<Bytes, _>(error) });
            return Body::from_stream(cut).into_response();
        }
    };
    let status = answer.status().as_u16();
    let mut head = Response::builder().status(status);
    for name in ["content-type", "content-length"] {
        if let Some(value) = answer.headers().get(name) {
            head = head.header(name, value.as_bytes());
        }
    }
    head.body(Body::from_stream(answer.bytes_stream())).unwrap()
}

/// The provider shows the beginning of a key that it refuses; in a stream that is one small piece.
fn masked(piece: Bytes) -> Bytes {
    match std::str::from_utf8(&piece) {
        Ok(text) if text.contains(&UPSTREAM_KEY[..8]) => {
            text.replace(&UPSTREAM_KEY[..8], "[key]").into()
        }
        _ => piece,
    }
}

fn refusal(status: StatusCode, message: &str, code: &str) -> Response {
    let error = json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": code } });
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        error.to_string(),
    )
        .into_response()
}

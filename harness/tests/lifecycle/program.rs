//! The gateway that the harness starts: it passes requests on, and behaves as `MANNER` says.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::json;

struct Gateway {
    manner: String,
    upstream: String,
    key: String,
    requests: AtomicUsize,
    http: reqwest::Client,
}

/// Writes down a process that must be gone in the end.
fn note(notes: &str, pid: u32) {
    let path = PathBuf::from(notes).join("pids");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    writeln!(file, "{pid}").unwrap();
}

#[test]
#[expect(
    clippy::zombie_processes,
    reason = "the harness has to end what this program leaves behind"
)]
#[ignore = "a program that the harness starts"]
fn gateway() {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let (manner, notes) = (var("MANNER"), var("NOTES"));
    if manner.is_empty() {
        return;
    }
    let has = |word: &str| manner.split(' ').any(|other| other == word);
    println!("my key is {}", var("UPSTREAM_KEY"));
    if has("ends") {
        println!("my configuration is broken");
        std::process::exit(9);
    }
    note(&notes, std::process::id());
    if has("with-child") {
        let child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        note(&notes, child.id());
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        if has("stubborn") {
            let kind = tokio::signal::unix::SignalKind::terminate();
            let mut asked = tokio::signal::unix::signal(kind).unwrap();
            let path = PathBuf::from(&notes).join("asked-to-end");
            tokio::spawn(async move {
                while asked.recv().await.is_some() {
                    std::fs::write(&path, "no").unwrap();
                }
            });
        }
        if has("never-ready") {
            std::future::pending::<()>().await;
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let gateway = Arc::new(Gateway {
            manner: manner.clone(),
            upstream: var("UPSTREAM"),
            key: var("UPSTREAM_KEY"),
            requests: AtomicUsize::new(0),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        });
        let router = Router::new()
            .route("/health", get(|| async { "well" }))
            .route("/v1/images/generations", post(generations))
            .with_state(gateway);
        let listener = tokio::net::TcpListener::bind(var("LISTEN")).await.unwrap();
        println!("ready to serve");
        axum::serve(listener, router).await.unwrap();
    });
}

#[expect(
    clippy::print_stdout,
    reason = "what it prints is what the tests are about"
)]
async fn generations(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refusal = |status: StatusCode, message: &str| {
        let error = json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": null } });
        (
            status,
            [("content-type", "application/json")],
            error.to_string(),
        )
            .into_response()
    };
    let key = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if key.is_none_or(|key| key.contains("invalid")) {
        return refusal(StatusCode::UNAUTHORIZED, "a key is needed");
    }
    if gateway.manner == "dies" && gateway.requests.fetch_add(1, Ordering::Relaxed) == 3 {
        println!("I am dying");
        std::process::exit(5);
    }
    let call = gateway
        .http
        .post(format!("{}/v1/images/generations", gateway.upstream));
    let call = call.header("authorization", format!("Bearer {}", gateway.key));
    let call = call.header("content-type", "application/json").body(body);
    let Ok(answer) = call.send().await else {
        return refusal(StatusCode::BAD_GATEWAY, "the provider cannot be reached");
    };
    let status = answer.status();
    let kind = answer.headers()["content-type"].clone();
    (
        status,
        [("content-type", kind)],
        Body::from_stream(answer.bytes_stream()),
    )
        .into_response()
}

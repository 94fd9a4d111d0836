//! A relay in front of the mock that is right except for one fault, and the harness's own binary against it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::Response;
use mock_server::MockServer;
use serde_json::{Value, json};

/// The one thing that the relay does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Collects a stream before it passes it on.
    Buffers,
    /// Writes the images of a chat into its text.
    ImagesInText,
    /// Nothing.
    None,
    /// Puts one text for another on the way to the provider.
    Request(&'static str, &'static str),
    /// Puts one text for another on the way back.
    Response(&'static str, &'static str),
    /// Calls the provider twice.
    Twice,
}

struct Relay {
    fault: Fault,
    upstream: String,
    http: reqwest::Client,
}

/// A running relay in front of a running mock.
pub(crate) struct Rig {
    mock: MockServer,
    folder: tempfile::TempDir,
    address: String,
}

impl Rig {
    pub(crate) async fn start(fault: Fault) -> Self {
        // reqwest is built without a provider of cryptography; a second installation is refused.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mock = MockServer::start().await.unwrap();
        let relay = Arc::new(Relay {
            fault,
            upstream: mock.url(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        });
        let router = Router::new().fallback(answer).with_state(relay);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            mock,
            folder: tempfile::tempdir().unwrap(),
            address,
        }
    }

    /// Where the rig's files lie.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs the harness against the relay; gives its exit code, what it printed, and its JSON report. `more` stands
    /// in the target file.
    pub(crate) async fn run(
        &self,
        profile: &str,
        pattern: &str,
        more: &str,
        options: &[String],
    ) -> (i32, String, Value) {
        let target = self.folder.path().join("target.toml");
        let report = self.folder.path().join("report.json");
        let file = format!(
            "base_url = \"{}\"\nprofile = \"{profile}\"\nhold_limit = 1.0\npolicies.shared_key = true\n{more}\n",
            self.address
        );
        std::fs::write(&target, file).unwrap();
        let mut arguments = vec![
            "run".to_owned(),
            format!("--target={}", target.display()),
            format!("--upstream={}", self.mock.url()),
            format!("--case={pattern}"),
            format!("--report=json={}", report.display()),
        ];
        arguments.extend(options.iter().cloned());
        let output = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_image-harness")));
            let command = command.args(arguments).env_remove("IMAGE_HARNESS_API_KEY");
            command.output().unwrap()
        });
        let output = output.await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let report = std::fs::read_to_string(report).unwrap_or_default();
        let report = serde_json::from_str(&report).unwrap_or_default();
        (output.status.code().unwrap(), text, report)
    }
}

async fn answer(State(relay): State<Arc<Relay>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    // The probe is refused for what it is; its body is left alone.
    if let Fault::Request(from, to) = relay.fault {
        body = replaced(&body, from, to);
    }
    let path = head.uri.path_and_query().unwrap().as_str();
    let call = || {
        let url = format!("{}{path}", relay.upstream);
        let mut call = relay.http.request(head.method.clone(), url);
        for (name, value) in &head.headers {
            let own = [
                header::HOST,
                header::CONTENT_LENGTH,
                header::TRANSFER_ENCODING,
            ];
            if !own.contains(name) {
                call = call.header(name, value);
            }
        }
        call.body(body.clone()).send()
    };
    if relay.fault == Fault::Twice {
        let _ = call().await.unwrap().bytes().await;
    }
    let answer = call().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
        if let Some(value) = answer.headers().get(&name) {
            response = response.header(name, value);
        }
    }
    let body = match relay.fault {
        Fault::Buffers => Body::from(answer.bytes().await.unwrap()),
        Fault::Response(from, to) => Body::from(replaced(&answer.bytes().await.unwrap(), from, to)),
        Fault::ImagesInText => Body::from(in_text(&answer.bytes().await.unwrap())),
        _ => Body::from_stream(answer.bytes_stream()),
    };
    response.body(body).unwrap()
}

fn replaced(body: &[u8], from: &str, to: &str) -> Bytes {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest
        .windows(from.len())
        .position(|window| window == from.as_bytes())
    {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to.as_bytes());
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out.into()
}

fn in_text(body: &[u8]) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(message) = body.pointer_mut("/choices/0/message") {
        let url = message["images"][0]["image_url"]["url"].clone();
        message["content"] = json!(format!("![a picture]({})", url.as_str().unwrap()));
        message.as_object_mut().unwrap().remove("images");
    }
    body.to_string().into_bytes()
}

//! Ten thousand mixed requests over sixty-four connections: every answer is whole and belongs to its request,
//! no journal entry is lost within the bound, and the memory of the process stays flat.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mock_server::image::Token;
use mock_server::image::provenance::read_metadata;
use mock_server::journal::Page;
use serde_json::{Value, json};

const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 64;
/// What the first part of the load may leave behind: pools, caches and the journal fill up.
const WARM: usize = REQUESTS / 2;
/// How much the second part may add, in KiB. Allocators are not exact; a leak of one small image a request
/// would be ten times as much.
const FLAT: u64 = 12 * 1024;

/// Ends the process when the test ends, however that is.
struct Mock {
    child: Child,
    url: String,
}

impl Mock {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_image-mock-server"))
            .args(["--listen", "127.0.0.1:0", "--legacy-models"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, url }
    }

    /// Resident memory in KiB, where the system tells it.
    fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request of the mixture and what must come of it.
struct Turn {
    token: String,
    kind: usize,
}

impl Turn {
    fn of(number: usize) -> Self {
        Self {
            token: Token::from_bits(number as u64).to_string(),
            kind: number % 5,
        }
    }

    fn body(&self) -> Value {
        let prompt = |directive: &str| format!("load {directive} [[case:{}]]", self.token);
        match self.kind {
            0 => {
                json!({ "model": "dall-e-2", "size": "256x256", "response_format": "b64_json", "prompt": prompt("") })
            }
            1 => json!({ "model": "dall-e-2", "size": "256x256", "prompt": prompt("") }),
            2 => json!({ "model": "gpt-image-2", "prompt": prompt("[[mock:rate-limit]]") }),
            3 => json!({ "model": "gpt-image-2", "prompt": prompt(""), "size": "1x1" }),
            _ => json!({ "model": "no-such-model", "prompt": prompt("") }),
        }
    }

    fn judge(&self, status: u16, body: &Value) {
        let code = body.pointer("/error/code").and_then(Value::as_str);
        match self.kind {
            0 => {
                let image = body
                    .pointer("/data/0/b64_json")
                    .and_then(Value::as_str)
                    .unwrap();
                let image = BASE64_STANDARD.decode(image).unwrap();
                let token = read_metadata(&image).unwrap().token.unwrap().to_string();
                assert_eq!((status, token), (200, self.token.clone()));
            }
            1 => assert!(
                status == 200 && body.pointer("/data/0/url").is_some(),
                "{body}"
            ),
            2 => assert_eq!((status, code), (429, Some("rate_limit_exceeded"))),
            _ => assert_eq!((status, code), (400, Some("invalid_value"))),
        }
    }
}

/// Sends the requests up to `end`, each connection taking the next one that is open.
async fn send(mock: &Mock, client: &reqwest::Client, next: &Arc<AtomicUsize>, end: usize) {
    let workers = (0..CONNECTIONS).map(|_| {
        let (client, next) = (client.clone(), Arc::clone(next));
        let url = format!("{}/v1/images/generations", mock.url);
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return;
                }
                let turn = Turn::of(number);
                let request = client.post(&url).bearer_auth("sk-load");
                let request = request.header("content-type", "application/json");
                let answer = request.body(turn.body().to_string()).send().await.unwrap();
                let status = answer.status().as_u16();
                let body = answer.bytes().await.unwrap();
                turn.judge(status, &serde_json::from_slice(&body).unwrap());
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_with_its_own_and_written_down() {
    let mock = Mock::start(&["--journal-bytes", "268435456"]);
    let client = client();
    send(&mock, &client, &Arc::default(), REQUESTS).await;
    let journal = client
        .get(format!("{}/_mock/journal", mock.url))
        .send()
        .await
        .unwrap();
    let page: Page = serde_json::from_slice(&journal.bytes().await.unwrap()).unwrap();
    assert_eq!((page.oldest, page.last), (1, REQUESTS as u64));
    let mut tokens: Vec<_> = page
        .entries
        .into_iter()
        .map(|entry| entry.token.unwrap())
        .collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_flat() {
    let mock = Mock::start(&["--journal-entries", "1000"]);
    let (client, next) = (client(), Arc::new(AtomicUsize::new(0)));
    send(&mock, &client, &next, WARM).await;
    let warm = mock.memory();
    next.store(WARM, Ordering::Relaxed);
    send(&mock, &client, &next, REQUESTS).await;
    let (Some(warm), Some(end)) = (warm, mock.memory()) else {
        println!("skipped: the system does not tell the memory of a process");
        return;
    };
    println!("resident memory: {warm} KiB after {WARM} requests, {end} KiB after {REQUESTS}");
    assert!(end < warm + FLAT, "{warm} KiB, then {end} KiB");
}

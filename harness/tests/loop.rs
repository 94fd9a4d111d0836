//! The loop: every kind of answer that the mock can give is held against our schemas, which were written from
//! the providers' own documents and held against recordings.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeMap;

use harness::exchange::sse::Reader;
use harness::schema::{compile, issues};
use jsonschema::Validator;
use mock_server::MockServer;
use mock_server::catalogue::Catalogue;
use serde_json::{Value, json};

/// One operation of a provider and the schemas of its answers.
struct Route {
    provider: &'static str,
    path: &'static str,
    body: fn(prompt: &str, stream: bool) -> Value,
    success: &'static str,
    event: Option<&'static str>,
    error: &'static str,
}

const ROUTES: &[Route] = &[Route {
    provider: "openai",
    path: "/v1/images/generations",
    body: |prompt, stream| {
        let partial_images = stream.then_some(2);
        json!({ "model": "gpt-image-2", "prompt": prompt, "quality": "low", "stream": stream, "partial_images": partial_images })
    },
    success: "openai/images-response-native",
    event: Some("openai/images-stream-event"),
    error: "openai/error-native",
}];

/// Compiled schemas and what did not fit.
#[derive(Default)]
struct Bench {
    schemas: BTreeMap<&'static str, Validator>,
    judged: usize,
    problems: Vec<String>,
}

impl Bench {
    fn hold(&mut self, what: &str, schema: &'static str, value: &Value) {
        self.judged += 1;
        let compiled = self
            .schemas
            .entry(schema)
            .or_insert_with(|| compile(schema).unwrap());
        for (pointer, problem) in issues(compiled, value) {
            self.problems
                .push(format!("{what} against {schema}: at {pointer}: {problem}"));
        }
    }

    fn answer(&mut self, what: &str, route: &Route, answer: &Answered) {
        if answer.content_type.starts_with("text/event-stream") {
            let events = Reader::default().push(&answer.body).unwrap();
            assert!(!events.is_empty(), "{what}: a stream without events");
            for event in events {
                self.hold(what, route.event.unwrap(), &event.json().unwrap());
            }
            return;
        }
        let Ok(body) = serde_json::from_slice(&answer.body) else {
            // The front's own answers are text or HTML, and say so.
            assert!(
                answer.status >= 400 && answer.content_type.starts_with("text/"),
                "{what}"
            );
            return;
        };
        let is_empty = |body: &Value| body["data"].as_array().is_some_and(Vec::is_empty);
        match answer.status {
            // No provider documents a success without an image.
            200 if is_empty(&body) => {}
            200 => self.hold(what, route.success, &body),
            _ => self.hold(what, route.error, &body),
        }
    }
}

struct Answered {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

async fn ask(http: &reqwest::Client, url: String, body: &Value) -> Answered {
    let request = http
        .post(url)
        .bearer_auth("sk-loop")
        .header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    let content_type = answer
        .headers()
        .get("content-type")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    Answered {
        status: answer.status().as_u16(),
        content_type,
        body: answer.bytes().await.unwrap().to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_mock_has_the_form_of_its_schema() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mock = MockServer::start().await.unwrap();
    let mut bench = Bench::default();
    for route in ROUTES {
        let catalogue = Catalogue::builtin(route.provider).unwrap();
        let conditions = catalogue.conditions().map(|row| row.id.clone());
        for condition in conditions.chain(["ok".to_owned()]) {
            for stream in [false, true] {
                let inside = [condition.clone(), format!("stream-error={condition}")];
                let directives =
                    inside
                        .iter()
                        .take(if stream && condition != "ok" { 2 } else { 1 });
                for directive in directives {
                    let body = (route.body)(&format!("a fox [[mock:{directive}]]"), stream);
                    let answer = ask(&http, format!("{}{}", mock.url(), route.path), &body).await;
                    let what = format!(
                        "{} {} [{directive}] stream {stream}",
                        route.provider, route.path
                    );
                    bench.answer(&what, route, &answer);
                }
            }
        }
    }
    assert!(bench.problems.is_empty(), "{}", bench.problems.join("\n"));
    assert!(
        bench.judged > 40,
        "only {} answers were judged",
        bench.judged
    );
}

//! The loop: every kind of answer that the mock can give is held against our schemas, which were written from
//! the providers' own documents and held against recordings.
//!
//! What is asked follows from data: the endpoints of `fixtures/endpoints`, the models of `fixtures/models`, the
//! conditions of `fixtures/errors`. How an operation is called is one line of `CALLS`.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod provider;
mod readme;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};

use harness::recording::endpoint::Endpoint;
use harness::recording::{Body, Judge, Recording, Verdict};
use harness::schema::{compile, issues};
use mock_server::catalogue::Catalogue;
use mock_server::provider::PROVIDERS;
use mock_server::settings::Settings;
use mock_server::wire::Request;
use provider::call::{AZURE, CALLS, Call, INVALID, filled};
use provider::{Bench, Question, credential};

/// What the mock answers is younger than some recordings: where the operation and the model's name begin so, this
/// stricter schema holds, too.
const TODAY: &[(&str, &str, &str)] = &[
    ("images.", "gpt-image-", "openai/images-response-native"),
    ("images.", "chatgpt-image-", "openai/images-response-native"),
];

/// Answers without any schema: no provider documents a success of the Images API without an image. A stream has
/// but one.
const UNDOCUMENTED: &[(&str, &str, bool)] = &[
    ("images.", "no-image", false),
    ("images.", "no-image", true),
    ("images.", "fewer-images", true),
    // Google's OpenAI-compatible route.
    ("images.", "output-blocked", false),
];

/// What was asked so far, and what did not fit.
#[derive(Default)]
struct Tally {
    /// How many answers each endpoint gave that were judged and good.
    good: BTreeMap<(String, String), usize>,
    /// How many answers were held against each endpoint's schemas.
    judged: usize,
    problems: Vec<String>,
    /// The schemas that were used.
    schemas: BTreeSet<String>,
}

/// One request of the loop.
struct Asked<'a> {
    provider: &'a str,
    endpoint: &'a Endpoint,
    model: String,
    /// What the mock is told to do.
    directive: String,
    stream: bool,
    question: Question,
}

impl Tally {
    fn hold(&mut self, asked: &Asked<'_>, judge: &Judge, answer: &Recording) {
        let Asked {
            provider,
            endpoint,
            directive,
            ..
        } = asked;
        let begins = |beginning: &str| endpoint.operation.starts_with(beginning);
        let stream = asked.stream;
        let undocumented = UNDOCUMENTED.iter().any(|(operation, id, streamed)| {
            begins(operation) && id == directive && *streamed == stream
        });
        if undocumented && answer.status < 300 {
            return;
        }
        let what = format!(
            "{provider} {} {} [{directive}]",
            asked.question.path, asked.model
        );
        self.schemas
            .extend(judge.schema_of(answer).map(str::to_owned));
        match judge.judge(answer).unwrap() {
            Verdict::Accepted => {
                self.judged += 1;
                self.count_good(asked, answer);
                if answer.status < 300 {
                    self.hold_today(&what, asked, answer);
                } else if directive == "ok" && asked.model != INVALID {
                    self.problems
                        .push(format!("{what}: refused with {}", answer.status));
                }
            }
            // The front's own answers are text or HTML.
            Verdict::NotJudged(_) if answer.status >= 400 && directive != "ok" => {}
            Verdict::NotJudged(reason) => {
                self.problems.push(format!("{what}: not judged: {reason}"));
            }
            Verdict::Rejected(found) => {
                self.judged += 1;
                let problems = found
                    .iter()
                    .map(|problem| format!("{what}: at {}: {}", problem.place, problem.reason));
                self.problems.extend(problems);
                self.count_good(asked, answer);
            }
        }
    }

    /// What can be said only at the end: whether the README is true.
    fn finish(&mut self) {
        for (name, row) in readme::table() {
            let held = if self.schemas.contains(&name) {
                "yes"
            } else {
                "no"
            };
            if row.mock != held {
                let problem = format!("schemas/README.md must say of {name}: {held}");
                self.problems.push(problem);
            }
        }
    }

    fn count_good(&mut self, asked: &Asked<'_>, answer: &Recording) {
        if answer.status < 300 {
            let key = (asked.provider.to_owned(), asked.endpoint.path.clone());
            *self.good.entry(key).or_default() += 1;
        }
    }

    fn hold_today(&mut self, what: &str, asked: &Asked<'_>, answer: &Recording) {
        let Some(Body::Text(text)) = &answer.body else {
            return;
        };
        for (operation, model, schema) in TODAY {
            if asked.endpoint.operation.starts_with(operation) && asked.model.starts_with(model) {
                self.schemas.insert((*schema).to_owned());
                let body = serde_json::from_str(text).unwrap();
                for (pointer, problem) in issues(&compile(schema).unwrap(), &body) {
                    self.problems
                        .push(format!("{what} against {schema}: at {pointer}: {problem}"));
                }
            }
        }
    }
}

/// Everything that an endpoint is asked: each model once in each manner, the first under each condition.
fn questions<'a>(provider: &'a str, endpoint: &'a Endpoint, call: &Call) -> Vec<Asked<'a>> {
    let catalogue = Catalogue::builtin(provider).unwrap();
    let conditions: Vec<_> = catalogue.conditions().map(|row| row.id.clone()).collect();
    let mut asked = Vec::new();
    for (at, model) in (call.models)(provider).iter().enumerate() {
        for (query, stream) in (call.manners)(provider) {
            // dall-e knows no streams.
            if *stream && model.starts_with("dall-e") {
                continue;
            }
            let mut directives = vec!["ok".to_owned()];
            if at == 0 {
                directives.extend(conditions.iter().cloned());
                let inside = conditions.iter().filter(|_| *stream);
                directives.extend(inside.map(|condition| format!("stream-error={condition}")));
            }
            for directive in directives {
                let query = azure_version(provider, &endpoint.path).unwrap_or(query);
                let (kind, body) = (call.body)(model, *stream).unzip();
                let path = filled(&endpoint.path, model);
                let mut headers = vec![
                    credential(provider, &path),
                    ("x-mock-scenario".to_owned(), directive.clone()),
                ];
                headers.extend(kind.map(|kind| ("content-type".to_owned(), kind)));
                headers.extend(
                    path.starts_with("/computeMetadata")
                        .then(|| ("metadata-flavor".to_owned(), "Google".to_owned())),
                );
                let path = format!("{path}{query}");
                let question = Question {
                    method: endpoint.method.clone(),
                    path,
                    headers,
                    body,
                };
                asked.push(Asked {
                    provider,
                    endpoint,
                    model: model.clone(),
                    directive,
                    stream: *stream,
                    question,
                });
            }
        }
    }
    asked
}

fn azure_version(provider: &str, path: &str) -> Option<&'static str> {
    let dated =
        provider == "azure" && path.starts_with("/openai/") && !path.starts_with("/openai/v1");
    dated.then_some(AZURE)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_mock_has_the_form_of_its_schema() {
    let bench = Bench::start().await;
    let judge = Judge::builtin().unwrap();
    let mut tally = Tally::default();
    let providers = judge.endpoints().providers().iter();
    for known in providers.filter(|known| is_emulated(&known.provider)) {
        for endpoint in &known.endpoints {
            let call = CALLS
                .iter()
                .find(|call| call.operation == endpoint.operation);
            let call = call.unwrap_or_else(|| panic!("CALLS lacks {}", endpoint.operation));
            let asked = questions(&known.provider, endpoint, call);
            for asked in &asked {
                let answer = bench.ask(&known.provider, &asked.question).await;
                tally.hold(asked, &judge, &answer);
            }
            let key = (known.provider.clone(), endpoint.path.clone());
            if !tally.good.contains_key(&key) {
                tally
                    .problems
                    .push(format!("{} {}: no good answer", key.0, key.1));
            }
        }
    }
    tally.finish();
    println!("{} answers were judged", tally.judged);
    let problems = tally.problems;
    assert!(
        problems.is_empty(),
        "{} problems\n{}",
        problems.len(),
        problems.join("\n")
    );
}

fn is_emulated(provider: &str) -> bool {
    PROVIDERS.iter().any(|(id, _)| *id == provider)
}

/// Every path that could be a route: the places of a provider's endpoints with the operations of all of them.
fn possible_paths(judge: &Judge) -> BTreeSet<(String, String)> {
    let all = || {
        judge
            .endpoints()
            .providers()
            .iter()
            .flat_map(|known| &known.endpoints)
    };
    let ends: BTreeSet<_> = all()
        .filter_map(|endpoint| split(&endpoint.path))
        .map(|(_, end)| end)
        .collect();
    let begins: BTreeSet<_> = all()
        .filter_map(|endpoint| split(&endpoint.path))
        .map(|(begin, _)| begin)
        .collect();
    let paths = begins
        .iter()
        .flat_map(|begin| ends.iter().map(move |end| format!("{begin}{end}")));
    let methods = |path: String| ["GET", "POST"].map(|method| (method.to_owned(), path.clone()));
    paths.flat_map(methods).collect()
}

/// A path, cut where the operation begins.
fn split(path: &str) -> Option<(&str, &str)> {
    let marks = [
        "/images/",
        "/chat/",
        "/responses",
        "/models/*:",
        "/models",
        "/token",
        "/oauth2/",
    ];
    let at = marks.iter().filter_map(|mark| path.rfind(mark)).min()?;
    Some(path.split_at(at))
}

#[test]
fn no_route_of_the_mock_is_left_out_of_the_loop() {
    let judge = Judge::builtin().unwrap();
    let settings = Settings::default();
    let providers: Vec<_> = PROVIDERS
        .iter()
        .map(|(_, load)| load(&settings).unwrap())
        .collect();
    let mut routes = 0;
    for (method, pattern) in possible_paths(&judge) {
        let path = filled(&pattern, "gpt-image-2");
        for provider in ["openai", "azure", "vertex", "gemini"] {
            let query = azure_version(provider, &path).map(|query| query[1..].to_owned());
            let headers = vec![credential(provider, &path)];
            let body = Default::default();
            let request = Request {
                method: method.clone(),
                path: path.clone(),
                query,
                headers,
                body,
                body_too_large: false,
            };
            let face = providers.iter().find(|face| face.claims(&request)).unwrap();
            let Some(operation) = face.read(&request).operation else {
                continue;
            };
            routes += 1;
            let known = judge.endpoints().provider(face.id());
            let known = known.unwrap_or_else(|| panic!("fixtures/endpoints lacks {}", face.id()));
            let found = known.find(Some(&method), &path);
            assert_eq!(
                found.map(|endpoint| endpoint.operation.as_str()),
                Some(operation),
                "fixtures/endpoints/{}.json lacks {method} {path}",
                face.id()
            );
        }
    }
    assert!(routes > 20, "only {routes} routes were found");
}

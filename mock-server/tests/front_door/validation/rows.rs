//! Every row of the catalogue that is no condition has a request that meets it: a row without one fails here.

use image::ImageFormat;
use mock_server::catalogue::{Catalogue, ErrorRow};
use mock_server::settings::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use time::macros::date;

use super::refusals::{every_refusal, with};
use crate::support::{Form, GENERATIONS, KEY, Reply, drawn, start_with};

const CHAT: &str = "/v1/chat/completions";
const EDITS: &str = "/v1/images/edits";
const RESPONSES: &str = "/v1/responses";
const VARIATIONS: &str = "/v1/images/variations";

type Change = fn(&mut Settings);

/// A request that meets a row.
struct Way {
    row: String,
    change: Change,
    method: Method,
    path: &'static str,
    key: Option<&'static str>,
    kind: String,
    body: Vec<u8>,
}

impl Way {
    fn text(row: &str, path: &'static str, body: impl Into<String>) -> Self {
        Self {
            row: row.to_owned(),
            change: |_| (),
            method: Method::POST,
            path,
            key: Some(KEY),
            kind: "application/json".to_owned(),
            body: body.into().into_bytes(),
        }
    }

    fn json(row: &str, path: &'static str, body: &Value) -> Self {
        Self::text(row, path, body.to_string())
    }

    fn form(row: &str, path: &'static str, form: Form) -> Self {
        let kind = Form::content_type();
        let body = form.body();
        let empty = Self::text(row, path, "");
        Self {
            kind,
            body,
            ..empty
        }
    }

    fn with(self, change: Change) -> Self {
        Self { change, ..self }
    }
}

fn front() -> Vec<Way> {
    let text = |row, path, body: &str| Way::text(row, path, body);
    let chat = json!({ "model": "gpt-4o", "messages": [] });
    vec![
        Way {
            key: None,
            ..text("missing-key", GENERATIONS, "{}")
        },
        Way {
            key: Some("invalid"),
            ..Way::json("invalid-key-chat", CHAT, &chat)
        },
        Way {
            key: Some("invalid"),
            ..Way::json("invalid-key-responses", RESPONSES, &chat)
        },
        text("malformed-body", GENERATIONS, "{\"prompt\": "),
        Way {
            kind: "text/plain; charset=utf-8".to_owned(),
            ..text("unsupported-content-type", GENERATIONS, "{}")
        },
        Way {
            kind: Form::content_type(),
            ..text("malformed-form", EDITS, "no form")
        },
        Way {
            method: Method::GET,
            ..text("wrong-method", GENERATIONS, "")
        },
        text("invalid-url", "/v1/v1/images/generations", "{}"),
        text("body-too-large", GENERATIONS, &" ".repeat(1001))
            .with(|settings| settings.max_body = 1000),
    ]
}

fn models() -> Vec<Way> {
    let chat = |row, model: &str, prompt: &str| {
        let messages = json!([{ "role": "user", "content": prompt }]);
        Way::json(row, CHAT, &json!({ "model": model, "messages": messages }))
    };
    let unnamed = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    let response = json!({ "model": "gpt-x", "input": "Hi" });
    let listed = Way::text("model-not-found-list", "/v1/models/gpt-x", "");
    let square = drawn(16, 16, ImageFormat::Png);
    let variation = Form::new().file("image", "a.png", "image/png", &square);
    let transparent = json!({ "model": "gpt-image-2", "background": "transparent" });
    vec![
        chat("model-not-found-chat", "gpt-x", "Hi"),
        chat("model-retired-chat", "gpt-4o", "Hi [[mock:model-retired]]"),
        chat("rate-limit-chat", "gpt-4o", "Hi [[mock:rate-limit]]"),
        chat("not-a-chat-model", "gpt-image-1", "Hi"),
        Way::json("model-not-named", CHAT, &unnamed),
        Way::json("model-not-found-responses", RESPONSES, &response),
        Way {
            method: Method::GET,
            ..listed
        },
        Way::form(
            "model-value",
            VARIATIONS,
            variation.text("model", "gpt-image-1"),
        ),
        Way::json("transparent-model", GENERATIONS, &with(&transparent))
            .with(|settings| settings.as_of = Some(date!(2026 - 08 - 19))),
    ]
}

fn conversations() -> Vec<Way> {
    let chat = |row, change: Value| {
        let mut body =
            json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hi" }] });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        Way::json(row, CHAT, &body)
    };
    let image = |url: &str| {
        let part = json!({ "type": "image_url", "image_url": { "url": url } });
        json!({ "messages": [{ "role": "user", "content": [part] }] })
    };
    vec![
        chat("unrecognized-argument", json!({ "x": 1 })),
        chat("decimal-too-small", json!({ "temperature": -1 })),
        chat("decimal-too-large", json!({ "temperature": 99.0 })),
        chat("empty-array", json!({ "messages": [] })),
        chat("invalid-image-url", image("fox.png")),
        chat(
            "invalid-image-format",
            image("data:image/png;base64,bm8gaW1hZ2U="),
        ),
    ]
}

fn edits() -> Vec<Way> {
    let png = drawn(32, 24, ImageFormat::Png);
    let small = drawn(8, 8, ImageFormat::Png);
    let of = |model: &str| Form::new().text("model", model).text("prompt", "a hat");
    let plain = || of("gpt-image-1");
    let one = || plain().file("image", "a.png", "image/png", &png);
    let new = || of("gpt-image-2.5-flare").file("image", "a.png", "image/png", &png);
    let many = (0..17).fold(plain(), |form, _| form.file("image[]", "a", "", &small));
    // As large as no image may be, with the head of one.
    let mut huge = png.clone();
    huge.resize((50 << 20) + 1, 0);
    let legacy = |form: Form| Way::form("image-not-square-png", EDITS, form);
    vec![
        Way::form("array-too-long", EDITS, many),
        Way::form(
            "unsupported-mimetype",
            EDITS,
            plain().file("image", "a", "", b"text"),
        ),
        Way::form(
            "invalid-image-file",
            EDITS,
            plain().file("image", "a", "image/png", b"text"),
        ),
        Way::form(
            "image-too-large",
            EDITS,
            plain().file("image", "a", "image/png", &huge),
        ),
        Way::form(
            "mask-mismatch",
            EDITS,
            one().file("mask", "m", "image/png", &small),
        ),
        Way::form(
            "mask-mismatch",
            EDITS,
            new().file("markup", "m", "image/png", &small),
        ),
        Way::form("input-fidelity", EDITS, {
            let form = of("gpt-image-2").text("input_fidelity", "high");
            form.file("image", "a.png", "image/png", &png)
        }),
        Way::form(
            "unsupported-parameter",
            EDITS,
            one().file("markup", "m", "image/png", &png),
        ),
        Way::form("exclusive-parameters", EDITS, {
            let form = new().file("markup", "m", "image/png", &png);
            form.file("mask", "m", "image/png", &png)
        }),
        legacy(of("dall-e-2").file("image", "a.png", "image/png", &png))
            .with(|settings| settings.legacy_models = true),
        Way::form("needs-format", EDITS, one().text("svg[model]", "gpt-5")),
    ]
}

fn ways() -> Vec<Way> {
    let members = every_refusal().into_iter();
    let members = members.map(|known| Way::json(known.row, GENERATIONS, &known.body));
    let mut all: Vec<_> = members.collect();
    all.extend(front());
    all.extend(models());
    all.extend(conversations());
    all.extend(edits());
    all
}

/// Whether a text is a template with its placeholders filled.
fn fills(template: &str, text: &str) -> bool {
    let pieces = template.split(['{', '}']).step_by(2);
    let mut rest = text;
    for (index, piece) in pieces.enumerate() {
        match rest.find(piece) {
            Some(at) if index > 0 || at == 0 => rest = &rest[at + piece.len()..],
            _ => return false,
        }
    }
    true
}

fn assert_is(row: &ErrorRow, reply: &Reply) {
    assert_eq!(reply.status, row.status, "{}: {reply:?}", row.id);
    let Some(body) = &row.body else {
        assert_eq!(reply.text(), row.text.as_ref().unwrap().body);
        return;
    };
    let got = reply.json();
    for name in ["message", "type", "param", "code"] {
        let (expected, got) = (&body["error"][name], &got["error"][name]);
        match (expected.as_str(), got.as_str()) {
            (Some(template), Some(text)) => assert!(fills(template, text), "{}: {text}", row.id),
            _ => assert_eq!(got, expected, "{}: {name}", row.id),
        }
    }
}

#[tokio::test]
async fn every_row_of_the_catalogue_that_is_no_condition_can_be_met() {
    let catalogue = Catalogue::builtin("openai").unwrap();
    let ways = ways();
    for way in &ways {
        let row = catalogue.row(&way.row);
        let row = row.unwrap_or_else(|| panic!("the catalogue has no row {}", way.row));
        let mock = start_with(way.change).await;
        let request = mock.request(way.method.clone(), way.path);
        let request = match way.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let request = request.header("content-type", &way.kind);
        let reply = Reply::of(request.body(way.body.clone())).await;
        assert_is(row, &reply);
        let condition = mock.last_entry().await.answer.unwrap().summary.condition;
        assert_eq!(&condition, row.instead_of.as_ref().unwrap_or(&row.id));
    }
    let rows = catalogue.errors.iter().filter(|row| !row.condition);
    let met = |row: &&ErrorRow| ways.iter().any(|way| way.row == row.id);
    let unmet: Vec<_> = rows.filter(|row| !met(row)).map(|row| &row.id).collect();
    assert!(unmet.is_empty(), "no request meets {unmet:?}");
}

#[test]
fn templates_are_compared_piece_by_piece() {
    assert!(fills(
        "Unknown parameter: '{param}'.",
        "Unknown parameter: 'x'."
    ));
    assert!(fills("{param}", "n") && fills("plain", "plain"));
    for other in ["unknown parameter: 'x'.", "Unknown parameter: 'x'", "x"] {
        assert!(!fills("Unknown parameter: '{param}'.", other), "{other}");
    }
}

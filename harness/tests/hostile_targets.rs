//! Targets that answer in ways that no server should. Whatever they do, the run ends, says what is wrong with the
//! target (`fail`, exit code 1), and is not brought down.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod hostile;

use std::io::Write;
use std::process::Command;

use hostile::{Behaviour, answer, forever, good_body, head, png, start, wait};
use mock_server::MockServer;
use serde_json::{Value, json};

/// What a run said.
struct Said {
    code: Option<i32>,
    text: String,
    /// (check, message) of everything that failed.
    failed: Vec<(String, String)>,
}

/// Runs one plain case and one stream against a target that behaves so.
fn run(behaviour: Behaviour) -> Said {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mock = runtime.block_on(MockServer::start()).unwrap();
    let target = start(behaviour, mock.url());
    let folder = tempfile::tempdir().unwrap();
    let (file, report) = (
        folder.path().join("hostile.toml"),
        folder.path().join("report.json"),
    );
    std::fs::write(
        &file,
        format!("base_url = \"{target}\"\ntimeout = 3.0\nhold_limit = 0.5\n"),
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_image-harness"))
        .args([
            "run",
            "--case=parameters/generations/minimal",
            "--case=stream/generations/partials-absent",
        ])
        .arg(format!("--target={}", file.display()))
        .arg(format!("--upstream={}", mock.url()))
        .arg(format!("--report=json={}", report.display()))
        .env_remove("IMAGE_HARNESS_API_KEY")
        .output()
        .unwrap();
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap_or_default())
        .unwrap_or_default();
    let cases = report["cases"].as_array().cloned().unwrap_or_default();
    let checks = cases
        .iter()
        .flat_map(|case| case["checks"].as_array().unwrap());
    let failed = checks.filter(|check| check["verdict"] == "fail");
    let member = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    Said {
        code: output.status.code(),
        failed: failed
            .map(|check| (member(check, "id"), member(check, "message")))
            .collect(),
        text,
    }
}

/// The run ended with a verdict about the target, and this check has failed.
#[track_caller]
fn blamed(behaviour: Behaviour, check: &str) -> Said {
    let said = run(behaviour);
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(
        said.failed.iter().any(|(id, _)| id == check),
        "{check}: {:?}\n{}",
        said.failed,
        said.text
    );
    assert!(!said.text.contains("panicked"), "{}", said.text);
    assert!(
        said.text.len() < 200_000,
        "{} bytes were printed",
        said.text.len()
    );
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!said.text.contains(control), "{}", said.text);
    said
}

#[test]
fn one_that_never_answers() {
    blamed(
        |_, _| {
            wait();
            Ok(())
        },
        "status",
    );
}

#[test]
fn one_that_hangs_up() {
    let said = blamed(|_, _| Ok(()), "status");
    assert!(
        said.failed
            .iter()
            .any(|(_, message)| message == "no answer came"),
        "{:?}",
        said.failed
    );
}

#[test]
fn a_head_and_then_nothing() {
    blamed(
        |_, out| {
            head(out, "application/json")?;
            wait();
            Ok(())
        },
        "law.json",
    );
}

#[test]
fn a_good_body_without_an_end() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        write!(
            out,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999999\r\n\r\n{}",
            good_body()
        )
    };
    let said = blamed(behaviour, "law.json");
    assert!(
        said.text.contains("the answer has no proper end"),
        "{}",
        said.text
    );
}

#[test]
fn a_body_that_is_longer_than_it_says() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        write!(
            out,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{}",
            good_body()
        )
    };
    blamed(behaviour, "law.json");
}

#[test]
fn a_body_that_never_ends() {
    blamed(
        |_, out| {
            head(out, "application/json")?;
            forever(out, b"a key sk-client and a word ")
        },
        "law.json",
    );
}

#[test]
fn a_gigabyte_of_small_values() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        head(out, "application/json")?;
        out.write_all(b"{\"data\":[")?;
        forever(out, b"0,")
    };
    blamed(behaviour, "law.json");
}

#[test]
fn ten_million_values_and_a_proper_end() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        let body = format!("{{\"data\":[{}0]}}", "0,".repeat(10_000_000));
        answer(out, "application/json", body.as_bytes())
    };
    blamed(behaviour, "law.success-means-image");
}

#[test]
fn tiny_events_without_end() {
    let said = blamed(
        |_, out| {
            head(out, "text/event-stream")?;
            forever(out, b"data: {}\n\n")
        },
        "law.json",
    );
    assert!(
        said.text.contains("more than 20000 events"),
        "{}",
        said.text
    );
}

#[test]
fn comments_without_end() {
    blamed(
        |_, out| {
            head(out, "text/event-stream")?;
            forever(out, b": ping\n\n")
        },
        "law.json",
    );
}

#[test]
fn an_event_without_end() {
    blamed(
        |_, out| {
            head(out, "text/event-stream")?;
            out.write_all(b"data: ")?;
            forever(out, b"abc")
        },
        "law.json",
    );
}

#[test]
fn a_stream_that_ends_inside_an_event() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        let event = json!({ "type": "image_generation.completed", "b64_json": png(8, 8) });
        answer(
            out,
            "text/event-stream",
            format!("data: {event}\n").as_bytes(),
        )
    };
    blamed(behaviour, "law.stream-order");
}

#[test]
fn a_picture_bomb() {
    // Made before anybody waits for it.
    std::sync::LazyLock::force(&BOMB);
    let behaviour = |_: &str, out: &mut dyn Write| {
        let body = json!({ "created": 1_795_000_000, "data": [{ "b64_json": *BOMB }] });
        answer(out, "application/json", body.to_string().as_bytes())
    };
    let said = blamed(behaviour, "law.images");
    assert!(
        said.text.contains("too many to be looked at"),
        "{}",
        said.text
    );
}

/// More pixels than are looked at.
static BOMB: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| png(8_000, 8_000));

#[test]
fn a_thousand_pictures() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        let items = vec![json!({ "b64_json": png(1_000, 1_000) }); 1_000];
        let body = json!({ "created": 1_795_000_000, "data": items });
        answer(out, "application/json", body.to_string().as_bytes())
    };
    blamed(behaviour, "images.count");
}

#[test]
fn broken_utf_8() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        let body = good_body().replacen("data", "note\":\"~\",\"data", 1);
        let body: Vec<u8> = body
            .bytes()
            .map(|byte| if byte == b'~' { 0xff } else { byte })
            .collect();
        answer(out, "application/json", &body)
    };
    let said = blamed(behaviour, "law.json");
    assert!(said.text.contains("invalid utf-8"), "{}", said.text);
}

#[test]
fn very_deep_json() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        let body = "{\"data\":".to_owned() + &"[".repeat(100_000) + &"]".repeat(100_000) + "}";
        answer(out, "application/json", body.as_bytes())
    };
    blamed(behaviour, "law.success-means-image");
}

#[test]
fn a_page_with_control_characters() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        let page = "<html>\x1b[2J\x1b]0;owned\x07\x08\x00\u{202e}\u{9b}31m</html>";
        let body = json!({ "error": { "message": page, "type": page } }).to_string();
        write!(
            out,
            "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n{page}{body}"
        )
    };
    blamed(behaviour, "law.error-envelope");
}

#[test]
fn an_answer_that_is_none() {
    blamed(|_, out| forever(out, b"GET / HTTP/9\r\n\x00\xff"), "status");
}

#[test]
fn ten_thousand_headers() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        out.write_all(b"HTTP/1.1 200 OK\r\n")?;
        for number in 0..10_000 {
            write!(out, "x-{number}: {number}\r\n")?;
        }
        write!(out, "content-length: 2\r\n\r\n{{}}")
    };
    blamed(behaviour, "status");
}

#[test]
fn a_header_without_end() {
    let behaviour = |_: &str, out: &mut dyn Write| {
        out.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
        forever(out, b"y")
    };
    blamed(behaviour, "status");
}

#[test]
fn interim_answers_without_end() {
    blamed(
        |_, out| forever(out, b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
        "status",
    );
}

#[test]
fn links_to_itself_that_never_answer() {
    let behaviour = |request: &str, out: &mut dyn Write| {
        if request.starts_with("GET") {
            wait();
            return Ok(());
        }
        let host = request.lines().find_map(|line| line.strip_prefix("host: "));
        let link = format!("http://{}/a.png", host.unwrap());
        let items: Vec<_> = (0..1_000)
            .map(|number| json!({ "url": format!("{link}?{number}") }))
            .collect();
        let body = json!({ "created": 1_795_000_000, "data": items });
        answer(out, "application/json", body.to_string().as_bytes())
    };
    blamed(behaviour, "law.images");
}

#[test]
fn one_that_closes_at_any_byte() {
    for at in [1, 9, 15, 17, 30, 60, 80, 100, 150] {
        CLOSES_AT.store(at, std::sync::atomic::Ordering::SeqCst);
        let behaviour = |_: &str, out: &mut dyn Write| {
            let mut whole = Vec::new();
            answer(&mut whole, "application/json", good_body().as_bytes())?;
            let at = CLOSES_AT.load(std::sync::atomic::Ordering::SeqCst);
            out.write_all(&whole[..at])
        };
        let said = run(behaviour);
        assert_eq!(said.code, Some(1), "closed at byte {at}: {}", said.text);
        assert!(
            !said.failed.is_empty(),
            "closed at byte {at}: {}",
            said.text
        );
    }
}

/// Where the server closes: a behaviour catches nothing.
static CLOSES_AT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

//! The program: its ready line, its end, its complaints.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_image-reference-gateway"));
    program
        .env_remove("IMAGE_REFERENCE_GATEWAY_UPSTREAM_KEYS")
        .env_remove("IMAGE_REFERENCE_GATEWAY_CLIENT_KEYS");
    program
}

fn run(arguments: &[&str]) -> (Output, String) {
    let output = program().args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, text)
}

#[test]
fn it_says_when_it_is_ready_and_ends_on_a_signal() {
    let mut child = program()
        .args([
            "--profile",
            "platform",
            "--listen",
            "127.0.0.1:0",
            "--upstream",
            "http://127.0.0.1:1",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let port = line.strip_prefix("listening on http://127.0.0.1:").unwrap();
    assert_ne!(port.trim_end().parse::<u16>().unwrap(), 0);
    let killed = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    line.clear();
    assert_eq!(output.read_line(&mut line).unwrap(), 0, "{line}");
}

#[test]
fn wrong_usage_is_code_2_and_quotes_no_key() {
    let upstream = ["--upstream", "http://127.0.0.1:1"];
    for (arguments, complaint) in [
        (&[][..], "--upstream"),
        (&["--profile", "mystery"], "possible values: platform"),
        (
            &["--upstream", "127.0.0.1:9100"],
            "--upstream: an address must be",
        ),
        (
            &["--upstream", "http://user:pass@host"],
            "--upstream: an address must be",
        ),
        (
            &["--upstream", "mystery=http://127.0.0.1:1"],
            "unknown provider `mystery`",
        ),
        (
            &["--upstream", "http://127.0.0.1:2"],
            "two values of --upstream",
        ),
        (
            &["--upstream-key", "hush hush"],
            "--upstream-key: a key must",
        ),
        (
            &["--client-key", "hush=nobody"],
            "--client-key: unknown group",
        ),
        (
            &["--client-key", "hush=openai", "--client-key", "hush=gemini"],
            "the same key twice",
        ),
        (
            &["--vertex-project", "a/b"],
            "--vertex-project: only letters",
        ),
        (
            &["--vertex-service-account", "/nowhere/file.json"],
            "--vertex-service-account",
        ),
        (&["--timeout", "5"], "a duration needs a unit"),
        (&["--timeout", "99999999999h"], "at most 744h"),
    ] {
        let alone = arguments.is_empty()
            || (arguments[0] == "--upstream" && complaint != "two values of --upstream");
        let all: Vec<&str> = arguments
            .iter()
            .copied()
            .chain(upstream.into_iter().filter(|_| !alone))
            .collect();
        let (output, text) = run(&all);
        assert_eq!(output.status.code(), Some(2), "{all:?}: {text}");
        assert!(text.contains(complaint), "{all:?}: {text}");
        assert!(
            !text.contains("hush") && !text.contains("pass@") && output.stdout.is_empty(),
            "{text}"
        );
    }
}

#[test]
fn the_help_names_the_variables_and_no_value_of_theirs() {
    let output = program()
        .env("IMAGE_REFERENCE_GATEWAY_UPSTREAM_KEYS", "hush")
        .arg("--help")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("IMAGE_REFERENCE_GATEWAY_UPSTREAM_KEYS"));
    assert!(text.contains("IMAGE_REFERENCE_GATEWAY_CLIENT_KEYS"));
    assert!(!text.contains("hush"));
}

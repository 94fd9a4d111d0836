//! The program itself: its ready line, its exit codes, what it prints.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

use mock_server::catalogue::Catalogue;
use mock_server::fault::FAULTS;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-mock-server"));
    command.args(arguments).stdin(Stdio::null());
    command
}

#[cfg(test)]
fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

#[cfg(test)]
struct Served {
    child: Child,
    address: String,
    out: BufReader<std::process::ChildStdout>,
}

#[cfg(test)]
impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut child = program(arguments)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on http://").unwrap();
        let address = address.strip_suffix('\n').unwrap().to_owned();
        Self {
            child,
            address,
            out,
        }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Sends a signal to the process, by its id, and returns the exit code and what else was printed.
    fn end(mut self, signal: &str) -> (Option<i32>, String, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

fn generation(prompt: &str) -> String {
    let body = format!("{{\"prompt\":\"{prompt}\"}}");
    format!(
        "POST /v1/images/generations HTTP/1.1\r\nhost: mock\r\nauthorization: Bearer k-1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn it_says_where_it_listens_and_ends_gracefully() {
    for signal in ["TERM", "INT"] {
        let served = Served::start(&[]);
        let answer = served.ask(&generation("a fox [[mock:rate-limit]]"));
        assert!(
            answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"),
            "{answer}"
        );
        let ended = served.end(signal);
        assert_eq!(ended, (Some(0), String::new(), String::new()));
    }
}

#[test]
fn flags_reach_the_server() {
    let served = Served::start(&[
        "serve",
        "--api-key",
        "k-1",
        "--scenario",
        "quota",
        "--log",
        "info",
    ]);
    let answer = served.ask(&generation("a fox"));
    assert!(answer.contains("\"insufficient_quota\""), "{answer}");
    let other = generation("a fox").replace("k-1", "k-2");
    assert!(served.ask(&other).starts_with("HTTP/1.1 401 "));
    assert_eq!(served.end("TERM").0, Some(0));
    let served = Served::start(&["--as-of", "2026-12-01", "--max-body", "50"]);
    let answer = served.ask(&generation("a fox"));
    assert!(
        answer.contains("The model 'gpt-image-1.5' does not exist."),
        "{answer}"
    );
    let large = generation(&"x".repeat(50));
    assert!(served.ask(&large).starts_with("HTTP/1.1 413 "));
    assert_eq!(served.end("TERM").0, Some(0));
}

#[test]
fn deployments_are_made_by_flags() {
    let served = Served::start(&["--deployment", "a=gpt-image-1", "--deployment", "b=gpt-4o"]);
    let ask = |name: &str| {
        let path = format!("/openai/deployments/{name}/images/generations?api-version=2024-10-21");
        let request = generation("a fox [[mock:quota]]");
        served.ask(&request.replace("/v1/images/generations", &path))
    };
    assert!(ask("a").contains("exceeded token rate limit"));
    assert!(ask("b").starts_with("HTTP/1.1 429 "));
    let plain = generation("a fox").replace(
        "/v1/images/generations",
        "/openai/deployments/b/images/generations?api-version=2024-10-21",
    );
    assert!(served.ask(&plain).contains("OperationNotSupported"));
    let other = plain.replace("/deployments/b/", "/deployments/c/");
    assert!(served.ask(&other).contains("DeploymentNotFound"));
    assert_eq!(served.end("TERM").0, Some(0));
}

#[test]
fn the_ready_line_says_whether_it_speaks_tls() {
    let mut child = program(&["--listen", "127.0.0.1:0", "--tls"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        line.starts_with("listening on https://127.0.0.1:"),
        "{line}"
    );
}

#[test]
fn what_cannot_be_used_is_a_usage_error() {
    for (arguments, expected) in [
        (["--scenario", "rate-limt"], "did you mean 'rate-limit'"),
        (["--scenario", "delay=soon"], "expected a duration"),
        (["--log", "a=b=c"], "is no log filter"),
        (["--latency", "slow"], "none, realistic or a duration"),
        (["--rate-limit", "5"], "expected requests=N,images=N"),
        (["--deployment", "pictures"], "expected NAME=MODEL"),
        (
            ["--deployment", "pictures=gpt-image-9"],
            "the model of deployment 'pictures' is not known: expected one of gpt-image-1, ",
        ),
        (["--tls-cert", "cert.pem"], "--tls-key"),
        (["--as-of", "today"], "expected a day such as"),
        (["--lsten", "127.0.0.1:0"], "--listen"),
    ] {
        let free = ["--listen", "127.0.0.1:0"];
        let arguments = match arguments[0] {
            "--lsten" => arguments.to_vec(),
            _ => [&free[..], &arguments].concat(),
        };
        let output = run(&arguments);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{err}"
        );
        assert!(err.contains(expected), "{err}");
    }
}

#[test]
fn an_address_in_use_is_a_set_up_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--listen", &address]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        err.starts_with(&format!("error: cannot listen on {address}: ")),
        "{err}"
    );
}

#[test]
fn conditions_prints_the_vocabulary() {
    let output = run(&["conditions"]);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    let text = String::from_utf8(output.stdout).unwrap();
    let printed = |name: &str| {
        text.lines()
            .any(|line| line.split(' ').next() == Some(name))
    };
    let catalogue = Catalogue::builtin("openai").unwrap();
    for row in catalogue.conditions() {
        assert!(printed(&row.id), "{}", row.id);
    }
    for fault in FAULTS {
        assert!(printed(fault.name()), "{}", fault.name());
    }
    assert!(
        text.contains("openai: 429 type input-images, code rate_limit_exceeded"),
        "{text}"
    );
}

#[test]
fn version_and_help_are_printed() {
    let version = String::from_utf8(run(&["--version"]).stdout).unwrap();
    assert_eq!(
        version,
        format!("image-mock-server {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    assert!(
        help.contains("--listen <ADDR>") && help.contains("127.0.0.1:9100"),
        "{help}"
    );
}

#[test]
fn service_account_prints_a_key_file() {
    let address = "http://127.0.0.1:5/token";
    let printed = run(&["service-account", "--token-uri", address]);
    assert!(printed.status.success());
    let file: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(file["type"], "service_account");
    assert_eq!(file["token_uri"], address);
    let key = file["private_key"].as_str().unwrap();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let plain = run(&["service-account"]);
    let file: serde_json::Value = serde_json::from_slice(&plain.stdout).unwrap();
    assert_eq!(file["token_uri"], "http://127.0.0.1:9100/token");
}

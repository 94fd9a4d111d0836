//! A gateway that the harness starts and stops: one command does a whole gate, and nothing stays behind.
//!
//! The gateway is this test binary itself: [`program`] is a test that is never run but by the harness.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod program;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

/// A secret that the gateway prints.
const SECRET: &str = "sk-hush-6Wq9Lm3Zx8Rt";

/// A folder with a target file and what the gateway leaves there.
struct Rig {
    folder: tempfile::TempDir,
}

impl Rig {
    /// A target whose gateway behaves in some way; `more` are lines of the file before `[start]`, `start` in it.
    fn new(manner: &str, more: &str, start: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let file = format!(
            "base_url = \"http://127.0.0.1:${{port}}\"\ncooldown = 2.0\n{more}\n\
             upstream_keys = [{{ env = \"GATEWAY_SECRET\" }}]\n\
             [start]\n\
             command = [\"{}\", \"--exact\", \"program::gateway\", \"--ignored\", \"--nocapture\"]\n\
             environment = {{ MANNER = \"{manner}\", LISTEN = \"127.0.0.1:${{port}}\", UPSTREAM = \"${{upstream}}\", UPSTREAM_KEY = \"$GATEWAY_SECRET\", NOTES = \"{}\" }}\n\
             log = \"gateway.log\"\n{start}\n",
            program.display(),
            folder.path().display(),
        );
        std::fs::write(folder.path().join("target.toml"), file).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-harness"));
        command
            .args(words)
            .arg(format!("--target={}", self.path("target.toml").display()))
            .env_remove("IMAGE_HARNESS_API_KEY")
            .env("GATEWAY_SECRET", SECRET);
        command
    }

    /// Runs the harness; gives its exit code and what it printed.
    fn run(&self, words: &[&str]) -> (i32, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(words).output().unwrap();
        let text =
            String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        assert!(!text.contains(SECRET), "{text}");
        (status.code().unwrap_or(-1), text)
    }

    /// The processes that the gateway wrote down, once there are so many.
    fn processes(&self, least: usize) -> Vec<Pid> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let text = std::fs::read_to_string(self.path("pids")).unwrap_or_default();
            let pids: Vec<_> = text
                .lines()
                .filter_map(|line| Pid::from_raw(line.parse().ok()?))
                .collect();
            if pids.len() >= least || Instant::now() > end {
                assert!(pids.len() >= least, "only {pids:?} were started");
                return pids;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether a process runs: what waits to be looked at by its parent has ended.
fn runs(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid()));
    let is_zombie = stat.is_ok_and(|stat| {
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('Z'))
    });
    test_kill_process(pid).is_ok() && !is_zombie
}

fn report(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

const GOOD: &str = "--case=parameters/generations/minimal";
const READY: &str = "ready = { path = \"/health\" }";

#[test]
fn one_command_is_the_whole_gate() {
    let rig = Rig::new("good with-child", "", READY);
    let json = rig.path("report.json");
    let (code, text) = rig.run(&["run", GOOD, &format!("--report=json={}", json.display())]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(report(&json)["summary"]["pass"], 1, "{text}");
    let pids = rig.processes(2);
    assert!(!pids.iter().any(|pid| runs(*pid)), "{pids:?}");
    let log = std::fs::read_to_string(rig.path("gateway.log")).unwrap();
    assert!(log.contains("my key is $GATEWAY_SECRET"), "{log}");
}

#[test]
fn a_line_of_output_says_that_it_is_ready() {
    let rig = Rig::new("good", "", "ready = { line = \"ready to serve\" }");
    let (code, text) = rig.run(&["run", GOOD]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn the_doctor_starts_it_too() {
    let rig = Rig::new("good", "", READY);
    let (code, text) = rig.run(&["doctor"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("the target can be tested"), "{text}");
    assert!(!rig.processes(1).iter().any(|pid| runs(*pid)));
}

#[test]
fn a_gateway_that_is_never_ready_is_exit_code_3_with_its_last_words() {
    let rig = Rig::new(
        "never-ready with-child",
        "",
        "ready = { path = \"/health\", within = 2 }",
    );
    let (code, text) = rig.run(&["run", GOOD]);
    assert_eq!(code, 3, "{text}");
    for wanted in [
        "is not ready after 2 s",
        "/health is to answer 2xx",
        "my key is $GATEWAY_SECRET",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!rig.processes(2).iter().any(|pid| runs(*pid)));
}

#[test]
fn a_gateway_that_ends_at_once_is_told_with_its_status() {
    let rig = Rig::new("ends", "", READY);
    let (code, text) = rig.run(&["run", GOOD]);
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("ended (exit status: 9) before it was ready"),
        "{text}"
    );
    assert!(text.contains("my configuration is broken"), "{text}");
}

#[test]
fn a_gateway_that_dies_during_the_run_ends_it() {
    let rig = Rig::new("dies", "", READY);
    let json = rig.path("report.json");
    let words = [
        "run",
        "--case=parameters/**",
        "--jobs=1",
        &format!("--report=json={}", json.display()),
    ];
    let (code, text) = rig.run(&words);
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("the gateway ended during the run (exit status: 5)"),
        "{text}"
    );
    assert!(text.contains("I am dying"), "{text}");
    let summary = &report(&json)["summary"];
    assert_eq!(summary["error"], 1, "{summary}");
    assert!(summary["blocked"].as_u64().unwrap() > 10, "{summary}");
}

#[test]
fn a_gateway_that_ignores_the_signal_is_killed() {
    let rig = Rig::new(
        "stubborn with-child",
        "",
        &format!("{READY}\n[stop]\nsignal = \"TERM\"\ngrace = 0.3"),
    );
    let (code, text) = rig.run(&["run", GOOD]);
    assert_eq!(code, 0, "{text}");
    assert!(rig.path("asked-to-end").exists(), "it was never asked");
    assert!(!rig.processes(2).iter().any(|pid| runs(*pid)));
}

#[test]
fn a_command_stops_what_the_program_does_not() {
    let stop = format!("{READY}\n[stop]\ncommand = [\"sh\", \"-c\", \"echo ${{port}} > stopped\"]");
    let rig = Rig::new("good", "", &stop);
    let (code, text) = rig.run(&["run", GOOD]);
    assert_eq!(code, 0, "{text}");
    let port: u16 = std::fs::read_to_string(rig.path("stopped"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_ne!(port, 0);
}

fn interrupted(signal: Signal, manner: &str) -> (Option<i32>, Rig) {
    let rig = Rig::new(
        manner,
        "",
        "ready = { path = \"/health\", within = 100 }\n[stop]\ngrace = 1",
    );
    let mut command = rig.command(&["run", GOOD]);
    let mut harness: Child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    rig.processes(2);
    kill_process(Pid::from_child(&harness), signal).unwrap();
    (harness.wait().unwrap().code(), rig)
}

#[test]
fn an_interrupted_run_leaves_nothing_behind() {
    for (signal, wanted) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (code, rig) = interrupted(signal, "never-ready with-child");
        assert_eq!(code, Some(wanted));
        assert!(!rig.processes(2).iter().any(|pid| runs(*pid)));
    }
}

#[test]
fn somebody_else_at_the_address_is_not_taken_for_the_gateway() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let rig = Rig::new("good", "", READY);
    let path = rig.path("target.toml");
    let file = std::fs::read_to_string(&path).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    std::fs::write(&path, file.replacen("${port}", &port, 1)).unwrap();
    let (code, text) = rig.run(&["run", GOOD]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("something answers at"), "{text}");
    assert!(!rig.path("pids").exists());
}

#[test]
fn what_cannot_be_used_names_its_key_with_exit_code_2() {
    for (more, start, wanted) in [
        (
            "mock = [\"--anonymus\"]",
            "",
            "mock: unexpected argument '--anonymus' found",
        ),
        ("mock = [\"--deployment=a\"]", "", "mock: invalid value 'a'"),
        ("mock = [\"--scenario=rate-limitt\"]", "", "rate-limit"),
        (
            "timeout = \"30\"",
            "",
            "timeout: expected a value of type number, found \"30\"",
        ),
        (
            "policies.bytes = \"exact\"",
            "",
            "policies.bytes: expected one of \"verbatim\", \"recoded\", found \"exact\"",
        ),
        (
            "policies.byte = \"exact\"",
            "",
            "policies: unknown member 'byte': did you mean 'bytes'?",
        ),
        ("", "shell = true", "start: unknown member 'shell'"),
        ("", "ready = { status = 200 }", "start.ready:"),
        (
            "",
            "directory = \".\"\n[reset]\nwithin = 3",
            "reset: one of 'command', 'request' is missing",
        ),
        (
            "",
            "[stop]\ncommand = [\"$NOBODY_SET_THIS\"]",
            "stop.command.0: the variable NOBODY_SET_THIS is not set",
        ),
        (
            "",
            "[stop]\ncommand = [\"${prot}\"]",
            "stop.command.0: unknown ${prot}",
        ),
        ("ca_file = \"none.pem\"", "", "none.pem"),
        (
            "features = [\"disconnect.detaches\"]\npolicies.disconnect = \"cancels\"",
            "",
            "contradict",
        ),
        (
            "profile = \"platform\"\npolicies.upstream_401 = 401",
            "",
            "policies.upstream_401: found 401, but the profile platform allows 502 only",
        ),
    ] {
        let rig = Rig::new("good", more, start);
        let (code, text) = rig.run(&["run", GOOD]);
        assert_eq!(code, 2, "{more}{start}: {text}");
        assert!(text.contains(wanted), "{wanted}: {text}");
        assert!(!rig.path("pids").exists(), "{more}{start}: it was started");
    }
}

#[test]
fn the_mock_gets_its_flags_and_a_free_port() {
    let rig = Rig::new(
        "good",
        "mock = [\"--image-bytes=300000\", \"--api-key=sk-other\"]",
        READY,
    );
    let (code, text) = rig.run(&["run", GOOD]);
    // The gateway's key is not the one that the mock takes.
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("refused its key"), "{text}");
}

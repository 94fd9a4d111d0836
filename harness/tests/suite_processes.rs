//! The `cargo test` face as nextest uses it: a process for each case. Reports are not overwritten, `merge` joins them, and
//! the trials about the run as a whole mean the same.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::Path;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// Set for the processes that are the suite.
const IS_SUITE: &str = "SUITE_PROCESSES_IS_SUITE";
const CASES: [&str; 2] = [
    "platform::refusals/generations/no-key",
    "platform::refusals/generations/wrong-key",
];

fn main() -> ExitCode {
    if std::env::var_os(IS_SUITE).is_some() {
        return harness::Suite::builtin().main();
    }
    let trials = vec![
        Trial::test("each_process_has_a_report_and_merge_joins_them", reports),
        Trial::test("the_run_as_a_whole_is_looked_at", meta),
        Trial::test("known_failures_that_never_run_are_told", idle),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The suite in a process of its own, as nextest would start it.
fn suite(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name])
        .env(IS_SUITE, "1")
        .env("NEXTEST", "1");
    command
}

fn said(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn reports() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let wanted = format!("json={}", folder.path().join("report.json").display());
    for case in CASES {
        let (code, text) = said(suite(case).env("CONFORMANCE_REPORT", &wanted));
        assert_eq!(code, 0, "{text}");
    }
    let parts = files(folder.path());
    assert_eq!(parts.len(), CASES.len(), "{parts:?}");
    let whole = folder.path().join("whole.json");
    let mut merge = Command::new(env!("CARGO_BIN_EXE_image-harness"));
    let merge = merge.arg("merge").args(&parts).arg("--output").arg(&whole);
    let (code, text) = said(merge);
    assert_eq!(code, 0, "{text}");
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(whole).unwrap()).unwrap();
    assert_eq!(whole["summary"]["pass"], 2, "{whole}");
    assert!(whole["coverage"]["judged"].as_u64().unwrap() > 0, "{whole}");
    Ok(())
}

fn meta() -> Result<(), Failed> {
    for name in ["meta::platform::coverage", "meta::platform::expectations"] {
        let (code, text) = said(&mut suite(name));
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("1 passed"), "{text}");
    }
    Ok(())
}

fn idle() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known.toml");
    let entry = |case: &str| {
        format!("[[expect]]\ncase = \"{case}\"\nstatus = \"fails\"\nreason = \"a test\"\n")
    };
    for (case, wanted) in [
        ("refusals/generations/no-key", 0),
        ("response/predict/images", 101),
    ] {
        std::fs::write(&file, entry(case)).unwrap();
        let mut command = suite("meta::platform::expectations");
        let (code, text) = said(command.env("CONFORMANCE_EXPECTATIONS", &file));
        assert_eq!(code, wanted, "{case}: {text}");
    }
    Ok(())
}

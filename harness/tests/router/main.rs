//! The profile `router` can be passed, in every form in which routers give the images of a chat, and each fault fails it
//! for its own reason.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod gateway;

use std::process::Command;

use gateway::{AZURE_KEY, Fault, Form, VERTEX_TOKEN, start};
use mock_server::MockServer;
use serde_json::Value;

/// What a run said: exit code, what was printed, the report.
struct Said {
    code: i32,
    text: String,
    report: Value,
}

impl Said {
    fn of_verdict(&self, verdict: &str) -> Vec<String> {
        let cases = self.report["cases"].as_array().unwrap().iter();
        let checks = cases.flat_map(|case| case["checks"].as_array().unwrap());
        let found = checks.filter(|check| check["verdict"] == verdict);
        let mut ids: Vec<String> = found
            .map(|check| check["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

async fn run(fault: Fault, form: Form, pattern: &str) -> Said {
    // reqwest is built without a provider of cryptography; a second installation is refused.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mock = MockServer::start().await.unwrap();
    let address = start(mock.url(), fault, form).await;
    let folder = tempfile::tempdir().unwrap();
    let locator = match form {
        Form::ContentArray => "content_array",
        Form::ContentBlocks => "content_blocks",
        Form::Images => "images",
        Form::Markdown => "markdown",
    };
    let file = format!(
        "base_url = \"{address}\"\nprofile = \"router\"\nhold_limit = 1.0\ncooldown = 1.0\npolicies.image_locator = \"{locator}\"\n\
         upstream_keys = [{{ value = \"{AZURE_KEY}\" }}, {{ value = \"{VERTEX_TOKEN}\" }}]\n"
    );
    let (target, report) = (
        folder.path().join("router.toml"),
        folder.path().join("r.json"),
    );
    std::fs::write(&target, file).unwrap();
    let arguments = [
        "run".to_owned(),
        format!("--target={}", target.display()),
        format!("--upstream={}", mock.url()),
        format!("--case={pattern}"),
        format!("--report=json={}", report.display()),
    ];
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-harness"));
        command
            .args(arguments)
            .env_remove("IMAGE_HARNESS_API_KEY")
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let report = std::fs::read_to_string(report).unwrap_or_default();
    Said {
        code: output.status.code().unwrap(),
        text,
        report: serde_json::from_str(&report).unwrap_or_default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_does_what_its_documentation_says_passes() {
    let said = run(Fault::None, Form::Images, "**").await;
    assert_eq!(said.code, 0, "{}", said.text);
    assert_eq!(
        said.of_verdict("untestable"),
        Vec::<String>::new(),
        "{}",
        said.text
    );
    let promised = said.report["coverage"]["promised"].as_u64().unwrap();
    let judged = said.report["coverage"]["judged"].as_u64().unwrap();
    assert!(
        judged * 2 > promised,
        "{judged} of {promised}: {}",
        said.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_a_chat_are_found_in_every_form() {
    for form in [Form::ContentArray, Form::ContentBlocks, Form::Markdown] {
        let said = run(Fault::None, form, "*/chat/**").await;
        assert_eq!(said.code, 0, "{form:?}: {}", said.text);
        assert!(
            said.report["summary"]["pass"].as_u64().unwrap() >= 6,
            "{form:?}: {}",
            said.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_told_by_its_check() {
    let faults = [
        (Fault::Buffers, "stream/chat/images", "warn", "stream.held"),
        (
            Fault::CallsPngWebp,
            "parameters/generations/webp-or-refusal",
            "fail",
            "images.format",
        ),
        (
            Fault::DropsEarlierImages,
            "response/chat/earlier-turn",
            "fail",
            "upstream.input_images",
        ),
        (
            Fault::DropsEarlierImages,
            "response/chat/conversation",
            "warn",
            "2:upstream.input_images",
        ),
        (
            Fault::LocksFiles,
            "response/generations/url-by-default",
            "fail",
            "images.size",
        ),
        (Fault::SafetyIs500, "errors/chat/safety", "fail", "error"),
        (
            Fault::ShowsItsKey,
            "errors/generations/operator-fault",
            "fail",
            "law.leak",
        ),
        (
            Fault::WrongDeployment,
            "response/generations/each-model",
            "fail",
            "law.invented",
        ),
    ];
    let mut untold = Vec::new();
    for (fault, case, verdict, check) in faults {
        let said = run(fault, Form::Images, case).await;
        let found = said.of_verdict(verdict);
        if !found.contains(&check.to_owned()) {
            untold.push(format!("{case} {fault:?}: {found:?}: {}", said.text));
        }
    }
    assert!(untold.is_empty(), "{}", untold.join("\n"));
}

#[test]
fn the_reference_gateway_passes_it_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("r.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-harness"));
    command.args(["run", "--profile=router"]);
    command.arg(format!("--report=json={}", report.display()));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    for verdict in ["warn", "untestable", "flaky", "blocked", "contaminated"] {
        assert_eq!(report["summary"][verdict], 0, "{verdict}: {text}");
    }
    let count = |name: &str| report["coverage"][name].as_u64().unwrap();
    assert!(count("judged") * 10 > count("promised") * 9, "{text}");
}

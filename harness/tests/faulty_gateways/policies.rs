//! Policies: what legally differs is judged as the target file says, either way.

use serde_json::{Value, json};

use crate::support::{Fault, Rig, harness};

/// The verdict of each case, worst first, in one word.
fn worst(report: &Value) -> &'static str {
    let verdicts: Vec<_> = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["verdict"].as_str().unwrap())
        .collect();
    let known = [
        "error",
        "fail",
        "untestable",
        "warn",
        "pass",
        "not-applicable",
    ];
    let found = known.into_iter().find(|verdict| verdicts.contains(verdict));
    found.unwrap_or("nothing")
}

/// What the gateway does, a case, what the target file says, and what the case then is.
const WAYS: &[(Fault, &str, &str, &str)] = &[
    (Fault::None, REFUSED_KEY, "upstream_401 = 502", "pass"),
    (Fault::None, REFUSED_KEY, "upstream_401 = 401", "warn"),
    (Fault::Shows401, REFUSED_KEY, "upstream_401 = 401", "pass"),
    (Fault::Shows401, REFUSED_KEY, "upstream_401 = 502", "warn"),
    (Fault::Shows401, REFUSED_KEY, "", "pass"),
    (Fault::None, LEFT, "disconnect = \"cancels\"", "pass"),
    (Fault::None, LEFT, "disconnect = \"detaches\"", "warn"),
    (Fault::KeepsCalls, LEFT, "disconnect = \"detaches\"", "pass"),
    (Fault::KeepsCalls, LEFT, "disconnect = \"cancels\"", "warn"),
    (Fault::KeepsCalls, LEFT, "", "not-applicable"),
    (Fault::Caches, AGAIN, "cache = \"none\"", "warn"),
    (Fault::Caches, AGAIN, "cache = \"per-credential\"", "pass"),
    (
        Fault::Caches,
        OF_ANOTHER,
        "cache = \"per-credential\"",
        "warn",
    ),
    (Fault::Caches, OF_ANOTHER, "cache = \"shared\"", "pass"),
    (Fault::None, AGAIN, "cache = \"none\"", "pass"),
    (Fault::TriesBrokenAgain, CUT, "retries = \"unpaid\"", "fail"),
    (
        Fault::TriesBrokenAgain,
        CUT,
        "retries = \"ambiguous\"",
        "pass",
    ),
    (
        Fault::PassesCutsOn,
        MALFORMED,
        "malformed = \"relay\"",
        "pass",
    ),
    (
        Fault::PassesCutsOn,
        MALFORMED,
        "malformed = \"normalise\"",
        "fail",
    ),
    (Fault::None, MALFORMED, "malformed = \"normalise\"", "pass"),
    (
        Fault::DropsStyle,
        STYLE,
        "unsupported_native = \"drop\"",
        "pass",
    ),
    (
        Fault::DropsStyle,
        STYLE,
        "unsupported_native = \"relay\"",
        "warn",
    ),
    (Fault::None, STYLE, "unsupported_native = \"relay\"", "pass"),
    (Fault::None, STYLE, "unsupported_native = \"drop\"", "warn"),
    (Fault::AddsUser, MINIMAL, "injects = []", "warn"),
    (Fault::AddsUser, MINIMAL, "injects = [\"user\"]", "pass"),
    (Fault::CodesAnew, FORMAT, "bytes = \"verbatim\"", "warn"),
    (Fault::CodesAnew, FORMAT, "bytes = \"recoded\"", "pass"),
];

const REFUSED_KEY: &str = "errors/generations/operator-fault@condition=invalid-key";
const LEFT: &str = "response/generations/disconnect*";
const AGAIN: &str = "response/generations/same-request-again";
const OF_ANOTHER: &str = "response/generations/same-request-of-another";
const CUT: &str = "errors/generations/damaged-body@fault=wrong-content-length";
const MALFORMED: &str = "errors/generations/damaged-body@fault=malformed-json";
const STYLE: &str = "parameters/generations/style-*";
const MINIMAL: &str = "parameters/generations/minimal";
const FORMAT: &str = "parameters/generations/output-format@format=png";

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_decides_what_is_wrong() {
    let mut wrong = Vec::new();
    for (fault, case, policy, wanted) in WAYS {
        let rig = Rig::start(*fault).await;
        rig.declare(&format!(
            "credentials.second = \"SECOND_KEY\"\n[policies]\n{policy}"
        ));
        let (_, output, report) = rig.run(case).await;
        let verdict = worst(&report);
        if verdict != *wanted {
            wrong.push(format!(
                "{fault:?}, {policy}, {case}: {verdict}, not {wanted}\n{output}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_makes_the_target_well_before_it_is_tried_again() {
    let rig = Rig::start(Fault::StaysDown).await;
    rig.declare("[reset]\nrequest = { path = \"/admin/reset\", status = 204 }");
    let (code, output, report) = rig.run("errors/generations/*fault*").await;
    // The first sentinel after a fault finds the target unwell; the one behind the reset does not.
    assert_eq!(report["summary"]["blocked"], 0, "{output}");
    let sentinel = "sentinel/generations/well";
    let cases = report["cases"].as_array().unwrap();
    assert!(cases.iter().all(|case| case["id"] != sentinel), "{output}");
    assert_ne!(code, 3, "{output}");
    assert!(
        !output.contains("the reset of the target failed"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_that_fails_is_told() {
    let rig = Rig::start(Fault::StaysDown).await;
    rig.declare("[reset]\ncommand = [\"sh\", \"-c\", \"exit 7\"]");
    let (_, output, report) = rig.run("errors/generations/provider-fault").await;
    assert!(
        output.contains("the reset of the target failed: 'sh' ended with exit status: 7"),
        "{output}"
    );
    let cases = report["cases"].as_array().unwrap();
    let unwell = cases
        .iter()
        .any(|case| case["id"] == "sentinel/generations/well");
    assert!(unwell, "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_is_reset_between_the_lanes_if_it_says_so() {
    let rig = Rig::start(Fault::None).await;
    rig.declare(
        "[reset]\ncommand = [\"sh\", \"-c\", \"echo once >> resets\"]\nbetween_lanes = true",
    );
    let lanes = [
        "--case=refusals/generations/size-impossible",
        "--case=errors/generations/rate-limit",
    ];
    let (code, output, _) = rig.run_with("parameters/generations/minimal", &lanes).await;
    assert_eq!(code, 0, "{output}");
    let resets = std::fs::read_to_string(rig.folder().join("resets")).unwrap();
    assert_eq!(resets.lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_overlay_reaches_the_provider_and_is_no_invention() {
    let rig = Rig::start(Fault::None).await;
    rig.declare("[body]\nuser = \"ci\"\nquality = \"medium\"");
    let (code, output, report) = rig.run("parameters/generations/size").await;
    assert_eq!((code, worst(&report)), (0, "pass"), "{output}");
    let calls = rig.mock.journal("").entries;
    let sent = |name: &str| {
        calls
            .iter()
            .map(|call| call.sent[name].clone())
            .collect::<Vec<_>>()
    };
    assert!(
        sent("user").iter().all(|user| user == "ci"),
        "{:?}",
        sent("user")
    );
    assert!(sent("quality").iter().all(|quality| quality == "medium"));

    // What a case is about cannot be judged any more.
    let (code, output, _) = rig.run("parameters/generations/quality").await;
    assert_eq!(code, 4, "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_has_the_parameters_of_the_target() {
    let mock = mock_server::MockServer::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.toml");
    // The mock as its own upstream: what arrives there is what the harness sent.
    let text = format!(
        "base_url = \"{}\"\nprofile = \"openai\"\nquery = {{ team = \"a b\", key = \"$SECOND_KEY\" }}\n",
        mock.url()
    );
    std::fs::write(&file, text).unwrap();
    let words = [
        "run".to_owned(),
        format!("--target={}", file.display()),
        format!("--upstream={}", mock.url()),
        "--case=parameters/generations/minimal".to_owned(),
        "--trace".to_owned(),
    ];
    let output = tokio::task::spawn_blocking(move || harness(&words))
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("$SECOND_KEY") && !text.contains("sk-second"),
        "{text}"
    );
    let calls = mock.journal("").entries;
    let calls: Vec<_> = calls
        .iter()
        .filter(|call| call.operation.is_some())
        .collect();
    assert!(!calls.is_empty());
    for call in calls {
        assert!(
            call.query.as_deref().unwrap().contains("team=a%20b"),
            "{:?}",
            call.query
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_has_the_name_that_the_target_knows() {
    let rig = Rig::start(Fault::None).await;
    rig.declare("upstream_url = \"http://mock.container:9100\"");
    let cases = rig.folder().join("cases/own/generations");
    std::fs::create_dir_all(&cases).unwrap();
    let case = json!({
        "summary": "the request names the mock as the target sees it",
        "request": { "operation": "images.generations", "body": {
            "model": "${models.image}", "prompt": "${upstream}/bait ${prompt}", "quality": "low" } },
        "upstream": { "answers": ["ok"] },
        "expect": { "upstream": [{ "requirement": "gateway.forwards-prompt", "sent": {
            "prompt": { "$prefix": "http://mock.container:9100/bait" } } }] }
    });
    std::fs::write(cases.join("name.json"), case.to_string()).unwrap();
    let own = format!("--cases={}", rig.folder().display());
    let (code, output, _) = rig.run_with("own/**", &[&own]).await;
    assert_eq!(code, 0, "{output}");
}

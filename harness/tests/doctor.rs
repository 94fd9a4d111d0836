//! The doctor: whatever is wrong with a target's connections is named, with what to do.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::process::Command;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use mock_server::MockServer;
use mock_server::tls::Tls;
use serde_json::{Value, json};

/// The key of the gateway's clients.
const CLIENT_KEY: &str = "sk-client-3Xw8Qz5Lk2";

async fn doctor(words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-harness"));
    command
        .arg("doctor")
        .args(words)
        .env_remove("HTTP_PROXY")
        .env("IMAGE_HARNESS_API_KEY", CLIENT_KEY);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains(CLIENT_KEY), "{text}");
    (output.status.code().unwrap(), text)
}

/// A gateway that calls `base` + `path` with this key, and tells of a proxy before it.
async fn gateway(base: String, key: &'static str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = move |headers: HeaderMap, body: Bytes| {
        let (http, base) = (http.clone(), base.clone());
        async move { relay(&http, &base, key, &headers, body).await }
    };
    let router = Router::new().route("/v1/images/generations", post(call));
    serve(router).await
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn relay(
    http: &reqwest::Client,
    base: &str,
    key: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    let given = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let refusal = |status: StatusCode, message: &str| {
        let error =
            json!({ "error": { "message": message, "type": "x", "param": null, "code": null } });
        (
            status,
            [("content-type", "application/json")],
            error.to_string(),
        )
            .into_response()
    };
    if given != Some(&format!("Bearer {CLIENT_KEY}")) {
        return refusal(StatusCode::UNAUTHORIZED, "who are you?");
    }
    let wanted: Value = serde_json::from_slice(&body).unwrap_or_default();
    if wanted["model"] != "gpt-image-2" {
        return refusal(StatusCode::NOT_FOUND, "no such model");
    }
    let key = if key == "the client's" {
        CLIENT_KEY
    } else {
        key
    };
    let call = http.post(format!("{base}/images/generations"));
    let call = call.header("authorization", format!("Bearer {key}"));
    let call = call.header("content-type", "application/json").body(body);
    let Ok(answer) = call.send().await else {
        return refusal(StatusCode::BAD_GATEWAY, "the provider cannot be reached");
    };
    let status = answer.status();
    let kind = answer.headers()["content-type"].clone();
    (
        status,
        [("content-type", kind)],
        Body::from_stream(answer.bytes_stream()),
    )
        .into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_target_is_well() {
    let (code, text) = doctor(&[]).await;
    assert_eq!(code, 0, "{text}");
    for step in [
        "address",
        "http",
        "key",
        "upstream",
        "credential",
        "model",
        "answer",
        "operations",
        "features",
    ] {
        assert!(text.contains(step), "{step}: {text}");
    }
    assert!(!text.contains("NOT OK"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_gateway_gets_a_target_file_that_can_be_used() {
    let mock = MockServer::start().await.unwrap();
    let target = gateway(format!("{}/v1", mock.url()), "sk-up-7Hs2").await;
    let (code, text) = doctor(&["--target", &target, "--upstream", &mock.url()]).await;
    assert_eq!(code, 0, "{text}");
    let file = text.split("was seen:\n\n").nth(1).unwrap();
    let file = file.split("\nthe target can").next().unwrap();
    let read = harness::target::TargetFile::parse(file).unwrap();
    assert_eq!(read.base_url, target);
    assert!(read.features.is_empty(), "{file}");
    assert_eq!(read.policies.bytes, harness::target::BytesPolicy::Verbatim);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_upstreams_of_each_kind_are_told_apart() {
    let mock = MockServer::start().await.unwrap();
    let other = MockServer::start().await.unwrap();
    let url = mock.url();
    let nobody = "http://127.0.0.1:9/v1".to_owned();
    for (base, key, code, wanted) in [
        (format!("{url}/v1/v1"), "sk-up", 3, "/v1 stands twice"),
        (url.clone(), "sk-up", 3, "/v1 is missing"),
        (format!("{url}/api"), "sk-up", 3, "no such route"),
        (
            format!("{}/v1", other.url()),
            "sk-up",
            3,
            "nothing arrived at the mock",
        ),
        (nobody, "sk-up", 3, "the target answered 502"),
        (
            format!("{url}/v1"),
            "sk-invalid",
            3,
            "which refused its key",
        ),
        (
            format!("{url}/v1"),
            "the client's",
            0,
            "policies.shared_key = true",
        ),
    ] {
        let target = gateway(base.clone(), key).await;
        let (exit, text) = doctor(&["--target", &target, "--upstream", &url]).await;
        assert_eq!(exit, code, "{base} {key}: {text}");
        assert!(text.contains(wanted), "{base} {key}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_target_refuses_itself_is_told() {
    let mock = MockServer::start().await.unwrap();
    let url = mock.url();
    let target = gateway(format!("{url}/v1"), "sk-up").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.toml");
    let path = file.display().to_string();
    let model = "[models.image]\nname = \"painter\"\noperations = [\"images.generations\"]\nupstream = { provider = \"openai\", model = \"gpt-image-2\" }";
    for (lines, wanted) in [
        (model, "the target does not know 'painter'"),
        (
            "paths.\"images.generations\" = \"/images\"",
            "no such operation under this path",
        ),
        (
            "auth = { header = \"x-api-key\" }",
            "put a client key of the gateway",
        ),
    ] {
        std::fs::write(&file, format!("base_url = \"{target}\"\n{lines}\n")).unwrap();
        let (exit, text) = doctor(&["--target", &path, "--upstream", &url]).await;
        assert_eq!(exit, 3, "{lines}: {text}");
        assert!(text.contains(wanted), "{lines}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_speaks_http_it_is_said() {
    let mock = MockServer::start().await.unwrap();
    let upstream = mock.url();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = deaf.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::Write as _;
        for peer in deaf.incoming().flatten() {
            let _ = (&peer).write_all(b"220 mail.test ESMTP\r\n");
        }
    });
    for (target, wanted) in [
        (format!("http://{free}"), "is the gateway running"),
        (
            "http://no-such-host.invalid:80".to_owned(),
            "does not resolve",
        ),
        (format!("http://{address}"), "does not speak HTTP"),
        (
            format!("https://{}", upstream.trim_start_matches("http://")),
            "write http://",
        ),
    ] {
        let (exit, text) =
            doctor(&["--target", &target, "--upstream", &upstream, "--timeout=5s"]).await;
        assert_eq!(exit, 3, "{target}: {text}");
        assert!(text.contains(wanted), "{target}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_trusted_by_its_file_only() {
    let target = MockServer::builder()
        .tls(Tls::SelfSigned)
        .start()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), target.certificate().unwrap()).unwrap();
    let file = folder.path().join("t.toml");
    let path = file.display().to_string();
    for (line, code, wanted) in [
        ("", 3, "name the PEM file of who did as `ca_file`"),
        ("ca_file = \"ca.pem\"", 0, "is trusted and in force"),
    ] {
        std::fs::write(&file, format!("base_url = \"{}\"\n{line}\n", target.url())).unwrap();
        let (exit, text) = doctor(&["--target", &path, "--no-upstream"]).await;
        assert_eq!(exit, code, "{text}");
        assert!(text.contains(wanted), "{text}");
    }
    // Nothing was asked for that would cost money.
    let made = target
        .journal("")
        .entries
        .into_iter()
        .filter_map(|entry| entry.answer);
    assert_eq!(
        made.map(|answer| answer.summary.images.len())
            .sum::<usize>(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn redirections_and_proxies_are_seen() {
    let mock = MockServer::start().await.unwrap();
    let away = Router::new().fallback(|| async { Redirect::permanent("https://gateway.test/v1") });
    let target = serve(away).await;
    let (exit, text) = doctor(&["--target", &target, "--upstream", &mock.url()]).await;
    assert_eq!(exit, 3, "{text}");
    assert!(
        text.contains("GET / points to https://gateway.test"),
        "{text}"
    );
    assert!(
        text.contains("the harness follows no redirection"),
        "{text}"
    );

    let proxied = Router::new().fallback(|| async { ([("via", "1.1 squid")], "hello") });
    let target = serve(proxied).await;
    let (_, text) = doctor(&["--target", &target, "--upstream", &mock.url()]).await;
    assert!(
        text.contains("a proxy is between (via: 1.1 squid)"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn recipes_are_printed_and_an_unknown_one_lists_them() {
    let (code, text) =
        doctor(&["--recipe", "litellm", "--upstream-listen", "127.0.0.1:9333"]).await;
    assert_eq!(code, 0, "{text}");
    for wanted in [
        "api_base: \"http://127.0.0.1:9333/v1\"",
        "https://docs.litellm.ai",
        "base_url =",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let (code, text) = doctor(&["--recipe", "litelm"]).await;
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("did you mean 'litellm'?") && text.contains("portkey"),
        "{text}"
    );
}

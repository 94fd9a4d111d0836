//! Entra's token server: grants, refusals, what its tokens open, and what the journal shows of it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mock_server::MockServer;
use reqwest::Method;
use serde_json::{Value, json};

use crate::azure::path;
use crate::support::{KEY, Mock, Reply, names, running, small, start, start_with};

const TENANT: &str = "/11111111-2222-3333-4444-555555555555";
const SECRET: &str = "client_secret=s3cret~value";
const SCOPE: &str = "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default";

fn form(parts: &[&str]) -> String {
    let all = ["grant_type=client_credentials", "client_id=app"];
    [&all[..], parts].concat().join("&")
}

async fn ask(mock: &Mock, form: &str) -> Reply {
    let request = mock.request(Method::POST, &format!("{TENANT}/oauth2/v2.0/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.body(form.to_owned())).await
}

async fn paint(mock: &Mock, token: &str) -> Reply {
    let request = mock.request(Method::POST, &path("gpt-image-1"));
    let request = request.header("content-type", "application/json");
    let request = request.bearer_auth(token);
    Reply::of(request.body(small("a fox").to_string())).await
}

fn token(reply: &Reply) -> String {
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

fn jwt(claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({ "alg": "RS256" })), part(claims))
}

fn assertion(claims: &Value) -> String {
    format!(
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={}",
        jwt(claims)
    )
}

#[tokio::test]
async fn a_token_opens_azure_beside_the_keys() {
    let mock = start_with(|settings| settings.api_keys = vec![KEY.to_owned()]).await;
    let reply = ask(&mock, &form(&[SCOPE, SECRET])).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        names(&reply.json()),
        ["token_type", "expires_in", "ext_expires_in", "access_token"]
    );
    assert_eq!(reply.json()["expires_in"], 3599);
    assert_eq!(reply.header("cache-control"), Some("no-store, no-cache"));
    assert_eq!(paint(&mock, &token(&reply)).await.status, 200);
    assert_eq!(paint(&mock, KEY).await.status, 200);
    let asserted = form(&[SCOPE, &assertion(&json!({ "iss": "app" }))]);
    let asserted = token(&ask(&mock, &asserted).await);
    assert_eq!(paint(&mock, &asserted).await.status, 200);
    for bad in ["eyJh.eyJi.c2ln".to_owned(), format!("{asserted}x")] {
        let reply = paint(&mock, &bad).await;
        assert_eq!(
            (reply.status, &reply.json()["statusCode"]),
            (401, &json!(401))
        );
    }
    // A token is no key.
    let request = mock.request(Method::POST, &path("gpt-image-1"));
    let request = request.header("api-key", asserted);
    let reply = Reply::of(request.body(small("a fox").to_string())).await;
    assert_eq!((reply.status, reply.outcome().as_str()), (401, "401"));
}

#[tokio::test]
async fn where_keys_are_switched_off_only_a_token_opens_azure() {
    let builder = MockServer::builder().scenario("no-keys");
    let mock = running(builder.start().await.unwrap());
    let request = mock.request(Method::POST, &path("gpt-image-1"));
    let request = request.header("api-key", KEY);
    let reply = Reply::of(request.body(small("a fox").to_string())).await;
    assert_eq!(
        (reply.status, reply.outcome().as_str()),
        (403, "AuthenticationTypeDisabled")
    );
    let reply = ask(&mock, &form(&[SCOPE, SECRET])).await;
    assert_eq!(paint(&mock, &token(&reply)).await.status, 200);
    // OpenAI's keys are tokens.
    assert_eq!(mock.generate(&small("a fox")).await.status, 200);
}

#[tokio::test]
async fn a_token_for_something_else_opens_nothing() {
    let mock = start().await;
    let other = "scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";
    let reply = ask(&mock, &form(&[other, SECRET])).await;
    let reply = paint(&mock, &token(&reply)).await;
    let text = reply.json()["message"].as_str().unwrap().to_owned();
    assert_eq!(reply.status, 401);
    assert!(text.contains("audience is incorrect"), "{text}");
    let newer = "scope=https%3A%2F%2Fai.azure.com%2F.default";
    let reply = ask(&mock, &form(&[newer, SECRET])).await;
    assert_eq!(paint(&mock, &token(&reply)).await.status, 200);
    // Another server's tokens are nothing to a server that knows its keys.
    let seeded = start_with(|settings| {
        settings.seed = 1;
        settings.api_keys = vec![KEY.to_owned()];
    })
    .await;
    assert_eq!(paint(&seeded, &token(&reply)).await.status, 401);
}

#[tokio::test]
async fn grants_that_cannot_be_used_are_refused() {
    let mock = start().await;
    for (form, status, error, code) in [
        (String::new(), 400, "invalid_request", 900_144),
        // JSON is no form.
        (
            r#"{"grant_type":"client_credentials"}"#.to_owned(),
            400,
            "invalid_request",
            900_144,
        ),
        (
            "grant_type=password".to_owned(),
            400,
            "unsupported_grant_type",
            70_003,
        ),
        (
            "grant_type=client_credentials".to_owned(),
            400,
            "invalid_request",
            900_144,
        ),
        (form(&[SECRET]), 400, "invalid_request", 900_144),
        (
            form(&[SECRET, "scope=all"]),
            400,
            "invalid_scope",
            1_002_012,
        ),
        (form(&[SCOPE]), 401, "invalid_client", 7_000_216),
        (
            form(&[SCOPE, "client_secret=invalid"]),
            401,
            "invalid_client",
            7_000_215,
        ),
        (
            form(&[SCOPE, "client_assertion=x"]),
            401,
            "invalid_client",
            700_027,
        ),
        (
            form(&[SCOPE, &assertion(&json!({ "iss": "invalid" }))]),
            401,
            "invalid_client",
            700_027,
        ),
    ] {
        let reply = ask(&mock, &form).await;
        let body = reply.json();
        assert_eq!(
            names(&body),
            [
                "error",
                "error_description",
                "error_codes",
                "timestamp",
                "trace_id",
                "correlation_id",
                "error_uri"
            ]
        );
        assert_eq!(
            (reply.status, &body["error"]),
            (status, &json!(error)),
            "{form}"
        );
        assert_eq!(body["error_codes"], json!([code]));
        let text = body["error_description"].as_str().unwrap();
        let trace = body["trace_id"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
        assert!(
            text.contains(&format!("\r\nTrace ID: {trace}\r\n")),
            "{text}"
        );
        assert!(!text.contains('{'), "{text}");
    }
}

#[tokio::test]
async fn secrets_are_not_in_the_journal() {
    let mock = start().await;
    let signed = assertion(&json!({ "iss": "app" }));
    ask(&mock, &form(&[SCOPE, SECRET, &signed])).await;
    ask(&mock, r#"{"client_secret":"s3cret~value"}"#).await;
    let page = mock.journal("").await;
    let entry = page.entries[0].clone();
    assert_eq!(entry.provider.as_deref(), Some("azure"));
    assert_eq!(
        (entry.operation, &entry.body["client_id"]),
        (None, &json!("app"))
    );
    let label = entry.body["client_secret"].as_str().unwrap();
    assert!(label.starts_with('<') && label.len() == 14, "{label}");
    let text = serde_json::to_string(&mock.journal("").await).unwrap();
    assert!(!text.contains("s3cret") && !text.contains(&jwt(&json!({ "iss": "app" }))));
}

#[tokio::test]
async fn libraries_find_the_address() {
    let mock = start().await;
    let at = format!("{TENANT}/v2.0/.well-known/openid-configuration");
    let found = mock.get(&at).await.json();
    let base = format!("{}{TENANT}", mock.server.url());
    assert_eq!(found["token_endpoint"], format!("{base}/oauth2/v2.0/token"));
    assert_eq!(found["issuer"], format!("{base}/v2.0"));
}

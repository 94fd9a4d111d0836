//! Where Google's clients get their tokens: the token server and the metadata server.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::google_generate::{VERTEX, asking};
use crate::support::{KEY, Mock, Reply, start, start_with};

const JWT_BEARER: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
const ACCOUNT: &str = "/computeMetadata/v1/instance/service-accounts/default";

fn jwt(claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(&json!({ "alg": "RS256", "typ": "JWT" }));
    format!("{header}.{}.bm9zaWduYXR1cmU", part(claims))
}

fn claims() -> Value {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    json!({ "iss": "a@b.example", "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600 })
}

async fn ask(mock: &Mock, form: &str) -> Reply {
    let request = mock.request(Method::POST, "/token");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.body(form.to_owned())).await
}

async fn ask_with(mock: &Mock, assertion: &str) -> Reply {
    let form = format!("grant_type={JWT_BEARER}&assertion={assertion}");
    ask(mock, &form).await
}

async fn metadata(mock: &Mock, path: &str) -> Reply {
    let request = mock.request(Method::GET, path);
    Reply::of(request.header("metadata-flavor", "Google")).await
}

#[tokio::test]
async fn an_assertion_gives_a_token_that_vertex_takes() {
    let mock = start_with(|settings| settings.api_keys = vec![KEY.to_owned()]).await;
    let reply = ask_with(&mock, &jwt(&claims())).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        reply.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    let grant = reply.json();
    assert_eq!(
        (&grant["token_type"], &grant["expires_in"]),
        (&json!("Bearer"), &json!(3599))
    );
    let token = grant["access_token"].as_str().unwrap();
    let request = mock.request(Method::POST, VERTEX).bearer_auth(token);
    let reply = Reply::of(request.body(asking("a fox").to_string())).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let refreshed = ask(
        &mock,
        "grant_type=refresh_token&refresh_token=1%2F%2Fabc&client_id=c",
    )
    .await;
    assert!(refreshed.json()["access_token"].is_string());
}

#[tokio::test]
async fn grants_that_cannot_be_used_are_refused() {
    let mock = start().await;
    let changed = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        jwt(&claims)
    };
    for assertion in [
        "no-jwt".to_owned(),
        changed("exp", json!(1_600_000_000)),
        changed("iss", json!("invalid@b.example")),
        changed("iss", Value::Null),
    ] {
        let reply = ask_with(&mock, &assertion).await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json()["error"], "invalid_grant");
        assert!(reply.json()["error_description"].is_string());
    }
    for (form, error) in [
        ("grant_type=password", "unsupported_grant_type"),
        ("", "unsupported_grant_type"),
        ("grant_type=refresh_token", "invalid_request"),
        (
            "grant_type=refresh_token&refresh_token=invalid",
            "invalid_grant",
        ),
    ] {
        let reply = ask(&mock, form).await;
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!(error)));
    }
}

#[tokio::test]
async fn assertions_are_not_in_the_journal() {
    let mock = start().await;
    let assertion = jwt(&claims());
    ask_with(&mock, &assertion).await;
    let entry = mock.last_entry().await;
    assert_eq!(
        entry.body["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    assert_eq!(entry.operation, None);
    let seen = entry.body["assertion"].as_str().unwrap();
    assert!(seen.starts_with('<') && seen.len() == 14, "{seen}");
    let json = json!({ "grant_type": "refresh_token", "refresh_token": "1//secret" });
    ask(&mock, &json.to_string()).await;
    ask(&mock, "1//secret").await;
    let text = serde_json::to_string(&mock.journal("").await).unwrap();
    assert!(
        !text.contains(&assertion) && !text.contains("1//secret"),
        "{text}"
    );
}

#[tokio::test]
async fn the_metadata_server_says_whose_it_is() {
    let mock = start().await;
    let token = metadata(&mock, &format!("{ACCOUNT}/token?scopes=x")).await;
    assert_eq!(token.header("metadata-flavor"), Some("Google"));
    assert_eq!(token.header("content-type"), Some("application/json"));
    assert_eq!(token.json()["expires_in"], 3599);
    let account = metadata(&mock, &format!("{ACCOUNT}/?recursive=true")).await;
    let email = metadata(&mock, &format!("{ACCOUNT}/email")).await;
    assert_eq!(account.json()["email"], email.text());
    let project = metadata(&mock, "/computeMetadata/v1/project/project-id").await;
    assert_eq!(project.text(), "mock-project");
    for ping in ["/", "/computeMetadata/v1/instance"] {
        let reply = metadata(&mock, ping).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("metadata-flavor"), Some("Google"));
    }
    let missing = metadata(&mock, "/computeMetadata/v1/instance/nothing").await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn the_metadata_server_refuses_who_does_not_name_it() {
    let mock = start().await;
    let reply = mock.get(&format!("{ACCOUNT}/token")).await;
    assert_eq!(reply.status, 403);
    assert!(!reply.text().contains("access_token"));
}

#[tokio::test]
async fn the_metadata_server_has_what_clients_ask_for_at_their_start() {
    let mock = start().await;
    let ask = async |path: &str| metadata(&mock, &format!("/computeMetadata/v1/{path}")).await;
    for (path, text) in [
        ("project/project-id", "mock-project"),
        ("project/numeric-project-id", "12345678"),
        ("instance/zone", "projects/12345678/zones/us-central1-a"),
        ("universe/universe-domain", "googleapis.com"),
        (
            "instance/service-accounts/",
            "default/\nimage-mock@mock-project.iam.gserviceaccount.com/\n",
        ),
        (
            "instance/service-accounts/default/",
            "aliases\nemail\nscopes\n",
        ),
        (
            "instance/service-accounts/default/scopes",
            "https://www.googleapis.com/auth/cloud-platform\n",
        ),
    ] {
        let reply = ask(path).await;
        assert_eq!((reply.status, reply.text()), (200, text), "{path}");
        assert_eq!(reply.header("metadata-flavor"), Some("Google"));
    }
    let all = ask("instance/?recursive=true").await.json();
    let account = &all["serviceAccounts"]["default"];
    assert_eq!(account["aliases"], json!(["default"]));
    assert_eq!(
        account,
        &ask("instance/service-accounts/default/?recursive=true")
            .await
            .json()
    );
    assert_eq!(
        ask("project/numeric-project-id?alt=json").await.json(),
        json!(12_345_678)
    );
    let identity =
        ask("instance/service-accounts/default/identity?audience=https://a.example&format=full")
            .await;
    let claims = identity.text().split('.').nth(1).unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["aud"], "https://a.example");
    assert_eq!(claims["email"], account["email"]);
    assert_eq!(
        ask("instance/service-accounts/default/identity")
            .await
            .status,
        400
    );
    let own = account["email"].as_str().unwrap().replace('@', "%40");
    let token = ask(&format!("instance/service-accounts/{own}/token")).await;
    assert!(token.json()["access_token"].is_string());
    let reply = Reply::of(
        mock.request(Method::POST, &format!("{ACCOUNT}/email"))
            .header("metadata-flavor", "Google"),
    )
    .await;
    assert_eq!(reply.status, 405);
}

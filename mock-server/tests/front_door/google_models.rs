//! The models of the Gemini API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::google_generate::{asking, gemini};
use crate::support::{KEY, Mock, Reply, start, start_with};

async fn ask(mock: &Mock, path: &str) -> Reply {
    let request = mock.request(Method::GET, path);
    Reply::of(request.header("x-goog-api-key", KEY)).await
}

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let models = reply.json()["models"].take();
    let names = models.as_array().unwrap().iter();
    names
        .map(|model| model["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn both_versions_list_what_answers() {
    let mock = start().await;
    for path in ["/v1/models", "/v1beta/models", "/v1beta/models?key=abc"] {
        let reply = ask(&mock, path).await;
        let ids = ids(&reply);
        assert!(
            ids.contains(&"models/gemini-2.5-flash-image".to_owned()),
            "{ids:?}"
        );
        assert!(
            ids.contains(&"models/gemini-3-pro-image-preview".to_owned()),
            "{ids:?}"
        );
        let entry = mock.last_entry().await;
        assert_eq!(entry.operation.as_deref(), Some("models.list"));
        assert_eq!(entry.provider.as_deref(), Some("gemini"));
    }
    let openai = mock.get_with_key("/v1/models").await;
    assert_eq!(openai.json()["object"], "list");
    assert_eq!(mock.get("/v1beta/models").await.status, 403);
}

#[tokio::test]
async fn pages_follow_one_another() {
    let mock = start().await;
    let all = ids(&ask(&mock, "/v1beta/models").await);
    let first = ask(&mock, "/v1beta/models?pageSize=3").await;
    let token = first.json()["nextPageToken"].take();
    let rest = format!(
        "/v1beta/models?pageSize=1000&pageToken={}",
        token.as_str().unwrap()
    );
    let rest = ask(&mock, &rest).await;
    assert_eq!(rest.json().get("nextPageToken"), None);
    assert_eq!([ids(&first), ids(&rest)].concat(), all);
}

#[tokio::test]
async fn one_model_says_how_it_is_called() {
    let mock =
        start_with(|settings| settings.as_of = Some(time::macros::date!(2026 - 10 - 02))).await;
    let model = ask(&mock, "/v1beta/models/imagen-3.0-generate-002")
        .await
        .json();
    assert_eq!(model["name"], "models/imagen-3.0-generate-002");
    assert_eq!(model["supportedGenerationMethods"], json!(["predict"]));
    for missing in ["gemini-9", "gemini-2.5-flash-image"] {
        let (status, error) = ask(&mock, &format!("/v1/models/{missing}")).await.error();
        assert_eq!((status, &error["status"]), (404, &Value::from("NOT_FOUND")));
    }
    let listed = ids(&ask(&mock, "/v1/models").await);
    assert!(!listed.contains(&"models/gemini-2.5-flash-image".to_owned()));
}

#[tokio::test]
async fn tokens_are_counted_without_the_model() {
    let mock = start().await;
    let path = "/v1beta/models/gemini-2.5-flash-image:countTokens";
    let body = asking("a red fox");
    let limited = asking("a red fox [[mock:rate-limit]]");
    assert_eq!(gemini(&mock, path, &limited).await.status, 429);
    let counted = gemini(&mock, path, &body).await.json();
    let asked = gemini(
        &mock,
        &path.replace("countTokens", "generateContent"),
        &body,
    )
    .await
    .json();
    assert_eq!(
        counted["totalTokens"],
        asked["usageMetadata"]["promptTokenCount"]
    );
    let wrapped = json!({ "generateContentRequest": body });
    assert_eq!(gemini(&mock, path, &wrapped).await.json(), counted);
    let (status, error) = gemini(&mock, &path.replace("2.5", "9"), &body)
        .await
        .error();
    let text = error["message"].as_str().unwrap();
    assert_eq!(status, 404);
    assert!(text.contains("is not supported for countTokens"), "{text}");
}

#[tokio::test]
async fn the_latest_model_is_named_by_what_it_is() {
    let mock = start().await;
    let path = "/v1beta/models/gemini-flash-latest:generateContent";
    let answer = gemini(&mock, path, &asking("hello")).await.json();
    assert_eq!(answer["modelVersion"], "gemini-3.6-flash");
    let details = &answer["usageMetadata"]["candidatesTokensDetails"];
    assert_eq!(details[0]["modality"], "TEXT");
}

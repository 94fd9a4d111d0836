//! What is answered instead of success: where it comes from, and for how long.

use mock_server::MockServer;
use mock_server::catalogue::{Catalogue, ErrorRow, ImagesLeft};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{GENERATIONS, Mock, Reply, TOKEN, events, running, small, start, streamed};

fn told(name: &str) -> String {
    format!("a fox [[mock:{name}]]")
}

async fn outcomes(mock: &Mock, prompt: &str, calls: usize) -> Vec<String> {
    let mut outcomes = Vec::new();
    for _ in 0..calls {
        outcomes.push(mock.generate(&small(prompt)).await.outcome());
    }
    outcomes
}

const LIMIT: &str = "rate_limit_exceeded";

fn check_condition(row: &ErrorRow, reply: &Reply) {
    assert_eq!(reply.status, row.status, "{}", row.id);
    if let Some(effect) = &row.effect {
        let left = match effect.images {
            ImagesLeft::None => 0,
            ImagesLeft::OneLess => 1,
        };
        assert_eq!(reply.images().len(), left, "{}", row.id);
    } else if let Some(text) = &row.text {
        assert_eq!(
            reply.header("content-type"),
            Some(text.content_type.as_str())
        );
        assert_eq!(reply.text(), text.body);
    } else {
        let expected = Value::Object(row.body.clone().unwrap());
        let (_, error) = reply.error();
        for member in ["type", "code", "param"] {
            assert_eq!(error[member], expected["error"][member], "{}", row.id);
        }
        let message = error["message"].as_str().unwrap();
        assert!(
            !message.is_empty() && !message.contains(['{', '}']),
            "{message}"
        );
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn every_condition_answers_as_its_row_says() {
    let mock = start().await;
    let catalogue = Catalogue::builtin("openai").unwrap();
    for row in catalogue.conditions() {
        let mut body = small(&told(&row.id));
        body["n"] = json!(2);
        let reply = mock.generate(&body).await;
        check_condition(row, &reply);
        let entry = mock.last_entry().await;
        assert_eq!(entry.answer.unwrap().summary.condition, row.id);
        let seen = entry.scenario.unwrap();
        assert_eq!(
            (seen.source, seen.applied),
            ("prompt".to_owned(), row.id.clone())
        );
    }
}

#[tokio::test]
async fn parameters_are_filled_in() {
    let mock = start().await;
    let reply = mock
        .generate(&small(&told("rate-limit;retry-after=7")))
        .await;
    assert_eq!(reply.header("retry-after"), Some("7"));
    assert_eq!(reply.header("retry-after-ms"), Some("7000"));
    let (_, error) = reply.error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("Rate limit reached for gpt-image-1 in organization org-"),
        "{message}"
    );
    assert!(
        message.contains("Requested 1. Please try again in 7s."),
        "{message}"
    );

    let half = mock
        .generate(&small(&told("rate-limit;retry-after=0.5")))
        .await;
    assert_eq!(half.header("retry-after"), Some("1"));
    assert_eq!(half.header("retry-after-ms"), Some("500"));
    let plain = mock.generate(&small(&told("rate_limit"))).await;
    assert_eq!(plain.header("retry-after"), Some("1"));
    let blocked = mock
        .generate(&small(&told("moderation-blocked;violation=violence")))
        .await;
    let (_, error) = blocked.error();
    assert_eq!(
        error["moderation_details"]["categories"],
        json!(["violence"])
    );
    let id = blocked.header("x-request-id").unwrap();
    assert!(error["message"].as_str().unwrap().contains(id));
}

#[tokio::test]
async fn a_parameter_that_nothing_takes_is_refused() {
    let mock = start().await;
    for (text, expected) in [
        (
            "quota;retry-afer=7",
            "'quota' has no parameter 'retry-afer': it takes ",
        ),
        (
            "gzip;level=1",
            "'gzip' has no parameter 'level': it takes none",
        ),
        (
            "rate-limit;retry-after=soon",
            "'rate-limit;retry-after=soon': expected a number of seconds",
        ),
    ] {
        let (status, error) = mock.generate(&small(&told(text))).await.error();
        let message = error["message"].as_str().unwrap();
        assert_eq!(status, 400);
        assert!(message.starts_with(expected), "{message}");
        let path = "/_mock/scenario";
        let reply = mock.put(path, &json!({ "scenario": text })).await;
        assert_eq!(reply.status, 400);
        assert!(reply.text().contains(expected), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_refused_call_takes_its_item_of_the_script() {
    let mock = start().await;
    mock.script(&json!(["moderation-blocked", "rate-limit", "ok"]))
        .await;
    let prompt = format!("a fox [[case:{TOKEN}]]");
    let mut wrong = small(&prompt);
    wrong["size"] = json!("1x1");
    assert_eq!(mock.generate(&wrong).await.outcome(), "invalid_value");
    let request = mock.request(Method::POST, GENERATIONS);
    let request = request.header("content-type", "application/json");
    let stranger = request.bearer_auth("invalid").body(wrong.to_string());
    assert_eq!(Reply::of(stranger).await.status, 401);
    assert_eq!(mock.generate(&small(&prompt)).await.outcome(), "ok");
    let page = mock.journal("").await;
    let beyond = page.entries.iter().filter_map(|e| e.scenario.as_ref());
    assert!(beyond.clone().all(|seen| !seen.beyond_script));
    assert_eq!(beyond.count(), 3);
}

#[tokio::test]
async fn script_before_prompt_before_header_before_global() {
    let mock = start().await;
    let put = mock
        .put("/_mock/scenario", &json!({ "scenario": "quota" }))
        .await;
    assert_eq!(put.status, 200);
    mock.script(&json!(["overloaded"])).await;
    let call = |prompt: String, header: Option<&'static str>| {
        let request = mock.post(&small(&prompt));
        match header {
            Some(text) => request.header("x-mock-scenario", text),
            None => request,
        }
    };
    let marked = format!("a fox [[case:{TOKEN}]] [[mock:rate-limit]]");
    let header = Some("server_error");
    for (prompt, header, source, code) in [
        (marked, header, "script", json!("server_is_overloaded")),
        (told("rate-limit"), header, "prompt", json!(LIMIT)),
        ("a fox".to_owned(), header, "header", json!(null)),
        (
            "a fox".to_owned(),
            None,
            "global",
            json!("insufficient_quota"),
        ),
    ] {
        let (_, error) = Reply::of(call(prompt, header)).await.error();
        assert_eq!(error["code"], code);
        let seen = mock.last_entry().await.scenario.unwrap();
        assert_eq!(seen.source, source);
    }
    let off = mock
        .put("/_mock/scenario", &json!({ "scenario": null }))
        .await;
    assert_eq!(off.status, 200);
    assert_eq!(outcomes(&mock, "a fox", 1).await, ["ok"]);
    assert!(mock.last_entry().await.scenario.is_none());
}

#[tokio::test]
async fn ok_overrules_what_stands_behind_it() {
    let server = MockServer::builder()
        .scenario("quota")
        .start()
        .await
        .unwrap();
    let mock = running(server);
    assert_eq!(outcomes(&mock, "a fox", 1).await, ["insufficient_quota"]);
    assert_eq!(outcomes(&mock, &told("ok"), 1).await, ["ok"]);
    assert_eq!(outcomes(&mock, &told("ok,delay=1ms"), 1).await, ["ok"]);
    assert_eq!(
        mock.last_entry().await.scenario.unwrap().applied,
        "delay=1ms"
    );
}

#[tokio::test]
async fn without_a_count_it_is_for_ever() {
    let mock = start().await;
    assert_eq!(outcomes(&mock, &told("rate-limit"), 4).await, [LIMIT; 4]);
    assert_eq!(
        outcomes(&mock, &told("rate-limit*all"), 4).await,
        [LIMIT; 4]
    );
}

#[tokio::test]
async fn a_count_is_of_credential_and_prompt_and_starts_over_after_a_success() {
    let mock = start().await;
    let twice = told("rate-limit*2");
    assert_eq!(outcomes(&mock, &twice, 1).await, [LIMIT]);
    let other_prompt = twice.replace("fox", "cat");
    assert_eq!(
        outcomes(&mock, &other_prompt, 3).await,
        [LIMIT, LIMIT, "ok"]
    );
    let request = mock.request(Method::POST, GENERATIONS).bearer_auth("sk-2");
    let reply = Reply::of(request.body(small(&twice).to_string())).await;
    assert_eq!(reply.outcome(), LIMIT);
    let rest = outcomes(&mock, &twice, 5).await;
    assert_eq!(rest, [LIMIT, "ok", LIMIT, LIMIT, "ok"]);
}

#[tokio::test]
async fn a_count_is_of_the_header_where_there_is_one() {
    let mock = start().await;
    let call = async |prompt: &str, key: &str, header: &str| {
        let request = mock.request(Method::POST, GENERATIONS).bearer_auth(key);
        let request = request.header("x-mock-scenario", header);
        Reply::of(request.body(small(prompt).to_string()))
            .await
            .outcome()
    };
    assert_eq!(call("a fox", "sk-1", "rate-limit*2").await, LIMIT);
    assert_eq!(call("a cat", "sk-2", "rate-limit*2").await, LIMIT);
    assert_eq!(
        call("a cat", "sk-2", "rate-limit*1").await,
        LIMIT,
        "another value"
    );
    assert_eq!(call("a dog", "sk-3", "rate-limit*2").await, "ok");
    assert_eq!(call("a dog", "sk-3", "rate-limit*2").await, LIMIT);
}

#[tokio::test]
async fn a_count_is_of_the_token_where_there_is_one() {
    let mock = start().await;
    let call = async |prompt: &str, key: &str, token: &str| {
        let prompt = format!("{prompt} [[case:{token}]] [[mock:rate-limit*2]]");
        let request = mock.request(Method::POST, GENERATIONS).bearer_auth(key);
        Reply::of(request.body(small(&prompt).to_string()))
            .await
            .outcome()
    };
    assert_eq!(call("a fox", "sk-1", TOKEN).await, LIMIT);
    assert_eq!(call("a cat", "sk-2", TOKEN).await, LIMIT);
    assert_eq!(
        call("a fox", "sk-1", "zzzzzzzzzz").await,
        LIMIT,
        "another token"
    );
    assert_eq!(call("a dog", "sk-3", TOKEN).await, "ok");
    assert_eq!(call("a dog", "sk-3", TOKEN).await, LIMIT);
}

#[tokio::test]
async fn a_script_goes_call_by_call_and_then_answers_ok() {
    let mock = start().await;
    let prompt = format!("a fox [[case:{TOKEN}]]");
    mock.script(&json!(["rate-limit*2", { "do": "quota" }, "ok"]))
        .await;
    let expected = [LIMIT, LIMIT, "insufficient_quota", "ok", "ok"];
    assert_eq!(outcomes(&mock, &prompt, 5).await, expected);
    let page = mock.journal(&format!("case={TOKEN}")).await;
    let beyond = page
        .entries
        .iter()
        .map(|entry| entry.scenario.as_ref().unwrap().beyond_script);
    assert_eq!(
        beyond.collect::<Vec<_>>(),
        [false, false, false, false, true]
    );

    mock.script(&json!(["quota*all", "ok"])).await;
    assert_eq!(outcomes(&mock, &prompt, 3).await, ["insufficient_quota"; 3]);
    let path = format!("/_mock/scripts/{TOKEN}");
    assert_eq!(mock.command(Method::DELETE, &path).await.status, 200);
    assert_eq!(outcomes(&mock, &prompt, 1).await, ["ok"]);
    assert!(mock.last_entry().await.scenario.is_none());
}

#[tokio::test]
async fn the_library_scripts_as_well() {
    let mock = start().await;
    mock.server.script(TOKEN, ["quota", "ok"]).unwrap();
    let prompt = format!("a fox [[case:{TOKEN}]]");
    assert_eq!(
        outcomes(&mock, &prompt, 2).await,
        ["insufficient_quota", "ok"]
    );
    assert_eq!(mock.server.journal(TOKEN).entries.len(), 2);
    let error = mock.server.script("TOKEN", ["ok"]).unwrap_err().to_string();
    assert!(error.contains("'TOKEN' is no token"), "{error}");
    let error = mock
        .server
        .script(TOKEN, ["ok", "oj"])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("at /answers/1: unknown scenario 'oj': did you mean 'ok'"),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_name_is_a_400_that_an_sdk_shows() {
    let mock = start().await;
    for (request, name, nearest) in [
        (
            mock.post(&small(&told("rate-limt"))),
            "rate-limt",
            "did you mean 'rate-limit'",
        ),
        (
            mock.post(&small("a fox")).header("x-mock-scenario", "hnag"),
            "hnag",
            "'hang'",
        ),
        (
            mock.post(&small("a fox")).header("x-mock-scenario", "ключ"),
            "",
            "",
        ),
    ] {
        let reply = Reply::of(request).await;
        let (status, error) = reply.error();
        let message = error["message"].as_str().unwrap();
        assert_eq!(status, 400);
        assert!(
            message.starts_with(&format!("unknown scenario '{name}")),
            "{message}"
        );
        assert!(message.contains(nearest), "{message}");
        assert_eq!(error["type"], "mock_scenario_error");
        assert_eq!(reply.header("x-should-retry"), Some("false"));
        assert!(reply.header("x-request-id").is_some());
    }
}

#[tokio::test]
async fn the_request_itself_goes_before_conditions_of_the_content() {
    let mock = start().await;
    let mut body = small(&told("moderation-blocked"));
    body["size"] = json!("3x3");
    assert_eq!(mock.generate(&body).await.outcome(), "invalid_value");
    let mut body = small(&told("server-error"));
    body["size"] = json!("3x3");
    assert_eq!(mock.generate(&body).await.status, 500);
}

#[tokio::test]
async fn a_condition_before_the_stream_is_no_stream_and_no_image_ends_without_one() {
    let mock = start().await;
    let reply = mock.generate(&streamed(&told("server-error"), 1)).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (500, Some("application/json"))
    );
    let reply = mock.generate(&streamed(&told("no-image"), 1)).await;
    let events = events(reply.text());
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["image_generation.partial_image"]);
    let empty = mock.generate(&streamed(&told("no-image"), 0)).await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
}

#[tokio::test]
async fn scenarios_apply_to_operations_only() {
    let server = MockServer::builder()
        .scenario("reset")
        .start()
        .await
        .unwrap();
    let mock = running(server);
    assert_eq!(mock.get("/files/x.png").await.status, 404);
    assert_eq!(mock.get("/v1/nothing").await.status, 404);
    assert_eq!(mock.get("/_mock/health").await.status, 200);
    assert!(mock.last_entry().await.scenario.is_none());
    assert!(mock.post(&small("a fox")).send().await.is_err());
}

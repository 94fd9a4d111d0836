//! `streamGenerateContent`: SSE with CRLF, the array of JSON, errors before and inside.

use serde_json::{Value, json};

use crate::google_generate::{GEMINI, VERTEX, asking, gemini, vertex};
use crate::support::{Picture, start};

fn streamed(path: &str) -> String {
    path.replace(":generate", ":streamGenerate")
}

fn sse(text: &str) -> Vec<Value> {
    let events = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n\r\n");
    events
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

fn image(chunks: &[Value]) -> Picture {
    let data =
        |chunk: &Value| chunk["candidates"][0]["content"]["parts"][0]["inlineData"]["data"].clone();
    let found = chunks.iter().map(data).find(Value::is_string);
    Picture::of_base64(&found.unwrap())
}

#[tokio::test]
async fn sse_has_crlf_and_no_event_lines() {
    let mock = start().await;
    let path = streamed(GEMINI) + "?alt=sse";
    let reply = gemini(&mock, &path, &asking("a fox")).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.header("content-disposition"), Some("attachment"));
    assert!(
        reply
            .text()
            .starts_with("data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": ")
    );
    let chunks = sse(reply.text());
    assert_eq!(image(&chunks).size(), (1024, 1024));
    let last = chunks.last().unwrap();
    let end = json!({ "content": { "role": "model" }, "finishReason": "STOP", "index": 0 });
    assert_eq!(last["candidates"][0], end);
    let counts = chunks
        .iter()
        .map(|chunk| chunk["usageMetadata"]["totalTokenCount"].as_u64().unwrap());
    assert!(counts.is_sorted());

    let reply = vertex(&mock, &(streamed(VERTEX) + "?alt=sse"), &asking("a fox")).await;
    let chunks = sse(reply.text());
    assert_eq!(
        chunks[0]["usageMetadata"],
        json!({ "trafficType": "ON_DEMAND" })
    );
    assert_eq!(
        chunks.last().unwrap()["candidates"][0]["content"]["parts"],
        json!([{ "text": "" }])
    );
}

#[tokio::test]
async fn without_sse_it_is_one_array() {
    let mock = start().await;
    for query in ["", "?%24alt=json%3Benum-encoding%3Dint"] {
        let reply = vertex(&mock, &(streamed(VERTEX) + query), &asking("a fox")).await;
        assert_eq!(
            reply.header("content-type"),
            Some("application/json; charset=UTF-8")
        );
        assert!(reply.text().contains("}\n,\r\n{") && reply.text().ends_with("}\n]"));
        let chunks = reply.json().as_array().unwrap().clone();
        assert_eq!(image(&chunks).size(), (1024, 1024));
        let reason = &chunks.last().unwrap()["candidates"][0]["finishReason"];
        let wanted = if query.is_empty() {
            json!("STOP")
        } else {
            json!(1)
        };
        assert_eq!(*reason, wanted);
    }
}

#[tokio::test]
async fn an_error_before_the_stream_keeps_the_media_type() {
    let mock = start().await;
    let body = asking("a fox [[mock:overloaded]]");
    let reply = gemini(&mock, &(streamed(GEMINI) + "?alt=sse"), &body).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (503, Some("text/event-stream"))
    );
    assert_eq!(reply.json()["error"]["status"], "UNAVAILABLE");
    let reply = gemini(&mock, &streamed(GEMINI), &body).await;
    assert_eq!(reply.json()[0]["error"]["status"], "UNAVAILABLE");
}

#[tokio::test]
async fn an_error_inside_the_stream_is_bare_unless_a_frame_is_asked_for() {
    let mock = start().await;
    let path = streamed(GEMINI) + "?alt=sse";
    let reply = gemini(
        &mock,
        &path,
        &asking("a fox [[mock:stream-error=overloaded]]"),
    )
    .await;
    let (events, error) = reply.text().rsplit_once("\r\n\r\n").unwrap();
    assert!(events.starts_with("data: "));
    // It comes instead of the image, which the journal does not count either.
    assert!(!events.contains("inlineData"), "{events}");
    let call = &mock.journal("").await.entries[0];
    assert!(call.answer.as_ref().unwrap().summary.images.is_empty());
    assert!(
        error.starts_with("{\n  \"error\": {\n    \"code\": 503"),
        "{error}"
    );
    let framed = asking("a fox [[mock:stream-error;framed=true]]");
    let reply = gemini(&mock, &path, &framed).await;
    assert_eq!(sse(reply.text()).last().unwrap()["error"]["code"], 500);
    let body = asking("a fox [[mock:stream-error]]");
    let reply = gemini(&mock, &streamed(GEMINI), &body).await;
    let chunks = reply.json();
    assert_eq!(
        chunks.as_array().unwrap().last().unwrap()["error"]["code"],
        500
    );
}

#[tokio::test]
async fn an_error_instead_of_the_only_event_opens_the_stream() {
    let mock = start().await;
    let body = asking("a fox [[mock:output-blocked,stream-error=overloaded]]");
    let reply = gemini(&mock, &streamed(GEMINI), &body).await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.text().starts_with("[{\n  \"error\""),
        "{}",
        reply.text()
    );
    assert!(reply.text().ends_with("}\n]"));
    assert_eq!(reply.json().as_array().unwrap().len(), 1);
    let reply = gemini(&mock, &(streamed(GEMINI) + "?alt=sse"), &body).await;
    assert!(
        reply.text().starts_with("{\n  \"error\""),
        "{}",
        reply.text()
    );
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
}

#[tokio::test]
async fn words_come_a_few_at_a_time_and_the_image_whole() {
    let mock = start().await;
    let reply = gemini(&mock, &(streamed(GEMINI) + "?alt=sse"), &asking("a fox")).await;
    let chunks = sse(reply.text());
    assert_eq!(chunks.len(), 5);
    let counts: Vec<_> = chunks
        .iter()
        .map(|chunk| {
            chunk["usageMetadata"]["candidatesTokenCount"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert!(counts[0] < counts[1] && counts[1] < counts[2], "{counts:?}");
    assert_eq!(counts[3], counts[2] + 1290);
    assert_eq!(counts[4], counts[3]);
    let words = chunks[..3].iter().map(|chunk| {
        let parts = &chunk["candidates"][0]["content"]["parts"];
        parts[0]["text"].as_str().unwrap().to_owned()
    });
    assert_eq!(
        words.collect::<String>(),
        "Here is the image you asked for: "
    );
    let reply = vertex(&mock, &(streamed(VERTEX) + "?alt=sse"), &asking("a fox")).await;
    let chunks = sse(reply.text());
    let rated = |chunk: &Value| chunk["candidates"][0].get("safetyRatings").cloned();
    let ratings: Vec<_> = chunks.iter().map(rated).collect();
    assert_eq!(ratings.iter().flatten().count(), 1);
    let ratings = ratings[3].as_ref().unwrap().as_array().unwrap();
    assert_eq!(ratings.len(), 4);
    assert_eq!(
        ratings[0],
        json!({ "category": "HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT" })
    );
}

#[tokio::test]
async fn an_unknown_model_is_named_as_without_a_stream() {
    let mock = start().await;
    let path = streamed(GEMINI).replace("2.5", "9") + "?alt=sse";
    let (status, error) = gemini(&mock, &path, &asking("a fox")).await.error();
    let text = error["message"].as_str().unwrap();
    assert_eq!(status, 404);
    assert!(
        text.contains("is not supported for generateContent. Call"),
        "{text}"
    );
}

#[tokio::test]
async fn a_blocked_prompt_is_one_event() {
    let mock = start().await;
    let path = streamed(GEMINI) + "?alt=sse";
    let reply = gemini(&mock, &path, &asking("a fox [[mock:moderation-blocked]]")).await;
    let chunks = sse(reply.text());
    assert_eq!(chunks.len(), 1);
    assert_eq!(
        chunks[0]["promptFeedback"]["blockReason"],
        "PROHIBITED_CONTENT"
    );
}

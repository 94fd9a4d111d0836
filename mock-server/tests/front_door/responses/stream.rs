//! Streams of responses: the order of events and items.

use serde_json::{Value, json};

use super::{asked, send};
use crate::support::{Picture, events, names, start};

#[tokio::test]
async fn events_come_in_the_recorded_order() {
    let mock = start().await;
    let mut body = asked("a fox", &json!({ "partial_images": 2, "quality": "low" }));
    body["stream"] = json!(true);
    let reply = send(&mock, &body).await;
    let events = events(reply.text());
    let kinds: Vec<_> = events
        .iter()
        .map(|(name, _)| name.strip_prefix("response.").unwrap_or(name))
        .collect();
    assert_eq!(
        kinds,
        [
            "created",
            "in_progress",
            "output_item.added",
            "image_generation_call.in_progress",
            "image_generation_call.generating",
            "keepalive",
            "image_generation_call.partial_image",
            "image_generation_call.partial_image",
            "image_generation_call.completed",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
    );
    for (at, (name, data)) in events.iter().enumerate() {
        assert_eq!(
            (&data["type"], &data["sequence_number"]),
            (&json!(name), &json!(at))
        );
        let members = names(data);
        assert!(
            members[0] == "type" && members[1..].is_sorted(),
            "{members:?}"
        );
    }
    let partial = |at: usize| {
        Picture::of_base64(&events[at].1["partial_image_b64"])
            .strip()
            .partial
    };
    assert_eq!((partial(6), partial(7)), (Some(0), Some(1)));
    let result = &events[9].1["item"]["result"];
    assert_eq!(Picture::of_base64(result).strip().partial, None);
    assert_eq!(&events[15].1["response"]["output"][0]["result"], result);

    body["input"] = json!("a fox [[mock:stream-error]]");
    let reply = send(&mock, &body).await;
    let events = crate::support::events(reply.text());
    assert_eq!(events.len(), 9);
    assert_eq!(
        (events[8].0.as_str(), names(&events[8].1).join(" ")),
        (
            "error",
            "type code message param sequence_number".to_owned()
        )
    );
    assert_eq!(
        (&events[8].1["sequence_number"], &events[8].1["param"]),
        (&json!(8), &json!(null))
    );
}

#[tokio::test]
async fn a_stream_without_partial_images_sends_the_final_one_as_such() {
    let mock = start().await;
    let mut body = asked("a fox", &json!({ "quality": "low" }));
    body["stream"] = json!(true);
    let events = events(send(&mock, &body).await.text());
    let partials = events
        .iter()
        .filter_map(|(_, data)| data.get("partial_image_b64"));
    let partials: Vec<_> = partials.collect();
    let done = events
        .iter()
        .find_map(|(_, data)| data["item"].get("result"));
    assert_eq!(partials, [done.unwrap()]);
    let summary = mock.last_entry().await.answer.unwrap().summary;
    assert_eq!(summary.partial_images, summary.images);
}

#[tokio::test]
async fn models_that_reason_say_so_around_the_call() {
    let mock = start().await;
    let mut body = asked("a fox", &json!({ "quality": "low" }));
    body["model"] = json!("gpt-5");
    let whole = send(&mock, &body).await.json();
    let kinds = |output: &Value| {
        let items = output.as_array().unwrap().iter();
        items
            .map(|item| item["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let three = ["reasoning", "image_generation_call", "message"];
    assert_eq!(kinds(&whole["output"]), three);
    assert_eq!(names(&whole["output"][0]), ["id", "type", "summary"]);
    assert_eq!(whole["reasoning"]["effort"], "medium");
    let usage = &whole["usage"];
    assert_eq!(usage["output_tokens_details"]["reasoning_tokens"], 1152);
    assert!(usage["output_tokens"].as_u64() > Some(1152));

    body["stream"] = json!(true);
    let told = events(send(&mock, &body).await.text());
    let items: Vec<_> = told
        .iter()
        .filter(|(name, _)| name.contains("output_item"))
        .map(|(name, data)| {
            let step = name.rsplit('.').next().unwrap();
            (
                step,
                data["output_index"].as_u64().unwrap(),
                data["item"]["type"].as_str().unwrap(),
            )
        })
        .collect();
    let both = |at: usize| {
        [
            ("added", at as u64, three[at]),
            ("done", at as u64, three[at]),
        ]
    };
    assert_eq!(items, [both(0), both(1), both(2)].concat());
    assert_eq!(kinds(&told.last().unwrap().1["response"]["output"]), three);

    body["stream"] = json!(false);
    body["include"] = json!(["reasoning.encrypted_content"]);
    let whole = send(&mock, &body).await.json();
    assert!(whole["output"][0]["encrypted_content"].is_string());
    body["reasoning"] = json!({ "effort": "none" });
    let whole = send(&mock, &body).await.json();
    assert_eq!(kinds(&whole["output"]), three[1..]);
    assert_eq!(whole["reasoning"]["effort"], "none");
}

#[tokio::test]
async fn a_scenario_leaves_the_end_of_the_call_out() {
    let mock = start().await;
    let mut body = asked(
        "a fox [[mock:ok;call=generating]]",
        &json!({ "quality": "low" }),
    );
    body["stream"] = json!(true);
    let told = events(send(&mock, &body).await.text());
    assert!(
        told.iter()
            .all(|(name, _)| !name.ends_with("call.completed"))
    );
    let done = told
        .iter()
        .find(|(_, data)| data["item"].get("result").is_some());
    assert_eq!(done.unwrap().1["item"]["status"], "generating");
    let (name, last) = told.last().unwrap();
    assert_eq!(name, "response.completed");
    assert_eq!(last["response"]["output"][0]["status"], "generating");
    assert_eq!(last["response"]["status"], "completed");
}

//! Mutants that nobody wrote down: whatever is changed at random in a gateway is caught by some case.

use mutation::Mutant;
use serde_json::{Value, json};

use crate::stage::Right;
use crate::{TURN, kill};

/// Each as a row without its names; `kills` is what any case may say.
fn mutants() -> Vec<Mutant> {
    let mut rows = vec![
        json!({ "seam": "upstream-request", "op": "json.swap", "at": "/size", "to": "/quality" }),
        json!({ "seam": "client-response", "op": "json.swap", "at": "/size", "to": "/quality" }),
        json!({ "seam": "client-response", "op": "text.insert", "at": "/data/*/b64_json", "value": "\n" }),
        json!({ "seam": "event", "op": "text.insert", "at": "/b64_json", "value": "\n" }),
        json!({ "seam": "client-response", "op": "hook.other-image" }),
        json!({ "seam": "upstream-request", "op": "hook.retry" }),
        json!({ "seam": "client-response", "op": "hook.echo-key", "value": "client", "when": { "status": "4xx" } }),
        json!({ "seam": "client-response", "op": "hook.echo-key", "value": "upstream", "when": { "status": "4xx" } }),
    ];
    let swapped = ["/input_tokens", "/output_tokens"].map(|name| format!("/usage{name}"));
    rows.push(
        json!({ "seam": "client-response", "op": "json.swap", "at": swapped[0], "to": swapped[1] }),
    );
    for event in ["first", "last"] {
        rows.push(json!({ "seam": "event", "op": "event.drop", "at": event }));
    }
    let named = |(index, row): (usize, Value)| {
        let mut row = row;
        row["id"] = format!("unannounced-{index}").into();
        row["summary"] = row.to_string().into();
        row["kills"] = json!(["anything"]);
        serde_json::from_value(row).unwrap()
    };
    rows.into_iter().enumerate().map(named).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_nobody_announced_is_caught() {
    let _turn = TURN.lock().await;
    let right = &Right::unseen("openai-images").await;
    // One instance of each case is enough.
    let mut all: Vec<_> = right.instances.iter().collect();
    all.dedup_by(|one, other| one.case.id == other.case.id);
    let results = mutants()
        .into_iter()
        .map(|mutant| kill::run(right, mutant, &all, true));
    let results = futures_util::future::join_all(results).await;
    let missed = results.iter().filter(|result| result.broken.is_empty());
    let missed: Vec<_> = missed.map(kill::Result::shown).collect();
    assert!(missed.is_empty(), "no case notices:\n{}", missed.join("\n"));
}

//! The native faces of the providers through a relay: right, it passes; with one fault it fails for the right
//! reason, whatever the protocol.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod own;
mod relay;

use serde_json::Value;

use crate::relay::{Fault, Rig};

/// The ids of the checks that failed, sorted.
pub(crate) fn failed(report: &Value) -> Vec<String> {
    let checks = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|case| case["checks"].as_array().unwrap());
    let failed = checks.filter(|check| check["verdict"] == "fail");
    let mut ids: Vec<_> = failed
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_a_fault_passes_every_face() {
    let rig = Rig::start(Fault::None).await;
    for profile in ["azure", "gemini", "openai", "vertex"] {
        let (code, output, report) = rig.run(profile, "**", "", &[]).await;
        assert_eq!(failed(&report), Vec::<String>::new(), "{profile}: {output}");
        assert_eq!(code, 0, "{profile}: {output}");
        assert!(report["summary"]["pass"].as_u64().unwrap() > 15, "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_never_came_is_no_money() {
    let rig = Rig::start(Fault::None).await;
    for profile in ["gemini", "vertex"] {
        let (code, output, report) = rig.run(profile, "stream/content/error", "", &[]).await;
        assert_eq!(code, 0, "{profile}: {output}");
        // The two are the sentinels' before and after.
        let money = serde_json::json!({ "asked": 1 + 2, "made": 2, "delivered": 2 });
        assert_eq!(report["money"], money, "{profile}: {output}");
    }
}

/// Profile, case, what the relay does wrong, the check that must fail.
const FAULTS: &[(&str, &str, Fault, &str)] = &[
    (
        "azure",
        "response/generations/deployment",
        Fault::Request("1024x1024", "1536x1024"),
        "images.size",
    ),
    (
        "openai-images",
        "response/edits/mask",
        Fault::Request("name=\"mask\"", "name=\"masc\""),
        "upstream.parts",
    ),
    (
        "openai-images",
        "response/edits/form",
        Fault::Request("IEND", "IENX"),
        "upstream.input_images",
    ),
    (
        "openai",
        "response/edits/several-images",
        Fault::Request("second.jpeg", "third.jpeg"),
        "upstream.parts",
    ),
    (
        "openai",
        "stream/edits/partial-images",
        Fault::Response("image_edit.completed", "image_edit.done"),
        "law.stream-order",
    ),
    (
        "openai",
        "response/chat/text",
        Fault::Response("\"finish_reason\": \"stop\"", "\"finish_reason\": null"),
        "json:/choices/0/finish_reason",
    ),
    (
        "openai",
        "response/chat/text",
        Fault::Response("total_tokens", "all_tokens"),
        "usage",
    ),
    (
        "openai",
        "response/chat/text",
        Fault::Response("\"choices\"", "\"chosen\""),
        "law.success-means-image",
    ),
    (
        "openai",
        "stream/chat/text",
        Fault::Response("data: [DONE]\n\n", ""),
        "law.stream-order",
    ),
    ("openai", "stream/chat/text", Fault::Buffers, "stream.held"),
    (
        "openai",
        "response/responses/image",
        Fault::Response("\"output_format\": \"png\"", "\"output_format\": \"webp\""),
        "law.images",
    ),
    (
        "openai",
        "stream/responses/image",
        Fault::Response("response.completed", "response.done"),
        "stream.end",
    ),
    (
        "openai",
        "response/models/list",
        Fault::Response("\"list\"", "\"set\""),
        "json:/object",
    ),
    (
        "gemini",
        "response/content/image",
        Fault::Response("image/png", "image/jpeg"),
        "law.images",
    ),
    (
        "gemini",
        "response/content/image",
        Fault::Response("inlineData", "inlinedata"),
        "images.count",
    ),
    (
        "gemini",
        "response/content/image",
        Fault::Twice,
        "law.paid-twice",
    ),
    (
        "gemini",
        "response/content/aspect-ratio",
        Fault::Request("16:9", "9:16"),
        "upstream.body:/generationConfig/imageConfig/aspectRatio",
    ),
    (
        "gemini",
        "stream/content/image",
        Fault::Buffers,
        "stream.held",
    ),
    (
        "gemini",
        "stream/content/list",
        Fault::Buffers,
        "stream.held",
    ),
    (
        "vertex",
        "stream/content/list",
        Fault::Response("finishReason", "finishreason"),
        "law.stream-order",
    ),
    (
        "gemini",
        "response/predict/images",
        Fault::Response("bytesBase64Encoded", "bytes"),
        "law.success-means-image",
    ),
    (
        "vertex",
        "errors/predict/rate-limit",
        Fault::Response("\"status\"", "\"state\""),
        "law.error-envelope",
    ),
    (
        "vertex",
        "errors/content/condition",
        Fault::Response("RESOURCE_EXHAUSTED", "EXHAUSTED"),
        "error",
    ),
    (
        "vertex",
        "stream/content/image",
        Fault::Response("finishReason", "finishreason"),
        "law.stream-order",
    ),
    (
        "vertex",
        "response/content/prompt-blocked",
        Fault::Response("blockReason", "blockreason"),
        "law.success-means-image",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_told_by_its_check() {
    let mut untold = Vec::new();
    for (profile, case, fault, check) in FAULTS {
        let rig = Rig::start(*fault).await;
        let features = "features = [\"images.edits\"]";
        let (code, output, report) = rig.run(profile, case, features, &[]).await;
        let failed = failed(&report);
        if code != 1 || !failed.contains(&(*check).to_owned()) {
            untold.push(format!(
                "{case} {fault:?}: exit {code}, {failed:?}: {output}"
            ));
        }
    }
    assert!(untold.is_empty(), "{}", untold.join("\n"));
}

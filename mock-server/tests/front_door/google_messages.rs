//! How Google's fronts read JSON: kinds, enums, oneofs, roles, versions, and the two ways to ask for an image.

use serde_json::{Value, json};

use crate::google_generate::{GEMINI, VERTEX, asking, gemini, picture, vertex};
use crate::support::{start, start_with};

const THREE: &str = "/v1beta/models/gemini-3-pro-image:generateContent";

fn with_config(config: Value) -> Value {
    let mut body = asking("a fox");
    body["generationConfig"] = config;
    body
}

fn with_parts(parts: &Value) -> Value {
    json!({ "contents": [{ "role": "user", "parts": parts }] })
}

fn text(error: &(u16, Value)) -> String {
    assert_eq!(
        (error.0, &error.1["status"]),
        (400, &json!("INVALID_ARGUMENT"))
    );
    error.1["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn enums_are_named_in_full_and_all_problems_are_told() {
    let mock = start().await;
    let body = with_config(json!({
        "responseModalities": ["PICTURE"],
        "responseFormat": { "image": { "aspectRatio": "3:2", "imageSize": "4K" } },
        "mediaResolution": 99,
    }));
    let lines = text(&gemini(&mock, GEMINI, &body).await.error());
    let package = "type.googleapis.com/google.ai.generativelanguage.v1beta";
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        [
            format!(
                "Invalid value at 'generation_config.response_modalities[0]' ({package}.GenerationConfig.Modality), \"PICTURE\""
            ),
            format!(
                "Invalid value at 'generation_config.response_format.image.aspect_ratio' ({package}.ImageResponseFormat.AspectRatio), \"3:2\""
            ),
            format!(
                "Invalid value at 'generation_config.response_format.image.image_size' ({package}.ImageResponseFormat.ImageSize), \"4K\""
            ),
            format!(
                "Invalid value at 'generation_config.media_resolution' ({package}.GenerationConfig.MediaResolution), 99"
            ),
        ]
    );
    let mut body = asking("a fox");
    body["safetySettings"] = json!([{ "category": "NONE" }]);
    let path = VERTEX.replace("/v1/", "/v1beta1/");
    let line = text(&vertex(&mock, &path, &body).await.error());
    assert_eq!(
        line,
        "Invalid value at 'safety_settings[0].category' (type.googleapis.com/google.cloud.aiplatform.v1beta1.HarmCategory), \"NONE\""
    );
}

#[tokio::test]
async fn enums_come_by_number_too() {
    let mock = start().await;
    // 8 is hate speech on the Gemini API; Vertex has it at 1.
    let mut body = with_config(json!({ "responseModalities": [2] }));
    body["safetySettings"] = json!([{ "category": 8, "threshold": 4 }]);
    let reply = gemini(&mock, GEMINI, &body).await;
    assert_eq!(picture(&reply).size(), (1024, 1024));
    body["safetySettings"][0]["category"] = json!(11);
    assert_eq!(gemini(&mock, GEMINI, &body).await.status, 200);
    assert_eq!(vertex(&mock, VERTEX, &body).await.status, 400);
    let int = "?%24alt=json%3Benum-encoding%3Dint";
    let blocked = asking("a fox [[mock:output-blocked;reason=PROHIBITED_CONTENT]]");
    let reason = |answer: Value| answer["candidates"][0]["finishReason"].clone();
    let answer = gemini(&mock, &format!("{GEMINI}{int}"), &blocked)
        .await
        .json();
    assert_eq!(reason(answer), 8);
    let answer = vertex(&mock, &format!("{VERTEX}{int}"), &blocked)
        .await
        .json();
    assert_eq!(reason(answer), 7);
    let answer = vertex(&mock, &format!("{VERTEX}{int}"), &asking("a fox"))
        .await
        .json();
    assert_eq!(answer["usageMetadata"]["trafficType"], 1);
    assert_eq!(answer["candidates"][0]["safetyRatings"][0]["category"], 10);
}

#[tokio::test]
async fn a_part_holds_one_thing_and_something() {
    let mock = start().await;
    let both = with_parts(
        &json!([{ "text": "a fox", "inlineData": { "mimeType": "image/png", "data": "AAAA" } }]),
    );
    assert_eq!(
        text(&gemini(&mock, GEMINI, &both).await.error()),
        "Invalid value at 'contents[0].parts[0]' (oneof), oneof field 'data' is already set. Cannot set 'inlineData'"
    );
    let empty = with_parts(&json!([{ "text": "a fox" }, {}, { "text": "" }]));
    let required = "required oneof field 'data' must have one initialized field\n";
    assert_eq!(
        text(&gemini(&mock, GEMINI, &empty).await.error()),
        format!(
            "* GenerateContentRequest.contents[0].parts[1].data: {required}* GenerateContentRequest.contents[0].parts[2].data: {required}"
        )
    );
    let line = text(&vertex(&mock, VERTEX, &empty).await.error());
    assert!(line.contains("at least one parts field"), "{line}");
    let signed =
        with_parts(&json!([{ "text": "a fox" }, { "text": "", "thoughtSignature": "AAAA" }]));
    assert_eq!(gemini(&mock, GEMINI, &signed).await.status, 200);
    let garbled = with_parts(&json!([{ "inlineData": { "mimeType": "image/png", "data": "!" } }]));
    assert_eq!(
        text(&gemini(&mock, GEMINI, &garbled).await.error()),
        "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding failed for \"!\""
    );
}

#[tokio::test]
async fn roles_temperature_and_members_differ_by_face() {
    let mock = start().await;
    let odd = json!({ "contents": [{ "role": "assistant", "parts": [{ "text": "a fox" }] }] });
    for error in [
        gemini(&mock, GEMINI, &odd).await.error(),
        vertex(&mock, VERTEX, &odd).await.error(),
    ] {
        assert_eq!(text(&error), "Please use a valid role: user, model.");
    }
    let hot = with_config(json!({ "temperature": 1000.0 }));
    assert_eq!(gemini(&mock, GEMINI, &hot).await.status, 200);
    let (status, error) = vertex(&mock, VERTEX, &hot).await.error();
    assert_eq!(status, 400);
    assert_eq!(
        error["message"],
        "Unable to submit request because it has a temperature value of 1000 but the supported range is from 0 (inclusive) to 2.0001 (exclusive). Update the value and try again."
    );
    assert_eq!(error["details"], json!([]));
    let output = with_config(
        json!({ "imageConfig": { "imageOutputOptions": { "mimeType": "image/jpeg", "compressionQuality": 60 } } }),
    );
    assert_eq!(
        picture(&vertex(&mock, VERTEX, &output).await).mime(),
        "image/jpeg"
    );
    let line = text(&gemini(&mock, GEMINI, &output).await.error());
    assert!(line.starts_with("Invalid JSON payload received. Unknown name \"imageOutputOptions\" at 'generation_config.image_config'"), "{line}");
}

#[tokio::test]
async fn the_newer_way_to_ask_has_names_for_ratio_and_size() {
    let mock = start().await;
    let image =
        json!({ "aspectRatio": "ASPECT_RATIO_SIXTEEN_BY_NINE", "imageSize": "IMAGE_SIZE_TWO_K" });
    let body = with_config(json!({ "responseFormat": { "image": image } }));
    assert_eq!(
        picture(&gemini(&mock, THREE, &body).await).size(),
        (2752, 1536)
    );
    let entry = mock.last_entry().await;
    assert_eq!(
        (&entry.sent["aspect_ratio"], &entry.sent["image_size"]),
        (&json!("16:9"), &json!("2K"))
    );
    let path = VERTEX.replace("2.5-flash", "3-pro");
    let body = with_config(json!({ "responseFormat": [{ "image": image }] }));
    assert_eq!(
        picture(&vertex(&mock, &path, &body).await).size(),
        (2752, 1536)
    );
    let both = with_config(json!({ "responseFormat": [{ "image": image, "text": {} }] }));
    let line = text(&vertex(&mock, &path, &both).await.error());
    assert!(line.contains("(oneof)"), "{line}");
}

#[tokio::test]
async fn what_a_version_did_not_know_is_a_matter_of_the_day() {
    let old =
        start_with(|settings| settings.as_of = Some(time::macros::date!(2026 - 06 - 08))).await;
    let body = with_config(json!({ "responseModalities": ["IMAGE"] }));
    let stable = GEMINI.replace("v1beta", "v1");
    let line = text(&gemini(&old, &stable, &body).await.error());
    assert_eq!(
        line,
        "Invalid JSON payload received. Unknown name \"responseModalities\" at 'generation_config': Cannot find field."
    );
    assert_eq!(gemini(&old, GEMINI, &body).await.status, 200);
    let (status, error) = gemini(&old, &THREE.replace("v1beta", "v1"), &asking("a fox"))
        .await
        .error();
    assert_eq!(status, 404);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("for API version v1,")
    );
    let mock = start().await;
    assert_eq!(gemini(&mock, &stable, &body).await.status, 200);
}

#[tokio::test]
async fn a_model_that_wants_both_modalities_is_asked_for_both() {
    let mock = start().await;
    let path = GEMINI.replace("2.5-flash-image", "2.0-flash-preview-image-generation");
    for config in [json!({}), json!({ "responseModalities": ["IMAGE"] })] {
        let line = text(&gemini(&mock, &path, &with_config(config)).await.error());
        assert!(
            line.ends_with("combination of response modalities:\n* IMAGE, TEXT\n"),
            "{line}"
        );
    }
    let both = json!({ "responseModalities": ["Text", "Image"] });
    assert_eq!(
        gemini(&mock, &path, &with_config(both.clone()))
            .await
            .status,
        200
    );
    let mut wide = both;
    wide["imageConfig"] = json!({ "aspectRatio": "16:9" });
    let line = text(&gemini(&mock, &path, &with_config(wide)).await.error());
    assert_eq!(line, "Aspect ratio is not enabled for this model");
    let audio = with_config(json!({ "responseModalities": ["AUDIO"] }));
    let line = text(&gemini(&mock, GEMINI, &audio).await.error());
    assert_eq!(
        line,
        "Model does not support the requested response modalities: audio"
    );
}

#[tokio::test]
async fn ratios_are_listed_in_their_order() {
    let mock = start().await;
    let path = GEMINI.replace("2.5-flash", "3.1-flash");
    let odd = with_config(json!({ "imageConfig": { "aspectRatio": "7:3" } }));
    assert_eq!(
        text(&gemini(&mock, &path, &odd).await.error()),
        "* GenerateContentRequest.generation_config.image_config.aspect_ratio: aspect_ratio must be one of '1:1', '1:4', '1:8', '2:3', '3:2', '3:4', '4:1', '4:3', '4:5', '5:4', '8:1', '9:16', '16:9', or '21:9'.\n"
    );
}

//! Cases of a user's own with several steps: what a step saves, what two steps must have in common, and where a
//! gateway puts the images of a chat.

use serde_json::{Value, json};

use crate::failed;
use crate::relay::{Fault, Rig};

/// Chat models of gateways that answer with images; the mock knows this one.
const PAINTER: &str = "gpt-chat-image";

fn write(rig: &Rig, case: &Value) -> Vec<String> {
    let folder = rig.folder().join("own");
    let requirements = json!({
        "source": "house", "title": "The rules of the house", "set": "2026-11",
        "requirements": [{
            "id": "house.one", "level": "MUST", "summary": "as it should be",
            "quote": "As it should be.", "url": "https://example.com/rules", "read": "2026-11-25"
        }]
    });
    for (path, value) in [
        ("requirements/house.json", &requirements),
        ("cases/house/chat/one.json", case),
    ] {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, value.to_string()).unwrap();
    }
    std::fs::create_dir_all(folder.join("images")).unwrap();
    std::fs::write(folder.join("images/own.png"), b"not looked at").unwrap();
    vec![format!("--cases={}", folder.display())]
}

fn chat(prompt: &str, stream: bool) -> Value {
    json!({ "operation": "chat.completions", "body": {
        "model": PAINTER, "messages": [{ "role": "user", "content": prompt }], "stream": stream
    } })
}

/// Two chats, the second as a stream, which must show and ask for the same.
fn two_chats(second: &str) -> Value {
    let expect = |more: Value, upstream: Value| {
        let mut response =
            json!({ "requirement": "house.one", "status": 200, "images": { "count": 1 } });
        response
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let mut expect = json!({ "response": [response] });
        if !upstream.is_null() {
            expect["upstream"] = json!([upstream]);
        }
        expect
    };
    json!({
        "summary": "a stream shows what a whole answer shows",
        "steps": [
            { "request": chat("${prompt}", false), "upstream": { "answers": ["ok"] },
              "expect": expect(json!({}), Value::Null) },
            { "request": chat(second, true), "upstream": { "answers": ["ok"] },
              "expect": expect(
                  json!({ "same_images_as": 1 }),
                  json!({ "requirement": "house.one", "same_upstream_as": 1 }),
              ) },
        ]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_steps_show_the_same_or_fail() {
    let rig = Rig::start(Fault::None).await;
    let options = write(&rig, &two_chats("${prompt}"));
    let (code, output, _) = rig.run("openai", "house/**", "", &options).await;
    assert_eq!(code, 0, "{output}");

    let options = write(&rig, &two_chats("something else ${token}"));
    let (code, output, report) = rig.run("openai", "house/**", "", &options).await;
    assert_eq!(code, 1, "{output}");
    assert_eq!(
        failed(&report),
        ["2:same_images_as", "2:same_upstream_as"],
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_back_as_it_came() {
    let rig = Rig::start(Fault::None).await;
    for (content, wanted) in [("${said}", 0), ("\"quite another thing\"", 1)] {
        let said: Value = serde_json::from_str(content).unwrap_or_else(|_| json!(content));
        let case = json!({
            "summary": "the second turn holds the first answer",
            "steps": [
                { "request": chat("${prompt}", false), "upstream": { "answers": ["ok"] },
                  "expect": { "response": [{ "requirement": "house.one", "status": 200 }] },
                  "save": { "answer": "message", "said": "json:/choices/0/message/content" } },
                { "request": { "operation": "chat.completions", "body": { "model": PAINTER, "messages": [
                      { "role": "user", "content": "${prompt}" }, "${answer}",
                      { "role": "user", "content": "again ${token}" } ] } },
                  "upstream": { "answers": ["ok"] },
                  "expect": {
                      "response": [{ "requirement": "house.one", "status": 200 }],
                      "upstream": [{ "requirement": "house.one", "body": {
                          "/messages/1/role": "assistant", "/messages/1/content": said } }] } },
            ]
        });
        let options = write(&rig, &case);
        let (code, output, report) = rig.run("openai", "house/**", "", &options).await;
        assert_eq!(code, wanted, "{output}");
        if wanted == 1 {
            assert_eq!(
                failed(&report),
                ["2:upstream.body:/messages/1/content"],
                "{output}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_found_where_the_target_says_that_they_are() {
    let rig = Rig::start(Fault::ImagesInText).await;
    let case = json!({
        "summary": "a chat answers with an image",
        "request": chat("${prompt}", false),
        "upstream": { "answers": ["ok"] },
        "expect": { "response": [{ "requirement": "house.one", "status": 200, "images": { "count": 1, "format": "png" } }] }
    });
    let options = write(&rig, &case);
    let markdown = "policies.image_locator = \"markdown\"";
    let (code, output, _) = rig.run("openai", "house/**", markdown, &options).await;
    assert_eq!(code, 0, "{output}");
    let (code, output, report) = rig.run("openai", "house/**", "", &options).await;
    assert_eq!(code, 1, "{output}");
    assert_eq!(
        failed(&report),
        ["images.count", "images.format"],
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_the_users_own_or_built_in_and_an_unknown_one_is_said() {
    let rig = Rig::start(Fault::None).await;
    let case = |file: &str| {
        json!({
            "summary": "a file that is no image is refused",
            "request": { "operation": "images.edits", "multipart": [
                { "name": "model", "text": "${models.image}" }, { "name": "prompt", "text": "${prompt}" },
                { "name": "image", "file": file } ] },
            "expect": { "response": [{ "requirement": "house.one", "status": 400 }] }
        })
    };
    let options = write(&rig, &case("own.png"));
    let (code, output, _) = rig.run("openai", "house/**", "", &options).await;
    assert_eq!(code, 0, "{output}");
    let options = write(&rig, &case("opaque.png"));
    let (code, output, report) = rig.run("openai", "house/**", "", &options).await;
    assert_eq!(code, 1, "{output}");
    assert_eq!(failed(&report), ["status"], "{output}");
    assert!(
        output.contains("-F 'image=@opaque.png;type=image/png'"),
        "{output}"
    );
    let options = write(&rig, &case("opaqe.png"));
    let (code, output, _) = rig.run("openai", "house/**", "", &options).await;
    assert_eq!(code, 2, "{output}");
    assert!(
        output.contains("images/ has no file 'opaqe.png': did you mean 'opaque.png'?"),
        "{output}"
    );
}

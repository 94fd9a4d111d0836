//! A good request gets the images that it asked for, in the form of the provider.

use serde_json::{Value, json};

use crate::support::{Picture, TOKEN, names, sha256, small, start, start_with};

#[tokio::test]
async fn members_their_order_and_the_indent_are_the_recorded_ones() {
    let mock = start().await;
    let reply = mock.generate(&small("a fox")).await;
    let body = reply.json();
    let expected = [
        "created",
        "background",
        "data",
        "output_format",
        "quality",
        "size",
        "usage",
    ];
    assert_eq!(names(&body), expected);
    assert_eq!(names(&body["data"][0]), ["b64_json"]);
    let expected = [
        "input_tokens",
        "input_tokens_details",
        "output_tokens",
        "output_tokens_details",
        "total_tokens",
    ];
    assert_eq!(names(&body["usage"]), expected);
    for details in ["input_tokens_details", "output_tokens_details"] {
        assert_eq!(
            names(&body["usage"][details]),
            ["image_tokens", "text_tokens"]
        );
    }
    assert_eq!(reply.text(), serde_json::to_string_pretty(&body).unwrap());
    let created = body["created"].as_i64().unwrap();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    assert!((now - 600..=now).contains(&created), "{created}");
}

#[tokio::test]
async fn headers_are_those_of_the_provider_and_its_front() {
    let mock = start().await;
    let reply = mock.generate(&small("a fox")).await;
    let length = reply.body.len().to_string();
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-length", &length),
        ("openai-version", "2020-10-01"),
        ("server", "cloudflare"),
        ("cf-cache-status", "DYNAMIC"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    for name in [
        "alt-svc",
        "date",
        "openai-organization",
        "openai-processing-ms",
        "openai-project",
        "set-cookie",
        "strict-transport-security",
    ] {
        assert!(reply.header(name).is_some(), "{name}");
    }
    let id = reply.header("x-request-id").unwrap();
    let hex = id.strip_prefix("req_").unwrap();
    assert!(
        hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    assert!(reply.header("cf-ray").unwrap().ends_with("-SEA"));
    let limits = reply
        .headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-ratelimit"));
    assert_eq!(limits.count(), 0);
    let other = mock.generate(&small("a fox")).await;
    assert_ne!(other.header("x-request-id"), Some(id));
}

#[tokio::test]
async fn size_format_and_echo_are_what_was_asked_for() {
    let mock = start().await;
    for (model, size, format) in [
        ("gpt-image-1", "1024x1536", "png"),
        ("gpt-image-1-mini", "1536x1024", "jpeg"),
        ("gpt-image-2", "1024x640", "webp"),
        ("gpt-image-2", "640x1024", "png"),
    ] {
        let reply = mock
            .generate(&json!({
                "model": model, "prompt": "a fox", "size": size, "output_format": format,
                "quality": "medium", "background": "opaque", "moderation": "low", "user": "u-1",
            }))
            .await;
        let images = reply.images();
        let [image] = images.as_slice() else {
            panic!("{} images", images.len());
        };
        let (width, height) = image.size();
        assert_eq!(format!("{width}x{height}"), size);
        assert_eq!(image.mime(), format!("image/{format}"));
        let body = reply.json();
        let echo =
            ["size", "output_format", "quality", "background"].map(|name| body[name].clone());
        assert_eq!(echo, [size, format, "medium", "opaque"]);
    }
}

#[tokio::test]
async fn transparency_is_in_the_pixels() {
    let mock = start().await;
    for format in ["png", "webp"] {
        for (background, clear) in [("transparent", true), ("opaque", false), ("auto", false)] {
            let mut body = small("a fox");
            body["output_format"] = json!(format);
            body["background"] = json!(background);
            let reply = mock.generate(&body).await;
            let image = reply.images()[0].decode().to_rgba8();
            let found = image.pixels().any(|pixel| pixel[3] == 0);
            assert_eq!(found, clear, "{format} {background}");
            let echo = if clear { "transparent" } else { "opaque" };
            assert_eq!(reply.json()["background"], echo);
        }
    }
}

#[tokio::test]
async fn more_compression_is_fewer_bytes() {
    let mock = start().await;
    for format in ["jpeg", "webp"] {
        let mut sizes = Vec::new();
        for compression in [100, 50, 5] {
            let mut body = small("a fox in the snow");
            body["output_format"] = json!(format);
            body["output_compression"] = json!(compression);
            sizes.push(mock.generate(&body).await.images()[0].0.len());
        }
        assert!(
            sizes.is_sorted_by(|more, less| more > less),
            "{format}: {sizes:?}"
        );
    }
}

#[tokio::test]
async fn each_image_says_twice_where_it_comes_from() {
    let mock = start().await;
    let mut body = small(&format!("a fox [[case:{TOKEN}]]"));
    body["n"] = json!(3);
    for format in ["png", "jpeg", "webp"] {
        body["output_format"] = json!(format);
        let reply = mock.generate(&body).await;
        let images = reply.images();
        assert_eq!(images.len(), 3);
        let request = reply.header("x-request-id").unwrap();
        for (index, image) in (0..).zip(&images) {
            let (told, strip) = (image.metadata(), image.strip());
            assert_eq!(
                (told.token, told.index, told.partial),
                (strip.token, index, None)
            );
            assert_eq!((strip.index, strip.partial), (index, None));
            assert_eq!(strip.token.unwrap().to_string(), TOKEN);
            assert_eq!(format!("req_{}", told.request), request);
            assert_eq!(
                told.prompt_sha256,
                sha256(b"a fox"),
                "marks are not painted"
            );
        }
    }
    let plain = mock.generate(&small("a fox")).await.images();
    assert_eq!(
        (plain[0].metadata().token, plain[0].strip().token),
        (None, None)
    );
}

#[tokio::test]
async fn ten_images_are_ten_different_ones() {
    let mock = start().await;
    let mut body = small("a fox");
    body["n"] = json!(10);
    let images = mock.generate(&body).await.images();
    let mut pixels: Vec<_> = images
        .iter()
        .map(|image| image.decode().into_bytes())
        .collect();
    pixels.sort_unstable();
    pixels.dedup();
    assert_eq!(pixels.len(), 10);
}

#[tokio::test]
async fn auto_and_absent_members_are_resolved() {
    let mock = start().await;
    let auto = json!({
        "model": null, "prompt": "a fox", "n": null, "size": "auto", "quality": "auto",
        "background": "auto", "output_format": null, "output_compression": null, "stream": null,
    });
    for body in [json!({ "prompt": "a fox" }), auto] {
        let reply = mock.generate(&body).await;
        let body = reply.json();
        let echo =
            ["size", "output_format", "quality", "background"].map(|name| body[name].clone());
        assert_eq!(echo, ["1024x1024", "png", "high", "opaque"]);
        assert_eq!(reply.images()[0].size(), (1024, 1024));
    }
}

#[tokio::test]
async fn usage_is_the_recorded_one_and_n_multiplies_all_of_it() {
    let mock = start().await;
    let sign = "An isolated stop sign.";
    for (model, quality, size, n, [input, image, text]) in [
        ("gpt-image-1", "low", "1024x1024", 1, [11, 272, 0]),
        ("gpt-image-1", "high", "1024x1536", 1, [11, 6240, 0]),
        ("gpt-image-1", "medium", "1024x1024", 2, [22, 2112, 0]),
        ("gpt-image-1.5", "medium", "1024x1024", 1, [11, 1056, 167]),
        ("gpt-image-2", "low", "1024x1024", 1, [11, 196, 0]),
        ("gpt-image-2", "medium", "1024x1024", 3, [33, 3 * 1756, 0]),
    ] {
        let body = json!({
            "model": model, "prompt": sign, "quality": quality, "size": size, "n": n,
        });
        let usage = mock.generate(&body).await.json()["usage"].take();
        let expected = json!({
            "input_tokens": input,
            "input_tokens_details": { "image_tokens": 0, "text_tokens": input },
            "output_tokens": image + text,
            "output_tokens_details": { "image_tokens": image, "text_tokens": text },
            "total_tokens": input + image + text,
        });
        assert_eq!(usage, expected, "{body}");
    }
}

#[tokio::test]
async fn a_seed_fixes_ids_and_pictures() {
    let mut files: Vec<Picture> = Vec::new();
    for seed in [7, 7, 8] {
        let mock = start_with(|settings| settings.seed = seed).await;
        files.extend(mock.generate(&small("a fox")).await.images());
    }
    assert_eq!(files[0].0, files[1].0);
    assert_ne!(files[0].decode(), files[2].decode());
}

#[tokio::test]
async fn images_can_have_a_realistic_weight() {
    let mock = start_with(|settings| settings.image_bytes = Some(2_000_000)).await;
    let images = mock.generate(&small("a fox")).await.images();
    assert!((2_000_000..2_001_000).contains(&images[0].0.len()));
    assert_eq!(images[0].size(), (1024, 1024));
}

#[tokio::test]
async fn prompts_of_any_script_are_taken() {
    let mock = start().await;
    for prompt in [
        "狐 – é \u{1f98a} \u{0}",
        "  \n ",
        "[[case:ü]] [[mock",
        "\u{7f}@@",
    ] {
        let reply = mock.generate(&small(prompt)).await;
        assert_eq!(reply.status, 200, "{prompt:?}: {}", reply.text());
        let told = reply.images()[0].metadata();
        assert_eq!(told.prompt_sha256, sha256(prompt.trim().as_bytes()));
    }
    let escaped: Value = serde_json::from_str(r#"{ "prompt": "\ud83e\udd8a" }"#).unwrap();
    assert_eq!(mock.generate(&escaped).await.status, 200);
}

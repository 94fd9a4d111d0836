//! Files on their way to the provider: input images by their bytes, whatever wire form they have there, and the
//! parts of a form that is passed on.

use mock_server::journal::Entry;
use serde_json::Value;

use crate::case::{FileRef, PartExpectation};
use crate::check::Mismatch;

/// Every call brings these images, in this order.
pub(super) fn input_images(wanted: &[FileRef], calls: &[&Entry]) -> Result<(), Mismatch> {
    if calls.is_empty() {
        return Err(Mismatch::new("no call arrived upstream").untestable());
    }
    let name_of = |sha256: &str| {
        let known = wanted
            .iter()
            .find(|file| file.sha256.as_deref() == Some(sha256));
        known.map_or_else(
            || format!("sha256 {sha256}"),
            |file| file.shown().to_owned(),
        )
    };
    let expected: Vec<_> = wanted.iter().map(|file| file.shown().to_owned()).collect();
    for call in calls {
        let images = call.sent.get("images").and_then(Value::as_array);
        let hashes: Vec<_> = images.into_iter().flatten().map(hash).collect();
        let same = hashes.len() == wanted.len()
            && hashes
                .iter()
                .zip(wanted)
                .all(|(hash, file)| file.sha256.as_deref() == Some(hash));
        if !same {
            let actual: Vec<_> = hashes.iter().map(|hash| name_of(hash)).collect();
            return Err(Mismatch::of(
                "the images that arrived upstream are not those that the client sent",
                expected.join("\n"),
                actual.join("\n"),
            ));
        }
    }
    Ok(())
}

/// The hash of an image in a digest; what a provider was only pointed at has none.
fn hash(image: &Value) -> &str {
    let stated = image.as_str().or_else(|| image.get("sha256")?.as_str());
    stated.unwrap_or("(not known)")
}

/// Every call is a form whose parts of these names are these, in order.
pub(super) fn parts(wanted: &[PartExpectation], calls: &[&Entry]) -> Result<(), Mismatch> {
    if calls.is_empty() {
        return Err(Mismatch::new("no call arrived upstream").untestable());
    }
    for call in calls {
        let Some(actual) = call.body.as_array() else {
            let message = "the call to the provider is no form";
            return Err(Mismatch::of(message, "multipart/form-data", "another body"));
        };
        for name in names(wanted) {
            let wanted: Vec<_> = wanted.iter().filter(|part| part.name == name).collect();
            let is_named = |part: &&Value| part.get("name").and_then(Value::as_str) == Some(name);
            let actual: Vec<_> = actual.iter().filter(is_named).collect();
            let same = wanted.len() == actual.len()
                && wanted
                    .iter()
                    .zip(&actual)
                    .all(|(wanted, part)| is(wanted, part));
            if !same {
                let expected: Vec<_> = wanted.iter().map(|part| describe(part)).collect();
                let actual: Vec<_> = actual.iter().map(ToString::to_string).collect();
                return Err(Mismatch::of(
                    format!(
                        "the parts '{name}' that arrived upstream are not those that were sent"
                    ),
                    expected.join("\n"),
                    actual.join("\n"),
                ));
            }
        }
    }
    Ok(())
}

fn names(wanted: &[PartExpectation]) -> Vec<&str> {
    let mut names: Vec<&str> = wanted.iter().map(|part| part.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn is(wanted: &PartExpectation, part: &Value) -> bool {
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    let holds =
        |wanted: &Option<String>, name: &str| wanted.is_none() || wanted.as_deref() == text(name);
    let file = wanted.file.as_ref();
    holds(&wanted.filename, "filename")
        && holds(&wanted.content_type, "type")
        && holds(&wanted.text, "value")
        && file.is_none_or(|file| file.sha256.as_deref() == text("sha256"))
}

fn describe(part: &PartExpectation) -> String {
    let members = [
        ("filename", part.filename.as_deref()),
        ("type", part.content_type.as_deref()),
        ("value", part.text.as_deref()),
        ("the bytes of", part.file.as_ref().map(FileRef::shown)),
    ];
    let stated = members
        .iter()
        .filter_map(|(name, value)| Some(format!(", {name} {}", (*value)?)));
    format!("name {}{}", part.name, stated.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(body: Value, images: Value) -> Entry {
        let mut entry = Entry {
            body,
            ..Entry::default()
        };
        entry.sent.insert("images".into(), images);
        entry
    }

    fn file(name: &str, sha256: &str) -> FileRef {
        let sha256 = Some(sha256.to_owned());
        FileRef {
            name: name.to_owned(),
            sha256,
        }
    }

    #[test]
    fn images_are_compared_by_bytes_in_order() {
        let wanted = [file("a.png", "aa"), file("b.png", "bb")];
        let judge = |images: Value| input_images(&wanted, &[&call(Value::Null, images)]);
        assert_eq!(judge(json!(["aa", "bb"])), Ok(()));
        assert_eq!(
            judge(json!([{ "sha256": "aa" }, { "sha256": "bb" }])),
            Ok(())
        );
        let problem = judge(json!([{ "sha256": "bb" }, { "sha256": "cc" }])).unwrap_err();
        assert_eq!(problem.actual.as_deref(), Some("b.png\nsha256 cc"));
        for images in [
            json!(["aa"]),
            json!([]),
            json!([{ "reference": "http://x" }, "bb"]),
        ] {
            assert!(judge(images.clone()).is_err(), "{images}");
        }
    }

    #[test]
    fn parts_of_a_name_are_compared_in_order() {
        let wanted: Vec<PartExpectation> = serde_json::from_value(json!([
            { "name": "prompt", "text": "a fox" },
            { "name": "image[]", "filename": "a.png", "content_type": "image/png" },
            { "name": "image[]", "filename": "b.png" },
        ]))
        .unwrap();
        let image = |name: &str| json!({ "name": "image[]", "filename": name, "type": "image/png", "sha256": "x" });
        let prompt = json!({ "name": "prompt", "value": "a fox" });
        let judge = |parts: Value| parts_of(&wanted, parts);
        fn parts_of(wanted: &[PartExpectation], body: Value) -> Result<(), Mismatch> {
            parts(wanted, &[&call(body, json!([]))])
        }
        let other = json!({ "name": "model", "value": "x" });
        assert_eq!(
            judge(json!([image("a.png"), prompt, other, image("b.png")])),
            Ok(())
        );
        assert!(judge(json!([image("b.png"), prompt, image("a.png")])).is_err());
        assert!(judge(json!([image("a.png"), image("b.png")])).is_err());
        assert!(judge(json!({ "prompt": "a fox" })).is_err());
    }
}

//! Forms in a `curl` line: texts as they are, files by name.

use crate::case::PartStep;
use crate::files::media_type;
use crate::redact::Redactor;
use crate::report::curl::quoted;

/// The line with every part, texts changed as the caller says; files are named at its end.
pub(super) fn with_parts(
    redactor: &Redactor,
    mut words: Vec<String>,
    parts: &[PartStep],
    told: impl Fn(&str) -> String,
) -> String {
    let mut files = Vec::new();
    for part in parts {
        let name = &part.name;
        let Some(file) = &part.file else {
            // Unlike -F it takes a text as it is, one that begins with @ or < too.
            let text = told(part.text.as_deref().unwrap_or_default());
            words.extend([
                "--form-string".to_owned(),
                quoted(redactor, &format!("{name}={text}")),
            ]);
            continue;
        };
        let (shown, kind) = (name_of(file), media_type(file));
        let kind = part.content_type.as_deref().unwrap_or(kind);
        let mut value = format!("{name}=@{shown};type={kind}");
        if let Some(filename) = &part.filename {
            value.push_str(&format!(";filename=\"{}\"", told(filename)));
        }
        words.extend(["-F".to_owned(), quoted(redactor, &value)]);
        files.push(shown);
    }
    let mut line = words.join(" ");
    if !files.is_empty() {
        files.dedup();
        line.push_str(&format!(
            "  # {}: of fixtures/images/, or what an earlier step saved",
            files.join(", ")
        ));
    }
    line
}

/// A file's name; what a step saved has none.
fn name_of(file: &str) -> String {
    if file.starts_with("data:") {
        let ending = media_type(file).rsplit('/').next().unwrap_or_default();
        return format!("saved.{ending}");
    }
    file.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_strings_and_files_are_named() {
        let parts: Vec<PartStep> = serde_json::from_value(json!([
            { "name": "prompt", "text": "@a fox MARK" },
            { "name": "image[]", "file": "opaque.png" },
            { "name": "image[]", "file": "data:image/webp;base64,QUI=", "filename": "b.webp" },
        ]))
        .unwrap();
        let line = with_parts(
            &Redactor::default(),
            vec!["curl".to_owned()],
            &parts,
            |text| text.replace(" MARK", ""),
        );
        assert_eq!(
            line,
            "curl --form-string 'prompt=@a fox' -F 'image[]=@opaque.png;type=image/png' \
             -F 'image[]=@saved.webp;type=image/webp;filename=\"b.webp\"'  \
             # opaque.png, saved.webp: of fixtures/images/, or what an earlier step saved"
        );
    }
}

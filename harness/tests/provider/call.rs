//! How each operation is called: one line of [`CALLS`]. Models come from `fixtures/models`.

use serde_json::{Value, json};

use super::{form, png};

/// A content type and the bytes of that type.
pub(crate) type Content = (String, Vec<u8>);

/// How an operation is called.
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    /// The models that it is called with.
    pub(crate) models: fn(provider: &str) -> Vec<String>,
    /// What is sent; none where nothing is.
    pub(crate) body: fn(model: &str, stream: bool) -> Option<Content>,
    /// What may stand behind the path: (query, whether it streams).
    pub(crate) manners: fn(provider: &str) -> &'static [(&'static str, bool)],
}

const WHOLE: &[(&str, bool)] = &[("", false)];
const BOTH: &[(&str, bool)] = &[("", false), ("", true)];
pub(crate) const AZURE: &str = "?api-version=2025-04-01-preview";
const GENERATE: &[(&str, bool)] = &[("", false), ("?$alt=json;enum-encoding=int", false)];
const STREAM: &[(&str, bool)] = &[
    ("?alt=sse", true),
    ("", true),
    ("?$alt=json;enum-encoding=int", true),
];

pub(crate) const CALLS: &[Call] = &[
    Call {
        operation: "images.generations",
        models: |provider| drawing(provider, "images.generations"),
        body: generation,
        manners: image_manners,
    },
    Call {
        operation: "images.edits",
        models: |provider| drawing(provider, "images.edits"),
        body: edit,
        manners: image_manners,
    },
    Call {
        operation: "images.variations",
        models: |provider| drawing(provider, "images.variations"),
        body: |model, _| Some(form(&[("model", model), ("n", "2")], &[("image", &png())])),
        manners: |_| WHOLE,
    },
    Call {
        operation: "chat.completions",
        models: talking,
        body: chat,
        manners: |_| BOTH,
    },
    Call {
        operation: "responses",
        models: talking,
        body: response,
        manners: |_| BOTH,
    },
    Call {
        operation: "models.list",
        models: nothing,
        body: |_, _| None,
        manners: |_| WHOLE,
    },
    Call {
        operation: "models.retrieve",
        models: |provider| drawing(provider, "images.generations"),
        body: |_, _| None,
        manners: |_| WHOLE,
    },
    Call {
        operation: "models.get",
        models: |provider| google(provider, &["gemini", "imagen", "text"]),
        body: |_, _| None,
        manners: |_| WHOLE,
    },
    Call {
        operation: "models.generateContent",
        models: |provider| google(provider, &["gemini", "text"]),
        body: content,
        manners: |_| GENERATE,
    },
    Call {
        operation: "models.streamGenerateContent",
        models: |provider| google(provider, &["gemini", "text"]),
        body: content,
        manners: |_| STREAM,
    },
    Call {
        operation: "models.predict",
        models: |provider| google(provider, &["imagen"]),
        body: predict,
        manners: |_| WHOLE,
    },
    Call {
        operation: "token",
        models: |_| vec!["secret".to_owned(), INVALID.to_owned()],
        body: token,
        manners: |_| WHOLE,
    },
    Call {
        operation: "token.clientCredentials",
        models: |_| vec!["secret".to_owned(), INVALID.to_owned()],
        body: client_credentials,
        manners: |_| WHOLE,
    },
    Call {
        operation: "openid.configuration",
        models: nothing,
        body: |_, _| None,
        manners: |_| WHOLE,
    },
];

fn image_manners(provider: &str) -> &'static [(&'static str, bool)] {
    // Google's OpenAI-compatible route knows no streams.
    if provider == "gemini" { WHOLE } else { BOTH }
}

fn nothing(_: &str) -> Vec<String> {
    vec!["-".to_owned()]
}

fn data(provider: &str) -> Value {
    serde_json::from_str(fixtures::text(&format!("models/{provider}.json")).unwrap()).unwrap()
}

fn ids(list: &Value, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
    let models = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|model| wanted(model));
    models
        .map(|model| model["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The models of an operation on images.
fn drawing(provider: &str, operation: &str) -> Vec<String> {
    if provider == "gemini" {
        return google(provider, &["gemini", "imagen"]);
    }
    let knows = |model: &Value| {
        model["operations"]
            .as_array()
            .unwrap()
            .contains(&operation.into())
    };
    // Azure never had dall-e-2 in its edits, and its generations of it are another protocol.
    let served =
        |model: &Value| knows(model) && !(provider == "azure" && model["id"] == "dall-e-2");
    ids(&data("openai")["models"], served)
}

/// The models that answer in words.
fn talking(provider: &str) -> Vec<String> {
    match provider {
        "openai" | "azure" => ids(&data("openai")["text_models"], |_| true),
        "vertex" => {
            let models = google(provider, &["text"]).into_iter();
            models.map(|model| format!("google/{model}")).collect()
        }
        google_face => google(google_face, &["text"]),
    }
}

fn google(provider: &str, kinds: &[&str]) -> Vec<String> {
    ids(&data(provider)["models"], |model| {
        kinds.contains(&model["kind"].as_str().unwrap())
    })
}

/// Two images where that is possible, so that fewer are still some.
fn number(model: &str, stream: bool) -> u64 {
    let single = ["openai", "gemini"].iter().any(|provider| {
        // Gemini's limit is that of candidates, which its OpenAI-compatible route does not make.
        let one = |known: &Value| {
            known["id"] == model && known["n_max"] == 1 && known["kind"] != "gemini"
        };
        !ids(&data(provider)["models"], one).is_empty()
    });
    if stream || single { 1 } else { 2 }
}

fn json_body(body: &Value) -> Option<Content> {
    Some(("application/json".to_owned(), body.to_string().into_bytes()))
}

fn generation(model: &str, stream: bool) -> Option<Content> {
    let mut body = json!({ "model": model, "prompt": "a fox", "n": number(model, stream) });
    if stream {
        body["stream"] = true.into();
        body["partial_images"] = 2.into();
    }
    json_body(&body)
}

fn edit(model: &str, stream: bool) -> Option<Content> {
    let number = number(model, stream).to_string();
    let mut fields = vec![("model", model), ("prompt", "a fox"), ("n", &number)];
    if stream {
        fields.extend([("stream", "true"), ("partial_images", "2")]);
    }
    Some(form(&fields, &[("image", &png())]))
}

fn chat(model: &str, stream: bool) -> Option<Content> {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "a fox" }] });
    if stream {
        body["stream"] = true.into();
        body["stream_options"] = json!({ "include_usage": true });
    }
    json_body(&body)
}

fn response(model: &str, stream: bool) -> Option<Content> {
    let mut tool = json!({ "type": "image_generation", "quality": "low" });
    if stream {
        tool["partial_images"] = 2.into();
    }
    json_body(&json!({ "model": model, "input": "draw a fox", "tools": [tool], "stream": stream }))
}

fn content(model: &str, _: bool) -> Option<Content> {
    let mut body = json!({ "contents": [{ "role": "user", "parts": [{ "text": "a fox" }] }] });
    if model.contains("image") {
        body["generationConfig"] = json!({ "responseModalities": ["TEXT", "IMAGE"] });
    }
    json_body(&body)
}

fn predict(model: &str, _: bool) -> Option<Content> {
    let parameters = json!({ "sampleCount": number(model, false), "includeRaiReason": true, "includeSafetyAttributes": true });
    json_body(&json!({ "instances": [{ "prompt": "a fox" }], "parameters": parameters }))
}

fn token(secret: &str, _: bool) -> Option<Content> {
    let form = format!(
        "grant_type=refresh_token&refresh_token={secret}&client_id=a&client_secret={secret}&scope=c"
    );
    let kind = "application/x-www-form-urlencoded".to_owned();
    Some((kind, form.into_bytes()))
}

fn client_credentials(secret: &str, _: bool) -> Option<Content> {
    let form = format!(
        "grant_type=client_credentials&client_id=a&client_secret={secret}&scope=https://cognitiveservices.azure.com/.default"
    );
    let kind = "application/x-www-form-urlencoded".to_owned();
    Some((kind, form.into_bytes()))
}

/// What stands for a model where the provider must refuse.
pub(crate) const INVALID: &str = "invalid";

/// Puts names where a path has stars: what each stands for is said by the segment before it.
pub(crate) fn filled(pattern: &str, model: &str) -> String {
    let mut before = "";
    let segments = pattern.split('/').map(|segment| {
        let name = match before {
            "deployments" | "models" => model,
            "locations" => "global",
            "service-accounts" => "default",
            "" if pattern.contains("oauth2") || pattern.contains("openid") => "tenant-of-the-loop",
            "" => "v1beta",
            _ => "project-of-the-loop",
        };
        before = segment;
        segment.replace('*', name)
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The model itself, or one of the mock's models that is like it.
pub(crate) fn stand_in(provider: &str, operation: &str, model: &str) -> String {
    let (file, like) = match operation {
        "chat.completions" | "responses" => ("openai", "gpt-4.1"),
        "models.predict" => (provider, "imagen-3.0-generate-002"),
        "models.generateContent" | "models.streamGenerateContent" if model.contains("image") => {
            (provider, "gemini-2.5-flash-image")
        }
        "models.generateContent" | "models.streamGenerateContent" => (provider, "gemini-2.5-flash"),
        _ => return model.to_owned(),
    };
    let data = data(file);
    let lists = [&data["models"], &data["text_models"]];
    let mut known = lists
        .into_iter()
        .flat_map(|list| list.as_array().into_iter().flatten());
    let named = |known: &Value| {
        let aliases = known["aliases"].as_array();
        known["id"] == model || aliases.is_some_and(|aliases| aliases.contains(&model.into()))
    };
    if known.any(named) {
        model.to_owned()
    } else {
        like.to_owned()
    }
}

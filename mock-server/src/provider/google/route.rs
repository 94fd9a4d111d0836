//! Which operation a path names, on which of Google's two faces.

use crate::provider::google::Face;
use crate::wire::Request;

/// What a request calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) verb: Verb,
    /// `v1`, `v1beta`, …
    pub(super) version: String,
    /// The resource name of the model or endpoint: what stands between version and verb.
    pub(super) resource: String,
    /// The model's id; empty where the path names none.
    pub(super) model: String,
    /// A tuned model or an endpoint, whose model is not known by its name.
    pub(super) tuned: bool,
    /// Vertex: the project, none in express mode.
    pub(super) project: Option<String>,
    /// Vertex: the location, none in express mode.
    pub(super) location: Option<String>,
}

/// The operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    ChatCompletions,
    CompatibleModelGet,
    CompatibleModelList,
    Count,
    Generate,
    Images,
    ModelGet,
    ModelList,
    Metadata,
    Predict,
    Stream,
    Token,
    Unknown,
}

impl Verb {
    /// The name in the journal; none for what is no operation of the API.
    pub(super) fn operation(self) -> Option<&'static str> {
        match self {
            Self::ChatCompletions => Some("chat.completions"),
            Self::Count => Some("models.countTokens"),
            Self::Generate => Some("models.generateContent"),
            Self::Images => Some("images.generations"),
            Self::CompatibleModelGet | Self::ModelGet => Some("models.get"),
            Self::CompatibleModelList | Self::ModelList => Some("models.list"),
            Self::Predict => Some("models.predict"),
            Self::Stream => Some("models.streamGenerateContent"),
            Self::Metadata | Self::Token | Self::Unknown => None,
        }
    }

    /// The verb as errors name it: the stream's is that of the call without a stream (recorded).
    pub(super) fn named(self) -> &'static str {
        match self {
            Self::Count => "countTokens",
            Self::Predict => "predict",
            _ => "generateContent",
        }
    }

    /// Contents are made.
    pub(super) fn generates(self) -> bool {
        matches!(self, Self::Generate | Self::Stream)
    }

    /// Errors of the OpenAI-compatible routes are a list of one.
    pub(super) fn compatible(self) -> bool {
        matches!(
            self,
            Self::ChatCompletions
                | Self::CompatibleModelGet
                | Self::CompatibleModelList
                | Self::Images
        )
    }
}

/// The route of a request, none where it is not for this face.
pub(super) fn route(face: Face, request: &Request) -> Option<Route> {
    // Some clients encode the colon before the verb.
    let path = request.path.replace("%3A", ":").replace("%3a", ":");
    if let Some(verb) = beside(face, &path, request) {
        return Some(Route::new(verb, "", ""));
    }
    let (version, rest) = match path.strip_prefix("/publishers/") {
        // The SDKs' resource scope COLLECTION leaves out version and project.
        Some(_) => ("v1beta1", &path[1..]),
        None => path.strip_prefix('/')?.split_once('/')?,
    };
    let mut route = match face {
        Face::Vertex => vertex(version, rest)?,
        Face::Gemini => gemini(version, rest, request)?,
    };
    let expected = match route.verb {
        Verb::CompatibleModelGet | Verb::CompatibleModelList => "GET",
        Verb::ModelGet | Verb::ModelList => "GET",
        _ => "POST",
    };
    if request.method != expected {
        route.verb = Verb::Unknown;
    }
    Some(route)
}

/// What stands beside the API: the token server and the metadata server.
fn beside(face: Face, path: &str, request: &Request) -> Option<Verb> {
    if face != Face::Vertex {
        return None;
    }
    let ping = path == "/" && request.header("metadata-flavor").is_some();
    if ping || path.starts_with("/computeMetadata") {
        return Some(Verb::Metadata);
    }
    (path == "/token" && request.method == "POST").then_some(Verb::Token)
}

fn vertex(version: &str, rest: &str) -> Option<Route> {
    let known = matches!(version, "v1" | "v1beta" | "v1beta1");
    let mine = rest.starts_with("projects/") || rest.starts_with("publishers/");
    if !known || !(mine || version == "v1beta1") {
        return None;
    }
    let mut route = Route::new(Verb::Unknown, version, rest);
    let mut inner = rest;
    if let ["projects", project, "locations", location, ..] = split(rest)[..] {
        route.project = Some(project.to_owned());
        route.location = Some(location.to_owned());
        inner = rest.splitn(5, '/').nth(4).unwrap_or_default();
    }
    route.resource = rest.rsplit_once(':').map_or(rest, |(name, _)| name).into();
    if inner == "endpoints/openapi/chat/completions" && route.project.is_some() {
        route.verb = Verb::ChatCompletions;
        route.resource = rest.trim_end_matches("/chat/completions").to_owned();
    } else if let Some(model) = inner.strip_prefix("publishers/google/models/") {
        route.name(model);
    } else if let Some(endpoint) = inner.strip_prefix("endpoints/") {
        // An endpoint's id has no slash.
        if !endpoint.contains('/') {
            route.name(endpoint);
            route.tuned = true;
        }
    }
    // Each location is a host of its own, and there is none for what is no location (recorded).
    if !route.location.as_deref().is_none_or(is_location) {
        route.verb = Verb::Unknown;
    }
    Some(route)
}

/// Whether there may be such a location: `global`, `us`, `eu`, or a region, for example `us-central1`.
fn is_location(name: &str) -> bool {
    let region = || {
        let (area, rest) = name.split_once('-')?;
        let place = rest.trim_end_matches(|sign: char| sign.is_ascii_digit());
        let letters = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase());
        Some(place.len() < rest.len() && letters(area) && letters(place))
    };
    matches!(name, "global" | "us" | "eu") || region() == Some(true)
}

fn gemini(version: &str, rest: &str, request: &Request) -> Option<Route> {
    let keyed = request.header("x-goog-api-key").is_some() || request.query_value("key").is_some();
    let model = rest.strip_prefix("models/");
    let mine = match version {
        "v1beta" | "v1alpha" => true,
        // OpenAI has the same paths without a verb; the credential tells them apart.
        "v1" => {
            model.is_some_and(|model| model.contains(':') || keyed) || rest == "models" && keyed
        }
        _ => false,
    };
    if !mine {
        return None;
    }
    let mut route = Route::new(Verb::Unknown, version, rest);
    let tuned = ["tunedModels/", "dynamic/"];
    let tuned = tuned.iter().find_map(|kind| rest.strip_prefix(kind));
    match (rest, model.or(tuned)) {
        ("models", _) => route.verb = Verb::ModelList,
        ("openai/images/generations", _) => route.verb = Verb::Images,
        ("openai/chat/completions", _) => route.verb = Verb::ChatCompletions,
        ("openai/models", _) => route.verb = Verb::CompatibleModelList,
        (_, None) if rest.starts_with("openai/models/") => {
            route.verb = Verb::CompatibleModelGet;
            // Clients encode the slash in `models/ID`.
            let id = rest
                .trim_start_matches("openai/models/")
                .replace("%2F", "/");
            id.trim_start_matches("models/")
                .clone_into(&mut route.model);
        }
        (_, Some(model)) if model.contains(':') => route.name(model),
        (_, Some(model)) => {
            route.verb = Verb::ModelGet;
            model.clone_into(&mut route.model);
        }
        _ => {}
    }
    route.tuned = tuned.is_some() && route.verb.generates();
    route.resource = rest.rsplit_once(':').map_or(rest, |(name, _)| name).into();
    Some(route)
}

impl Route {
    pub(super) fn new(verb: Verb, version: &str, resource: &str) -> Self {
        Self {
            verb,
            version: version.to_owned(),
            resource: resource.to_owned(),
            model: String::new(),
            tuned: false,
            project: None,
            location: None,
        }
    }

    /// Reads `MODEL:VERB`.
    fn name(&mut self, text: &str) {
        let (model, verb) = text.rsplit_once(':').unwrap_or((text, ""));
        model.clone_into(&mut self.model);
        self.verb = match verb {
            "countTokens" => Verb::Count,
            "generateContent" => Verb::Generate,
            "streamGenerateContent" => Verb::Stream,
            "predict" => Verb::Predict,
            _ => Verb::Unknown,
        };
    }
}

fn split(path: &str) -> Vec<&str> {
    path.split('/').collect()
}

//! What a provider's answers are held against, read from `fixtures/endpoints/<provider>.json`: which schema
//! belongs to which endpoint is data.

use serde::Deserialize;

/// The endpoints of every provider.
#[derive(Clone, Debug)]
pub struct Endpoints {
    providers: Vec<ProviderEndpoints>,
}

/// The endpoints of one provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderEndpoints {
    /// The schema of the file; not used by the reader.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// The provider's id, for example `openai`.
    pub provider: String,
    /// Its addresses; `*` stands for any text without a slash.
    pub hosts: Vec<String>,
    /// The schema of its errors.
    pub error: String,
    /// What is known of its answers.
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint; schemas are named by their path below `schemas/`, without `.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `images.generations`, …, as in the mock's journal.
    pub operation: String,
    /// `GET` or `POST`.
    pub method: String,
    /// The path; `*` stands for any text without a slash.
    pub path: String,
    /// The schema of a whole answer.
    pub success: Option<String>,
    /// The schema of each event of a stream, or of each item where the stream is a JSON list.
    pub event: Option<String>,
    /// The kinds of event that a stream may end with; empty where any may be the last.
    #[serde(default)]
    pub last: Vec<String>,
    /// The schema of its errors, where it is not the provider's.
    pub error: Option<String>,
}

/// A longer path is no provider's.
const LONGEST_PATH: usize = 2048;

/// An embedded table cannot be read; the build is broken.
#[derive(Debug, thiserror::Error)]
#[error("fixtures/endpoints/{file}: {source}")]
pub struct EndpointsError {
    file: &'static str,
    source: serde_json::Error,
}

impl Endpoints {
    /// Reads the embedded tables.
    ///
    /// # Errors
    /// A file is of another form.
    pub fn builtin() -> Result<Self, EndpointsError> {
        let files = fixtures::folder("endpoints").into_iter();
        let providers = files.map(|(file, text)| {
            serde_json::from_str(text).map_err(|source| EndpointsError { file, source })
        });
        Ok(Self {
            providers: providers.collect::<Result<_, _>>()?,
        })
    }

    /// Every provider, by id.
    #[must_use]
    pub fn providers(&self) -> &[ProviderEndpoints] {
        &self.providers
    }

    /// The provider with this id.
    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&ProviderEndpoints> {
        self.providers.iter().find(|known| known.provider == id)
    }

    /// The provider that answers at this host.
    #[must_use]
    pub fn at_host(&self, host: &str) -> Option<&ProviderEndpoints> {
        let is_at =
            |known: &&ProviderEndpoints| known.hosts.iter().any(|pattern| fits(pattern, host));
        self.providers.iter().find(is_at)
    }
}

impl ProviderEndpoints {
    /// The endpoint with this method, if one was kept, and path; where several fit, the one with the longest
    /// pattern.
    #[must_use]
    pub fn find(&self, method: Option<&str>, path: &str) -> Option<&Endpoint> {
        if path.len() > LONGEST_PATH {
            return None;
        }
        let called = |endpoint: &&Endpoint| {
            method.is_none_or(|method| method == endpoint.method) && fits(&endpoint.path, path)
        };
        let fitting = self.endpoints.iter().filter(called);
        fitting.max_by_key(|endpoint| endpoint.path.len())
    }
}

/// Whether a text fits a pattern in which `*` stands for one or more characters other than a slash.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let ends = text.char_indices().take_while(|(_, c)| *c != '/');
    ends.map(|(at, c)| at + c.len_utf8())
        .any(|end| fits(rest, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_a_name_and_no_slash() {
        for (pattern, text, wanted) in [
            ("/v1/models", "/v1/models", true),
            ("/v1/models/*", "/v1/models/gpt-image-2", true),
            ("/v1/models/*", "/v1/models/", false),
            ("/v1/models/*", "/v1/models/a/b", false),
            ("/*/models/*:predict", "/v1beta/models/*:predict", true),
            (
                "/*/models/*:predict",
                "/v1beta/models/a:generateContent",
                false,
            ),
            ("*.openai.azure.com", "example.openai.azure.com", true),
        ] {
            assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn the_more_exact_path_wins() {
        let endpoints = Endpoints::builtin().unwrap();
        let gemini = endpoints.provider("gemini").unwrap();
        let found = |path| {
            gemini
                .find(None, path)
                .map(|found| found.operation.as_str())
        };
        assert_eq!(found("/v1beta/models/x:predict"), Some("models.predict"));
        assert_eq!(found("/v1beta/models/x"), Some("models.get"));
        assert_eq!(found("/v1beta/models"), Some("models.list"));
        assert_eq!(found("/v1beta/files"), None);
    }
}

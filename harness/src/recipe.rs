//! Recipes: how known gateways are pointed at the mock. They are data (`fixtures/recipes`), each with the addresses
//! where its facts stand.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::catalog::nearest;

/// How one gateway is pointed at the mock.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Its name on the command line.
    pub name: String,
    /// The gateway's own name.
    pub title: String,
    /// What has to be known beside the lines.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Where the facts stand.
    pub sources: Vec<Source>,
    /// Files of the gateway.
    #[serde(default)]
    pub files: Vec<File>,
    /// Variables for the gateway, or for the harness.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How it is started by hand.
    pub start: Option<StartLine>,
    /// A target file that fits.
    pub target: Text,
}

/// Where facts stand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The address.
    pub url: String,
    /// The day on which it was read.
    pub read: String,
    /// Which facts.
    pub says: String,
}

/// A file of a gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// A command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartLine {
    /// Program and arguments.
    pub command: Vec<String>,
}

/// A text of several lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The text itself.
    pub text: String,
}

/// Every recipe, by name.
///
/// # Errors
/// An embedded file is broken; the build is.
pub fn all() -> Result<Vec<Recipe>, String> {
    let files = fixtures::folder("recipes").into_iter();
    let read = files.map(|(path, text)| {
        toml::from_str(text).map_err(|error| format!("recipes/{path}: {error}"))
    });
    read.collect()
}

/// The recipe of this name.
///
/// # Errors
/// There is none; the text lists those that there are.
pub fn named(name: &str) -> Result<Recipe, String> {
    let all = all()?;
    let known: Vec<_> = all.iter().map(|recipe| recipe.name.clone()).collect();
    let found = all.into_iter().find(|recipe| recipe.name == name);
    found.ok_or_else(|| {
        format!(
            "unknown recipe '{name}': did you mean {}? known are {}",
            nearest(name, known.iter().map(String::as_str)),
            known.join(", ")
        )
    })
}

impl Recipe {
    /// The lines that point the gateway at a mock with this address.
    #[must_use]
    pub fn text(&self, upstream: &str) -> String {
        let mut out = format!(
            "# {}, with the mock at {upstream} as its provider\n",
            self.title
        );
        for source in &self.sources {
            let Source { url, read, says } = source;
            let _ = writeln!(out, "# read {read}: {url} ({says})");
        }
        for note in &self.notes {
            let _ = writeln!(out, "#\n# {}", filled(note, upstream));
        }
        for file in &self.files {
            let text = filled(file.text.trim_start(), upstream);
            let _ = write!(out, "\n## {}\n\n{text}", file.path);
        }
        if !self.environment.is_empty() {
            out.push_str("\n## environment\n\n");
            for (name, value) in &self.environment {
                let _ = writeln!(out, "export {name}={}", quoted(&filled(value, upstream)));
            }
        }
        if let Some(start) = &self.start {
            let words: Vec<_> = start.command.iter().map(|word| quoted(word)).collect();
            let line = filled(&words.join(" "), upstream);
            let _ = writeln!(out, "\n## start\n\n{line}");
        }
        // The target file has its own ${upstream}.
        let target = self.target.text.trim_start();
        let name = &self.name;
        let _ = write!(
            out,
            "\n## {name}.toml, for --target {name}.toml\n\n{target}"
        );
        out
    }
}

fn filled(text: &str, upstream: &str) -> String {
    let url = reqwest::Url::parse(upstream).ok();
    let host = url.as_ref().and_then(|url| url.host_str());
    let port = url.as_ref().and_then(reqwest::Url::port_or_known_default);
    text.replace("${upstream}", upstream)
        .replace("${upstream_host}", host.unwrap_or("127.0.0.1"))
        .replace("${upstream_port}", &port.unwrap_or(80).to_string())
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::TargetFile;

    #[test]
    fn every_recipe_is_as_its_schema_says_and_its_target_file_can_be_used() {
        let schema = crate::schema::compile("recipe").unwrap();
        let files = fixtures::folder("recipes");
        assert!(files.len() >= 8);
        for (path, text) in files {
            let value: toml::Table = toml::from_str(text).unwrap();
            let value = serde_json::to_value(value).unwrap();
            assert_eq!(crate::schema::issues(&schema, &value), [], "{path}");
            let recipe: Recipe = toml::from_str(text).unwrap();
            assert_eq!(format!("{}.toml", recipe.name), path);
            TargetFile::parse(&recipe.target.text)
                .unwrap_or_else(|error| panic!("{path}: {error}"));
            let shown = recipe.text("http://127.0.0.1:9100");
            let head = shown.split("## ").next().unwrap();
            assert!(
                head.contains("https://") && !head.contains("${"),
                "{path}: {head}"
            );
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = named("litelm").unwrap_err();
        assert!(
            error.contains("did you mean 'litellm'?") && error.contains("portkey"),
            "{error}"
        );
    }
}

//! The command line and the environment, read once and turned into settings.
//!
//! Keys are taken as plain text and parsed here, because the parser's own complaints quote what was typed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use reference_gateway::{
    AZURE_API_VERSION, BaseUrl, Clients, Config, ConfigError, Group, Limits, Profile, Provider,
    Secret, ServiceAccount, Upstream, Vertex,
};

/// What the program was told to do.
pub(crate) struct Options {
    pub(crate) listen: String,
    pub(crate) log: String,
    pub(crate) config: Config,
}

/// Reads the arguments; what is wrong with them ends the program with code 2.
pub(crate) fn parse() -> Options {
    Flags::parse().into_options().unwrap_or_else(|message| {
        Flags::command()
            .error(ErrorKind::ValueValidation, message)
            .exit()
    })
}

/// A small gateway for image generation: one OpenAI-shaped endpoint in front of several providers.
#[derive(Parser)]
#[command(name = "image-reference-gateway", version, max_term_width = 100)]
struct Flags {
    /// Which document to implement
    #[arg(long, default_value_t, value_parser = profiles())]
    profile: Profile,

    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9200")]
    listen: String,

    /// The address that clients know, for links to hosted images [default: where it listens]
    #[arg(long, value_name = "URL")]
    public_url: Option<BaseUrl>,

    /// Where a provider is reached, with or without /v1; without PROVIDER, where all are
    #[arg(long = "upstream", value_name = "[PROVIDER=]URL", required = true)]
    upstreams: Vec<String>,

    /// The key for a provider, or for all; several are separated by commas. Prefer the variable: others can see a
    /// command line
    #[arg(
        long = "upstream-key",
        value_name = "[PROVIDER=]KEY",
        env = "IMAGE_REFERENCE_GATEWAY_UPSTREAM_KEYS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    upstream_keys: Vec<String>,

    /// A key that clients may use, and its group: openai (default), openai-no-images, gemini, none.
    /// Several are separated by commas. Without any, every key is an `openai` one, except what contains `invalid`
    #[arg(
        long = "client-key",
        value_name = "KEY[=GROUP]",
        env = "IMAGE_REFERENCE_GATEWAY_CLIENT_KEYS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    client_keys: Vec<String>,

    /// The api-version of calls to Azure OpenAI [default: 2025-04-01-preview]
    #[arg(long, value_name = "VERSION")]
    azure_api_version: Option<String>,

    /// The project in Vertex AI [default: reference]
    #[arg(long, value_name = "PROJECT")]
    vertex_project: Option<String>,

    /// The region in Vertex AI, or global [default: us-central1]
    #[arg(long, value_name = "LOCATION")]
    vertex_location: Option<String>,

    /// A key file of Google's: its tokens open Vertex AI, instead of a key
    #[arg(long, value_name = "FILE")]
    vertex_service_account: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitFlags,

    /// Do something wrong on purpose: a mutant of fixtures/mutants (repeatable)
    #[cfg(feature = "mutants")]
    #[arg(long = "mutant", value_name = "ID")]
    mutants: Vec<String>,

    /// What to log to stderr: a level, or directives such as reference_gateway=debug
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Limits (a duration D is a number with ms, s, m or h)")]
struct LimitFlags {
    /// Largest request body [default: 32 MiB]
    #[arg(long, value_name = "BYTES")]
    max_body: Option<usize>,

    /// Largest upstream answer [default: 128 MiB]
    #[arg(long, value_name = "BYTES")]
    max_answer: Option<usize>,

    /// Largest event of a stream [default: 64 MiB]
    #[arg(long, value_name = "BYTES")]
    max_event: Option<usize>,

    /// Most connections at a time [default: 1024]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,

    /// Longest wait for an upstream answer, or for the next piece of a stream [default: 5m]
    #[arg(long, value_name = "D", value_parser = duration)]
    timeout: Option<Duration>,

    /// Longest wait for a connection to the upstream [default: 10s]
    #[arg(long, value_name = "D", value_parser = duration)]
    connect_timeout: Option<Duration>,

    /// Longest wait for the next piece of a client's request [default: 30s]
    #[arg(long, value_name = "D", value_parser = duration)]
    client_timeout: Option<Duration>,

    /// How long open exchanges may go on after a signal to end [default: 10s]
    #[arg(long, value_name = "D", value_parser = duration)]
    shutdown_timeout: Option<Duration>,

    /// Room for hosted images, at least --max-answer [default: 256 MiB]
    #[arg(long, value_name = "BYTES")]
    hosted_bytes: Option<usize>,

    /// Most hosted images [default: 1000]
    #[arg(long, value_name = "N")]
    hosted_images: Option<usize>,

    /// How long an image is hosted [default: 1h]
    #[arg(long, value_name = "D", value_parser = duration)]
    hosted_for: Option<Duration>,
}

impl Flags {
    fn into_options(self) -> Result<Options, String> {
        let account = self.vertex_service_account.as_deref().map(account);
        let vertex = Vertex::default();
        Ok(Options {
            config: Config {
                profile: self.profile,
                public_url: self.public_url,
                upstreams: upstreams(&self.upstreams, &self.upstream_keys)?,
                clients: clients(&self.client_keys)?,
                azure_api_version: named(
                    self.azure_api_version,
                    AZURE_API_VERSION,
                    "--azure-api-version",
                )?,
                vertex: Vertex {
                    project: named(self.vertex_project, &vertex.project, "--vertex-project")?,
                    location: named(self.vertex_location, &vertex.location, "--vertex-location")?,
                    account: account.transpose()?,
                },
                limits: self.limits.into_limits(),
                #[cfg(feature = "mutants")]
                mutants: mutants(&self.mutants)?,
            },
            listen: self.listen,
            log: self.log,
        })
    }
}

impl LimitFlags {
    fn into_limits(self) -> Limits {
        let default = Limits::default();
        Limits {
            request_body: self.max_body.unwrap_or(default.request_body),
            answer_body: self.max_answer.unwrap_or(default.answer_body),
            event: self.max_event.unwrap_or(default.event),
            connections: self.max_connections.unwrap_or(default.connections),
            client_idle: self.client_timeout.unwrap_or(default.client_idle),
            connect: self.connect_timeout.unwrap_or(default.connect),
            answer: self.timeout.unwrap_or(default.answer),
            shutdown: self.shutdown_timeout.unwrap_or(default.shutdown),
            hosted_bytes: self.hosted_bytes.unwrap_or(default.hosted_bytes),
            hosted_images: self.hosted_images.unwrap_or(default.hosted_images),
            hosted_for: self.hosted_for.unwrap_or(default.hosted_for),
        }
    }
}

fn profiles() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(Profile::ALL.iter().map(|profile| profile.name()))
        .try_map(|name| name.parse::<Profile>())
}

fn upstreams(urls: &[String], keys: &[String]) -> Result<BTreeMap<Provider, Upstream>, String> {
    let mut upstreams = BTreeMap::new();
    for text in urls {
        let (providers, url) = addressed(text, "--upstream")?;
        let url: BaseUrl = parsed(url, "--upstream")?;
        for provider in providers {
            let upstream = Upstream {
                url: url.clone(),
                key: None,
            };
            if upstreams.insert(*provider, upstream).is_some() {
                return Err(format!("two values of --upstream for {}", provider.name()));
            }
        }
    }
    for text in keys {
        let (providers, key) = addressed(text, "--upstream-key")?;
        let key: Secret = parsed(key, "--upstream-key")?;
        for provider in providers {
            let upstream = upstreams.get_mut(provider).ok_or_else(|| {
                format!("--upstream-key for {} without --upstream", provider.name())
            })?;
            if upstream.key.replace(key.clone()).is_some() {
                return Err(format!(
                    "two values of --upstream-key for {}",
                    provider.name()
                ));
            }
        }
    }
    Ok(upstreams)
}

/// The providers that a value is for, and the value. A prefix of lower-case letters is a provider's name; neither an
/// address nor a key begins like that.
fn addressed<'a>(text: &'a str, flag: &str) -> Result<(&'static [Provider], &'a str), String> {
    match text.split_once('=') {
        Some((name, value))
            if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()) =>
        {
            let provider: Provider = parsed(name, flag)?;
            let all = Provider::ALL.iter().position(|known| *known == provider);
            let providers = all.map_or(&[][..], |at| &Provider::ALL[at..=at]);
            Ok((providers, value))
        }
        _ => Ok((Provider::ALL, text)),
    }
}

/// A value that becomes part of an address.
fn named(value: Option<String>, default: &str, flag: &str) -> Result<String, String> {
    let value = value.unwrap_or_else(|| default.to_owned());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if value.is_empty() || !value.bytes().all(is_plain) {
        return Err(format!(
            "{flag}: only letters, digits and -_.: can stand in it"
        ));
    }
    Ok(value)
}

fn account(path: &Path) -> Result<ServiceAccount, String> {
    let problem =
        |problem: String| format!("--vertex-service-account {}: {problem}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    ServiceAccount::from_json(&text).map_err(|error| problem(error.to_string()))
}

fn clients(keys: &[String]) -> Result<Clients, String> {
    const FLAG: &str = "--client-key";

    if keys.is_empty() {
        return Ok(Clients::Open);
    }
    let mut listed: Vec<(Secret, Group)> = Vec::new();
    for text in keys {
        let (key, group) = match text.rsplit_once('=') {
            // What base64 pads with is part of the key.
            Some((key, group)) if !group.is_empty() => (key, parsed(group, FLAG)?),
            _ => (text.as_str(), Group::OpenAi),
        };
        let key: Secret = parsed(key, FLAG)?;
        if listed.iter().any(|(known, _)| *known == key) {
            return Err(format!("the same key twice in {FLAG}"));
        }
        listed.push((key, group));
    }
    Ok(Clients::Listed(listed))
}

#[cfg(feature = "mutants")]
fn mutants(ids: &[String]) -> Result<Vec<mutation::Mutant>, String> {
    let named = ids.iter().map(|id| mutation::named(id));
    named
        .collect::<Result<_, _>>()
        .map_err(|error| format!("--mutant: {error}"))
}

fn parsed<T: FromStr<Err = ConfigError>>(text: &str, flag: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{flag}: {error}"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("a duration needs a unit: ms, s, m or h".to_owned()),
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        // Longer than a month is a slip of the pen, and could overflow a clock.
        .filter(|milliseconds| *milliseconds <= 31 * 24 * 3_600_000)
        .map(Duration::from_millis)
        .ok_or_else(|| "a duration is a whole number and a unit, at most 744h".to_owned())
}

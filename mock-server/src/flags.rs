//! The flags of `image-mock-server`, for every program that starts one: the binary itself, and the harness, whose
//! target files hold such flags.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, FromArgMatches as _, ValueEnum};
use time::macros::format_description;

use crate::builder::Builder;
use crate::latency::Latency;
use crate::rate_limit::RateLimit;
use crate::settings::{Deployment, Settings, Validation};
use crate::tls::Tls;

/// How a server is started, as written on a command line.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9100")]
    pub listen: SocketAddr,
    /// Accept only this credential (repeatable), and the tokens that this server hands out. Without it anything
    /// non-empty is accepted that does not contain `invalid`.
    #[arg(long = "api-key", value_name = "KEY")]
    pub api_keys: Vec<String>,
    /// Take calls of Vertex without a credential too.
    #[arg(long)]
    pub anonymous: bool,
    /// A deployment of Azure and the model behind it, which must be known (repeatable). Any other name stands for
    /// the longest known model id in it.
    #[arg(long = "deployment", value_name = "NAME=MODEL")]
    pub deployments: Vec<Deployment>,
    /// What `url` results begin with. Default: the address it listens on.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Judge on this day which models are retired. Without it only dall-e is refused.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub as_of: Option<time::Date>,
    /// Serve every retired model.
    #[arg(long)]
    pub legacy_models: bool,
    /// What every call is answered with, for example `rate-limit*2` (see `conditions`).
    #[arg(long, value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// Refuse what the provider refuses, or take any value.
    #[arg(long, value_enum, default_value = "strict")]
    pub validation: ValidationArg,
    /// How long a success takes: `realistic` goes by model, quality, size and number of images.
    #[arg(long, value_name = "none|realistic|DURATION", default_value = "none")]
    pub latency: Latency,
    /// What a credential may ask for in a minute (of Azure: of one deployment), for example
    /// `requests=5,images=10`; more is refused with 429 and the time to wait.
    #[arg(long, value_name = "requests=N,images=N")]
    pub rate_limit: Option<RateLimit>,
    /// Pad every image to at least this many bytes, and make the thought signatures of Gemini 3 as long, as real
    /// ones are.
    #[arg(long, value_name = "N")]
    pub image_bytes: Option<usize>,
    /// Fixes ids, pictures and latencies.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Keep at most so many journal entries.
    #[arg(long, value_name = "N", default_value_t = Settings::default().journal_entries)]
    pub journal_entries: usize,
    /// Keep at most about so many bytes of journal.
    #[arg(long, value_name = "N", default_value_t = Settings::default().journal_bytes)]
    pub journal_bytes: usize,
    /// Refuse larger request bodies.
    #[arg(long, value_name = "BYTES", default_value_t = Settings::default().max_body)]
    pub max_body: usize,
    /// Speak TLS with a certificate made at the start, for localhost.
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"])]
    pub tls: bool,
    /// Speak TLS with the certificate of this PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Do something wrong on purpose: a mutant of fixtures/mutants (repeatable).
    #[cfg(feature = "mutants")]
    #[arg(long = "mutant", value_name = "ID", value_parser = mutant)]
    pub mutants: Vec<mutation::Mutant>,
    /// What to log on stderr, for example `debug` or `mock_server=trace`.
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    pub log: String,
}

/// How strictly request members are judged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ValidationArg {
    /// As the provider does.
    Strict,
    /// Take any value and make the best of it.
    Lenient,
}

impl Flags {
    /// Reads flags as they stand behind the name of a program.
    ///
    /// ```
    /// use mock_server::flags::Flags;
    ///
    /// let flags = Flags::parse(["--anonymous", "--listen=127.0.0.1:0"])?;
    /// assert!(flags.anonymous && flags.listen.port() == 0);
    /// let error = Flags::parse(["--anonymus"]).unwrap_err();
    /// assert!(error.to_string().contains("--anonymous"));
    /// # Ok::<(), clap::Error>(())
    /// ```
    ///
    /// # Errors
    /// A flag that there is not, or a value that it does not take; the text says what there is.
    pub fn parse(
        words: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, clap::Error> {
        let command = clap::Command::new("image-mock-server").no_binary_name(true);
        let command = Self::augment_args(command).disable_help_flag(true);
        let words = words.into_iter().map(Into::into);
        Self::from_arg_matches(&command.try_get_matches_from(words)?)
    }

    /// A server with these flags, to be started where the caller listens.
    pub fn builder(self) -> Builder {
        let scenario = self.scenario.clone();
        let builder = Builder::default().settings(self.settings());
        match scenario {
            Some(scenario) => builder.scenario(scenario),
            None => builder,
        }
    }

    /// What the server is told.
    #[must_use]
    pub fn settings(self) -> Settings {
        Settings {
            api_keys: self.api_keys,
            anonymous: self.anonymous,
            deployments: self.deployments,
            public_url: self.public_url,
            as_of: self.as_of,
            legacy_models: self.legacy_models,
            validation: match self.validation {
                ValidationArg::Strict => Validation::Strict,
                ValidationArg::Lenient => Validation::Lenient,
            },
            latency: self.latency,
            rate_limit: self.rate_limit.unwrap_or_default(),
            seed: self.seed,
            image_bytes: self.image_bytes,
            tls: match (self.tls_cert, self.tls_key) {
                (Some(certificate), Some(key)) => Some(Tls::Files { certificate, key }),
                _ => self.tls.then_some(Tls::SelfSigned),
            },
            journal_entries: self.journal_entries,
            journal_bytes: self.journal_bytes,
            max_body: self.max_body,
            #[cfg(feature = "mutants")]
            mutants: self.mutants,
            ..Settings::default()
        }
    }
}

#[cfg(feature = "mutants")]
fn mutant(id: &str) -> Result<mutation::Mutant, String> {
    mutation::named(id).map_err(|error| error.to_string())
}

fn date(text: &str) -> Result<time::Date, String> {
    let form = format_description!("[year]-[month]-[day]");
    time::Date::parse(text, form).map_err(|_| "expected a day such as 2026-11-01".to_owned())
}

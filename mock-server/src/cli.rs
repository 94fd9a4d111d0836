//! The command line of `image-mock-server`. Everything it says goes to stderr, except the ready line and what
//! `conditions` and `service-account` print.

use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mock_server::latency::Latency;
use mock_server::rate_limit::RateLimit;
use mock_server::settings::{Deployment, Settings, Validation};
use mock_server::tls::Tls;
use mock_server::{MockServer, StartError};
use time::macros::format_description;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A mock provider server for image generation APIs: real images, streams, validation, errors and faults.
#[derive(Debug, Parser)]
#[command(
    name = "image-mock-server",
    version,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the vocabulary of scenarios, with what each provider answers.
    Conditions,
    /// Serve (the default).
    Serve(Box<Serve>),
    /// Print a Google key file whose tokens come from this server; its key is a throw-away.
    ServiceAccount {
        /// Where the reader of the file asks for tokens. Default: the default address of `serve`.
        #[arg(long, value_name = "URL")]
        token_uri: Option<String>,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// Accept only this credential (repeatable), and the tokens that this server hands out. Without it anything
    /// non-empty is accepted that does not contain `invalid`.
    #[arg(long = "api-key", value_name = "KEY")]
    api_keys: Vec<String>,
    /// Take calls of Vertex without a credential too.
    #[arg(long)]
    anonymous: bool,
    /// A deployment of Azure and the model behind it, which must be known (repeatable). Any other name stands for
    /// the longest known model id in it.
    #[arg(long = "deployment", value_name = "NAME=MODEL")]
    deployments: Vec<Deployment>,
    /// What `url` results begin with. Default: the address it listens on.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Judge on this day which models are retired. Without it only dall-e is refused.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    as_of: Option<time::Date>,
    /// Serve every retired model.
    #[arg(long)]
    legacy_models: bool,
    /// What every call is answered with, for example `rate-limit*2` (see `conditions`).
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<String>,
    /// Refuse what the provider refuses, or take any value.
    #[arg(long, value_enum, default_value = "strict")]
    validation: ValidationArg,
    /// How long a success takes: `realistic` goes by model, quality, size and number of images.
    #[arg(long, value_name = "none|realistic|DURATION", default_value = "none")]
    latency: Latency,
    /// What a credential may ask for in a minute (of Azure: of one deployment), for example
    /// `requests=5,images=10`; more is refused with 429 and the time to wait.
    #[arg(long, value_name = "requests=N,images=N")]
    rate_limit: Option<RateLimit>,
    /// Pad every image to at least this many bytes, and make the thought signatures of Gemini 3 as long, as real
    /// ones are.
    #[arg(long, value_name = "N")]
    image_bytes: Option<usize>,
    /// Fixes ids, pictures and latencies.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Keep at most so many journal entries.
    #[arg(long, value_name = "N", default_value_t = Settings::default().journal_entries)]
    journal_entries: usize,
    /// Keep at most about so many bytes of journal.
    #[arg(long, value_name = "N", default_value_t = Settings::default().journal_bytes)]
    journal_bytes: usize,
    /// Refuse larger request bodies.
    #[arg(long, value_name = "BYTES", default_value_t = Settings::default().max_body)]
    max_body: usize,
    /// Speak TLS with a certificate made at the start, for localhost.
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"])]
    tls: bool,
    /// Speak TLS with the certificate of this PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of that certificate, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// What to log on stderr, for example `debug` or `mock_server=trace`.
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    log: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ValidationArg {
    Strict,
    Lenient,
}

fn date(text: &str) -> Result<time::Date, String> {
    let form = format_description!("[year]-[month]-[day]");
    time::Date::parse(text, form).map_err(|_| "expected a day such as 2026-11-01".to_owned())
}

impl Cli {
    /// Does what the command line says and returns when it is done.
    pub(crate) fn run(self) -> ExitCode {
        let done = match self.command {
            Some(Command::Conditions) => conditions(),
            Some(Command::Serve(serve)) => serve.run(),
            Some(Command::ServiceAccount { token_uri }) => service_account(token_uri.as_deref()),
            None => self.serve.run(),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            // Who pipes into `head` has read enough.
            Err(Error::Process(error)) if error.kind() == ErrorKind::BrokenPipe => {
                ExitCode::SUCCESS
            }
            Err(error) => complain(&error),
        }
    }
}

/// Exit code for a command line that cannot be used.
const USAGE: u8 = 2;
/// Exit code for a server that cannot be started.
const SETUP: u8 = 3;

fn complain(error: &Error) -> ExitCode {
    let mut text = format!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    let _ = writeln!(std::io::stderr(), "{text}");
    match error {
        Error::Log(_) | Error::Start(StartError::Deployment(_) | StartError::Scenario(_)) => {
            ExitCode::from(USAGE)
        }
        _ => ExitCode::from(SETUP),
    }
}

/// Why the program ends early.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The address cannot be used.
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    /// The log filter cannot be used.
    #[error("'--log {0}' is no log filter")]
    Log(String),
    /// Standard output is gone, or signals cannot be waited for.
    #[error(transparent)]
    Process(#[from] std::io::Error),
    /// The server cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

fn conditions() -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    for word in mock_server::vocabulary()? {
        writeln!(out, "{:22} {:9} {}", word.name, word.kind, word.summary)?;
        if !word.params.is_empty() {
            writeln!(out, "{:22}   takes ;{}=", "", word.params.join("= ;"))?;
        }
        for answer in &word.answers {
            let show = |name: &str| answer[name].as_str().unwrap_or("-").to_owned();
            let (provider, kind, code) = (show("provider"), show("type"), show("code"));
            writeln!(
                out,
                "{:22}   {provider}: {} type {kind}, code {code}",
                "", answer["status"]
            )?;
        }
    }
    Ok(())
}

fn service_account(token_uri: Option<&str>) -> Result<(), Error> {
    let file = mock_server::service_account::key_file(token_uri).map_err(StartError::from)?;
    let text = serde_json::to_string_pretty(&file).map_err(std::io::Error::from)?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

impl Serve {
    fn run(self) -> Result<(), Error> {
        let filter = self.log.parse::<tracing_subscriber::EnvFilter>();
        let filter = filter.map_err(|_| Error::Log(self.log.clone()))?;
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
        // Painting is all that runs on blocking threads: more of them than cores only keep memory.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(cores.max(2))
            .build()?;
        runtime.block_on(self.serve())
    }

    async fn serve(self) -> Result<(), Error> {
        let address = self.listen;
        let listen = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let mut builder = MockServer::builder();
        if let Some(scenario) = self.scenario.clone() {
            builder = builder.scenario(scenario);
        }
        let server = builder.settings(self.settings()).start_on(listener)?;
        // Before the line that invites signals.
        let ended = ended()?;
        let mut out = std::io::stdout();
        writeln!(out, "listening on {}", server.url())?;
        out.flush()?;
        ended.await;
        server.shutdown().await;
        Ok(())
    }

    fn settings(self) -> Settings {
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
            ..Settings::default()
        }
    }
}

/// Begins to listen for SIGINT and SIGTERM; the future returns with the first of them.
fn ended() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

//! The command line of `image-mock-server`. Everything it says goes to stderr, except the ready line and what
//! `conditions` and `service-account` print.

use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mock_server::StartError;
use mock_server::flags::Flags;
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
    serve: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the vocabulary of scenarios, with what each provider answers.
    Conditions,
    /// Serve (the default).
    Serve(Box<Flags>),
    /// Print a Google key file whose tokens come from this server; its key is a throw-away.
    ServiceAccount {
        /// Where the reader of the file asks for tokens. Default: the default address of `serve`.
        #[arg(long, value_name = "URL")]
        token_uri: Option<String>,
    },
}

impl Cli {
    /// Does what the command line says and returns when it is done.
    pub(crate) fn run(self) -> ExitCode {
        let done = match self.command {
            Some(Command::Conditions) => conditions(),
            Some(Command::Serve(flags)) => run(*flags),
            Some(Command::ServiceAccount { token_uri }) => service_account(token_uri.as_deref()),
            None => run(self.serve),
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

fn run(flags: Flags) -> Result<(), Error> {
    let filter = flags.log.parse::<tracing_subscriber::EnvFilter>();
    let filter = filter.map_err(|_| Error::Log(flags.log.clone()))?;
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
    runtime.block_on(serve(flags))
}

async fn serve(flags: Flags) -> Result<(), Error> {
    let address = flags.listen;
    let listen = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let server = flags.builder().start_on(listener)?;
    // Before the line that invites signals.
    let ended = ended()?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", server.url())?;
    out.flush()?;
    ended.await;
    server.shutdown().await;
    Ok(())
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

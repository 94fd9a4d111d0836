//! The gateway as a program: flags to settings, serve, end on a signal.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use cli::Options;

#[tokio::main]
async fn main() -> ExitCode {
    let options = cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(&options.log)
        .with_writer(io::stderr)
        .init();
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let listener = TcpListener::bind(&options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let gateway = reference_gateway::start(options.config, listener)?;
    writeln!(io::stdout(), "listening on {}", gateway.url())?;
    either(&mut interrupt, &mut terminate).await;
    tokio::select! {
        () = gateway.shutdown() => {}
        // Whoever signals twice does not want to wait.
        () = either(&mut interrupt, &mut terminate) => {}
    }
    Ok(())
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

//! `image-mock-server`: flags in, server up, one line on stdout when it is ready.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}

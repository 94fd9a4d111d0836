//! `image-harness completions SHELL`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory as _};

use crate::cli::{Cli, Stopped};
use crate::verdict::Exit;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// For which shell; write the output to where it looks for completions.
    #[arg(value_enum, value_name = "SHELL")]
    shell: clap_complete::Shell,
}

impl Completions {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "every command of the command line has this form"
    )]
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let mut command = Cli::command();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut std::io::stdout());
        Ok(Exit::Good)
    }
}

//! Commands that run to their end: what resets a target, what stops what the gateway started elsewhere.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::Keeper;
use super::group::Group;

/// A killed command is gone at once.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// A program with everything that it is started with.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Program and arguments.
    pub(crate) words: Vec<String>,
    /// Where it runs.
    pub(crate) directory: PathBuf,
    /// Added to the environment of the harness.
    pub(crate) environment: Vec<(String, String)>,
}

impl Program {
    /// As it was called.
    pub(super) fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Ready to be started; it prints nothing, and nobody types.
    pub(super) fn command(&self) -> Command {
        let name = self.name();
        // A path with a slash begins in the directory, whatever the platform makes of it.
        let below = || std::path::absolute(self.directory.join(name)).ok();
        let path = name.contains('/').then(below).flatten();
        let path = path.unwrap_or_else(|| PathBuf::from(name));
        let mut command = Command::new(path);
        command
            .args(self.words.iter().skip(1))
            .current_dir(&self.directory)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs it to its end, and all that it started with it; blocks. Says why it is of no use.
    pub(super) fn run(&self, keeper: Option<&Keeper>, longest: Duration) -> Result<(), String> {
        let name = self.name();
        let (mut child, group) = Group::start(&mut self.command()).map_err(|error| {
            format!(
                "cannot run '{name}' in {}: {error}",
                self.directory.display()
            )
        })?;
        if let Some(keeper) = keeper {
            keeper.begun(group);
        }
        let ended = group.is_gone_within(&mut child, longest);
        if !ended {
            group.send(Signal::KILL);
            group.is_gone_within(&mut child, KILL_LIMIT);
        }
        if let Some(keeper) = keeper {
            keeper.over(group);
        }
        match child.try_wait() {
            _ if !ended => Err(format!(
                "'{name}' did not end within {} s",
                longest.as_secs_f64()
            )),
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(format!("'{name}' ended with {status}")),
            Ok(None) | Err(_) => Err(format!("'{name}' cannot be waited for")),
        }
    }
}

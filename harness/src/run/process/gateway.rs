//! The gateway of a target file, while it runs.

use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;

use super::group::Group;
use super::helper::Program;
use super::lock;
use super::output::Output;
use crate::redact::Redactor;
use crate::target::StopSignal;

/// A killed process is gone at once; one that the kernel cannot end must not keep the harness.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Everything that is needed to start a gateway and to stop it.
pub(crate) struct Launch {
    /// What runs.
    pub(crate) program: Program,
    /// A text that a line of its output will hold when it is ready.
    pub(crate) awaited: Option<String>,
    /// A file for its output.
    pub(crate) log: Option<PathBuf>,
    /// Run before it is sent the signal.
    pub(crate) stop_command: Option<Program>,
    /// What asks it to end.
    pub(crate) signal: StopSignal,
    /// Until it is killed.
    pub(crate) grace: Duration,
}

/// A gateway that was started.
pub(crate) struct Gateway {
    group: Group,
    child: Mutex<Child>,
    output: Arc<Output>,
    stop_command: Option<Program>,
    signal: Signal,
    grace: Duration,
    is_stopped: Mutex<bool>,
}

/// A gateway that is not ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    /// It ended.
    #[error("{program} ended ({status}) before it was ready; {lines}")]
    Ended {
        /// What was started.
        program: String,
        /// How it ended.
        status: String,
        /// What it printed last.
        lines: String,
    },
    /// Its output cannot be written there.
    #[error("start.log: cannot write {}: {source}", path.display())]
    Log {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It runs, but cannot be tested.
    #[error("{program} is not ready after {}: {wanted}; {lines}", seconds(.within))]
    NotReady {
        /// What was started.
        program: String,
        /// How long was waited.
        within: Duration,
        /// What was waited for, and what was there instead.
        wanted: String,
        /// What it printed last.
        lines: String,
    },
    /// Somebody else is there.
    #[error(
        "something answers at {0} already, and it would be tested in the gateway's place: stop it, or let base_url have the port ${{port}}, a free one"
    )]
    Occupied(String),
    /// No such program.
    #[error("start.command: cannot run '{program}' in {}: {source}", directory.display())]
    Program {
        /// As it was called.
        program: String,
        /// Where.
        directory: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

fn seconds(time: &Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

impl Gateway {
    /// Starts it.
    pub(crate) fn start(launch: Launch, redactor: Redactor) -> Result<Arc<Self>, GatewayError> {
        let log = launch.log.as_deref();
        let output = Output::new(redactor, launch.awaited, log).map_err(|source| {
            let path = launch.log.clone().unwrap_or_default();
            GatewayError::Log { path, source }
        })?;
        let mut command = launch.program.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Group::start(&mut command);
        let (mut child, group) = started.map_err(|source| GatewayError::Program {
            program: launch.program.name().to_owned(),
            directory: launch.program.directory.clone(),
            source,
        })?;
        if let Some(stream) = child.stdout.take() {
            output.read(stream);
        }
        if let Some(stream) = child.stderr.take() {
            output.read(stream);
        }
        Ok(Arc::new(Self {
            group,
            child: Mutex::new(child),
            output,
            stop_command: launch.stop_command,
            signal: launch.signal.into(),
            grace: launch.grace,
            is_stopped: Mutex::new(false),
        }))
    }

    /// How it ended, if it did and nobody stopped it.
    pub(crate) fn ended(&self) -> Option<String> {
        if *lock(&self.is_stopped) {
            return None;
        }
        let status = lock(&self.child).try_wait().ok().flatten();
        status.as_ref().map(ExitStatus::to_string)
    }

    /// The process that leads its group.
    #[cfg(test)]
    pub(crate) fn leader(&self) -> rustix::process::Pid {
        self.group.leader()
    }

    /// Whether the line that was awaited has come.
    pub(crate) fn has_announced_itself(&self) -> bool {
        self.output.has_come()
    }

    /// What it printed last, secrets masked.
    pub(crate) fn last_lines(&self) -> String {
        self.output.last_lines()
    }

    /// Ends it and everything that it started: first it is asked, then, when the grace is over, killed. Waits until
    /// it is gone. A second call does nothing.
    pub(crate) fn stop(&self) {
        let mut is_stopped = lock(&self.is_stopped);
        if std::mem::replace(&mut *is_stopped, true) {
            return;
        }
        if let Some(program) = &self.stop_command
            && let Err(problem) = program.run(None, self.grace)
        {
            tracing::warn!(%problem, "stop.command");
        }
        let mut child = lock(&self.child);
        self.group.send(self.signal);
        if !self.group.is_gone_within(&mut child, self.grace) {
            self.group.send(Signal::KILL);
            self.group.is_gone_within(&mut child, KILL_LIMIT);
        }
    }
}

impl From<StopSignal> for Signal {
    fn from(signal: StopSignal) -> Self {
        match signal {
            StopSignal::Hup => Self::HUP,
            StopSignal::Int => Self::INT,
            StopSignal::Kill => Self::KILL,
            StopSignal::Quit => Self::QUIT,
            StopSignal::Term => Self::TERM,
        }
    }
}

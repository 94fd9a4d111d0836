//! Programs that the harness starts: the gateway of a target file, and the commands that reset or stop it. Whatever
//! happens (the end, an error, a panic, Ctrl-C), nothing of it stays: each runs in a process group of its own, and
//! the [`Keeper`] ends them all. Only `kill -9` against the harness itself gets past it, and a program that leaves
//! its process group.

mod gateway;
mod group;
mod helper;
mod output;
pub(crate) use ready::Site;
mod ready;
mod reset;

pub(crate) use gateway::{Gateway, Launch};
pub(crate) use helper::Program;
pub(crate) use reset::{Remedy, Reset};

use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use group::Group;

/// Added to the number of a signal for the exit code of a program that it ended, as shells do.
const SIGNALLED: i32 = 128;

/// Everything that was started and must be gone in the end.
#[derive(Default)]
pub(crate) struct Keeper {
    gateway: Mutex<Option<Arc<Gateway>>>,
    helpers: Mutex<Vec<Group>>,
}

impl Keeper {
    /// Ends everything as soon as the harness is asked to end, and the harness with it. Needs a tokio runtime.
    ///
    /// # Errors
    /// Signals cannot be waited for.
    pub(crate) fn watch(self: &Arc<Self>) -> std::io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let keeper = Arc::clone(self);
        tokio::spawn(async move {
            let signal = tokio::select! {
                _ = interrupt.recv() => Signal::INT,
                _ = terminate.recv() => Signal::TERM,
                _ = hang_up.recv() => Signal::HUP,
            };
            let _ = tokio::task::spawn_blocking(move || keeper.end()).await;
            let _ = writeln!(
                std::io::stderr(),
                "interrupted: what was started is stopped"
            );
            std::process::exit(SIGNALLED + signal.as_raw());
        });
        Ok(())
    }

    /// Takes a gateway into its care.
    pub(crate) fn keep(&self, gateway: Arc<Gateway>) {
        *lock(&self.gateway) = Some(gateway);
    }

    /// The gateway, if one was started.
    pub(crate) fn gateway(&self) -> Option<Arc<Gateway>> {
        lock(&self.gateway).clone()
    }

    /// Ends everything; it may take as long as the gateway's grace.
    pub(crate) fn end(&self) {
        for helper in lock(&self.helpers).drain(..) {
            helper.send(Signal::KILL);
        }
        let gateway = lock(&self.gateway).clone();
        if let Some(gateway) = gateway {
            gateway.stop();
        }
    }

    fn begun(&self, helper: Group) {
        lock(&self.helpers).push(helper);
    }

    fn over(&self, helper: Group) {
        lock(&self.helpers).retain(|other| *other != helper);
    }
}

/// Ends everything when it is dropped: tasks that are stuck may keep the [`Keeper`] itself for ever.
pub(crate) struct Guard(pub(crate) Arc<Keeper>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::{Pid, test_kill_process};

    use super::*;
    use crate::redact::Redactor;
    use crate::target::StopSignal;

    #[test]
    fn a_panic_leaves_nothing_behind() {
        let launch = Launch {
            program: Program {
                words: ["sh", "-c", "sleep 600 & sleep 600"]
                    .map(str::to_owned)
                    .into(),
                directory: ".".into(),
                environment: Vec::new(),
            },
            awaited: None,
            log: None,
            stop_command: None,
            signal: StopSignal::Term,
            grace: Duration::from_secs(5),
        };
        let gateway = Gateway::start(launch, Redactor::default()).unwrap();
        let leader = gateway.leader();
        let keeper = Arc::new(Keeper::default());
        keeper.keep(Arc::clone(&gateway));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = Guard(keeper);
            std::panic::resume_unwind(Box::new("a mistake"));
        }));
        assert!(panicked.is_err());
        let is_gone = |pid: Pid| test_kill_process(pid).is_err();
        assert!(is_gone(leader));
        // Whoever was stopped has not ended by himself.
        assert_eq!(gateway.ended(), None);
    }
}

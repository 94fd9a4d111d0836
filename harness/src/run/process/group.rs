//! A process group: a program and everything that it started.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// Between two looks at whether a group is gone.
const PAUSE: Duration = Duration::from_millis(20);

/// A process group, by the process that leads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group(Pid);

impl Group {
    /// Starts a program as the leader of a group of its own: a Ctrl-C in the terminal reaches the harness alone, which
    /// then ends it in order.
    pub(super) fn start(command: &mut Command) -> std::io::Result<(Child, Self)> {
        let child = command.process_group(0).spawn()?;
        let group = Self(Pid::from_child(&child));
        Ok((child, group))
    }

    /// The process that leads it.
    #[cfg(test)]
    pub(super) fn leader(self) -> Pid {
        self.0
    }

    /// Sends a signal to all of it; what is gone needs none.
    pub(super) fn send(self, signal: Signal) {
        let _ = kill_process_group(self.0, signal);
    }

    /// Waits until its leader, `child`, and all others are gone; says whether they are.
    pub(super) fn is_gone_within(self, child: &mut Child, longest: Duration) -> bool {
        let end = Instant::now() + longest;
        loop {
            // The leader is asked first: until then it is a zombie, and one of the group.
            let leader_is_gone = !matches!(child.try_wait(), Ok(None));
            if leader_is_gone && self.is_gone() {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn is_gone(self) -> bool {
        test_kill_process_group(self.0) == Err(Errno::SRCH)
    }
}

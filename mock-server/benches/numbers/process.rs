//! Servers as processes of their own, and what the system tells of them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::client::Reply;
use crate::{Fallible, bare};

/// What `/proc/PID/stat` counts in: `USER_HZ`, which is 100 on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// A running server; it ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    file: Option<PathBuf>,
}

impl Server {
    /// The mock, with more arguments.
    pub(crate) fn mock(arguments: &[&str]) -> Fallible<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-mock-server"));
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        Self::start(command, None)
    }

    /// A server that answers everything with this.
    pub(crate) fn bare(reply: &Reply) -> Fallible<Self> {
        let name = format!("mock-server-bench-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut file = std::fs::File::create(&path)?;
        file.write_all(serde_json::to_string(reply)?.as_bytes())?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(bare::WORD).arg(&path);
        Self::start(command, Some(path))
    }

    fn start(mut command: Command, file: Option<PathBuf>) -> Fallible<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("the server has no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().rsplit('/').next().unwrap_or_default();
        let address = address.parse();
        let mut server = Self {
            child,
            address: ([127, 0, 0, 1], 0).into(),
            file,
        };
        server.address = address.map_err(|_| format!("the server said '{line}'"))?;
        Ok(server)
    }

    /// The processor time of all its threads so far, those that ended too.
    pub(crate) fn processor_time(&self) -> Fallible<Duration> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path)?;
        // The name, in brackets, may hold anything; user and system time are the 14th and 15th field.
        let (_, rest) = stat.rsplit_once(')').ok_or("no /proc/PID/stat")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |index: usize| -> Fallible<u32> {
            Ok(fields.get(index).ok_or("a short /proc/PID/stat")?.parse()?)
        };
        Ok(TICK * (ticks(11)? + ticks(12)?))
    }

    /// A line of `/proc/PID/status`, in KiB.
    pub(crate) fn memory(&self, name: &str) -> Fallible<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(number
            .ok_or("no such line in /proc/PID/status")?
            .trim()
            .parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(path) = &self.file {
            let _ = std::fs::remove_file(path);
        }
    }
}

//! What a started program prints: the last lines are kept, all of them go into the log file if there is one, and
//! secrets are masked before anything is kept or written.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::lock;
use crate::redact::Redactor;

/// So many lines are kept.
const MOST_LINES: usize = 25;
/// Longer lines are cut into several.
const LONGEST_LINE: u64 = 4096;

/// What a program has printed so far.
pub(super) struct Output {
    lines: Mutex<VecDeque<String>>,
    log: Mutex<Option<File>>,
    redactor: Redactor,
    awaited: Option<String>,
    has_come: AtomicBool,
}

impl Output {
    /// Nothing was printed yet; `awaited` is a text that some line is to hold.
    pub(super) fn new(
        redactor: Redactor,
        awaited: Option<String>,
        log: Option<&Path>,
    ) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            lines: Mutex::default(),
            log: Mutex::new(log.map(File::create).transpose()?),
            redactor,
            awaited,
            has_come: AtomicBool::new(false),
        }))
    }

    /// Reads a stream to its end in a thread of its own. Nobody waits for it: what the program started may hold the
    /// stream open.
    pub(super) fn read(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let output = Arc::clone(self);
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while let Ok(1..) = (&mut reader)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)
            {
                output.add(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
    }

    /// Whether the awaited line has come.
    pub(super) fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Relaxed)
    }

    /// The last lines, masked, each indented.
    pub(super) fn last_lines(&self) -> String {
        let lines = lock(&self.lines);
        if lines.is_empty() {
            return "it printed nothing".to_owned();
        }
        let lines: Vec<_> = lines.iter().map(|line| format!("    {line}")).collect();
        format!("the last that it printed:\n{}", lines.join("\n"))
    }

    fn add(&self, line: &str) {
        if self
            .awaited
            .as_ref()
            .is_some_and(|text| line.contains(text))
        {
            self.has_come.store(true, Ordering::Relaxed);
        }
        let line = self.redactor.text(line.trim_end());
        if let Some(log) = &mut *lock(&self.log) {
            // A full disk is no reason to end a run.
            let _ = writeln!(log, "{line}");
        }
        let mut lines = lock(&self.lines);
        if lines.len() == MOST_LINES {
            lines.pop_front();
        }
        // Whatever it prints, the terminal stays as it is.
        lines.push_back(line.chars().filter(|c| !c.is_control()).collect());
    }
}

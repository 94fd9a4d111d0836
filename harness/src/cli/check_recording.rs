//! `image-harness check-recording FILE|DIR…`: holds recorded exchanges against the schemas and laws, without a
//! target.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Stopped;
use crate::recording::{Judge, Recording, Verdict, read};
use crate::verdict::Exit;

/// A larger file is no recording of an image exchange.
const LONGEST_FILE: u64 = 256 << 20;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct CheckRecording {
    /// A recording (schemas/recording.json), a HAR file, or a folder of them.
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
}

/// What was found so far.
#[derive(Default)]
struct Count {
    accepted: usize,
    rejected: usize,
    not_judged: BTreeMap<String, usize>,
    unusable: usize,
}

impl CheckRecording {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        let judge = Judge::builtin().map_err(|error| Stopped::error(error.to_string()))?;
        let files = self.files()?;
        let mut out = std::io::stdout().lock();
        let mut count = Count::default();
        for file in &files {
            match load(file, &judge) {
                Ok(recordings) => {
                    let several = recordings.len() > 1;
                    for (at, recording) in recordings.iter().enumerate() {
                        let part = several.then(|| format!(" entry {}", at + 1));
                        let name = format!("{}{}", file.display(), part.unwrap_or_default());
                        count.judge(&name, recording, &judge, &mut out)?;
                    }
                }
                Err(problem) => {
                    count.unusable += 1;
                    writeln!(std::io::stderr(), "error: {}: {problem}", file.display())?;
                }
            }
        }
        count.write(&mut out)?;
        count.exit()
    }

    /// The files that are named, and those in the folders that are named.
    fn files(&self) -> Result<Vec<PathBuf>, Stopped> {
        let mut files = Vec::new();
        for path in &self.paths {
            let unreadable = |error: std::io::Error| {
                Stopped::usage(format!("cannot read {}: {error}", path.display()))
            };
            if !fs::metadata(path).map_err(unreadable)?.is_dir() {
                files.push(path.clone());
                continue;
            }
            let mut inside = Vec::new();
            for entry in fs::read_dir(path).map_err(unreadable)? {
                inside.push(entry.map_err(unreadable)?.path());
            }
            inside.retain(|file| is_recording(file));
            inside.sort();
            files.extend(inside);
        }
        Ok(files)
    }
}

fn is_recording(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("json" | "har")) && file.is_file()
}

fn load(file: &Path, judge: &Judge) -> Result<Vec<Recording>, String> {
    let told = |error: std::io::Error| format!("cannot read it: {error}");
    let opened = fs::File::open(file).map_err(told)?;
    let mut text = String::new();
    // One byte more than is taken tells a file of that length from a longer one; devices have no length.
    let mut limited = opened.take(LONGEST_FILE + 1);
    limited.read_to_string(&mut text).map_err(told)?;
    if limited.limit() == 0 {
        return Err(format!("more than {LONGEST_FILE} bytes"));
    }
    read(&text, judge.endpoints()).map_err(|error| error.to_string())
}

impl Count {
    fn judge(
        &mut self,
        name: &str,
        recording: &Recording,
        judge: &Judge,
        out: &mut impl Write,
    ) -> Result<(), Stopped> {
        let redactor = recording.redactor();
        let verdict = judge.judge(recording);
        match verdict.map_err(|error| Stopped::error(error.to_string()))? {
            Verdict::Accepted => self.accepted += 1,
            Verdict::NotJudged(reason) => {
                *self.not_judged.entry(redactor.text(&reason)).or_default() += 1;
            }
            Verdict::Rejected(problems) => {
                self.rejected += 1;
                let reasons: Vec<_> = problems
                    .iter()
                    .map(|problem| {
                        redactor.text(&format!("at {}: {}", problem.place, problem.reason))
                    })
                    .collect();
                let line = format!("rejected {name}: {}", reasons.join("; "));
                writeln!(out, "{}", harmless(&line))?;
            }
        }
        Ok(())
    }

    fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        for (reason, count) in &self.not_judged {
            writeln!(out, "not judged {count}: {}", harmless(reason))?;
        }
        let not_judged: usize = self.not_judged.values().sum();
        writeln!(
            out,
            "{} accepted, {} rejected, {not_judged} not judged",
            self.accepted, self.rejected
        )
    }

    fn exit(&self) -> Result<Exit, Stopped> {
        let judged = self.accepted + self.rejected;
        match (self.unusable, self.rejected) {
            (0, 0) if judged + self.not_judged.len() == 0 => Err(Stopped {
                exit: Exit::Nothing,
                message: "there is no recording (*.json, *.har)".to_owned(),
            }),
            (0, 0) => Ok(Exit::Good),
            (0, _) => Ok(Exit::Failed),
            (unusable, _) => Err(Stopped::usage(format!(
                "files that are no recordings: {unusable}"
            ))),
        }
    }
}

/// A recording is somebody else's text: nothing of it may command a terminal.
fn harmless(line: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    line.chars().map(shown).collect()
}

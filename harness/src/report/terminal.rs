//! `terminal`: quiet when good, a page when not.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::report::evidence::message;
use crate::report::out::{Encoding, Out, one_line};
use crate::report::page::{page, reason};
use crate::report::{Context, Format, Report};
use crate::run::CaseOutcome;
use crate::run::event::{Event, Header, Summary};
use crate::verdict::Verdict;

pub(super) const FORMAT: Format = Format {
    name: "terminal",
    summary: "for people: a page for each case that is not as it should be, and a summary",
    encoding: Encoding::Plain,
    create: |context, out| Box::new(Terminal::new(context, out)),
};

/// Between two progress lines where none can be written anew.
const PAUSE: Duration = Duration::from_secs(10);
/// Back to the beginning of the line, and clear it.
const CLEAR_LINE: &str = "\r\x1b[K";

struct Terminal {
    context: Arc<Context>,
    out: Out,
    counts: BTreeMap<Verdict, usize>,
    /// (check, requirement) → how often, and the first case with its message.
    warnings: BTreeMap<(String, String), (usize, String)>,
    /// (verdict, reason) → how often, of what is excused.
    excused: BTreeMap<(Verdict, String), usize>,
    told: Instant,
}

impl Report for Terminal {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(header) => self.started(header)?,
            Event::Finished(outcome) => self.finished(outcome)?,
            Event::Ended(summary) => self.ended(summary)?,
        }
        self.out.flush()
    }
}

impl Terminal {
    fn new(context: Arc<Context>, out: Out) -> Self {
        Self {
            context,
            out,
            counts: BTreeMap::new(),
            warnings: BTreeMap::new(),
            excused: BTreeMap::new(),
            told: Instant::now(),
        }
    }

    fn started(&mut self, header: &Header) -> io::Result<()> {
        let Header {
            target,
            profile,
            requirements,
            instances,
            ..
        } = header;
        self.out.text(&format!(
            "{instances} cases against {target}, profile {profile}, requirements {requirements}\n"
        ))
    }

    fn finished(&mut self, outcome: &CaseOutcome) -> io::Result<()> {
        *self.counts.entry(outcome.verdict).or_default() += 1;
        self.note_warnings(outcome);
        if self.out.is_live() {
            self.out.command(CLEAR_LINE)?;
        }
        if outcome.verdict.is_failure() {
            self.out
                .text(&format!("\n{}\n", page(&self.context, outcome)))?;
        } else if !matches!(outcome.verdict, Verdict::Pass | Verdict::Warn) {
            let reason = reason(&self.context, outcome).unwrap_or_else(|| outcome.id.clone());
            *self.excused.entry((outcome.verdict, reason)).or_default() += 1;
        }
        if self.out.is_live() {
            self.out.text(&self.progress())?;
        } else if self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            self.out.text(&format!("{}\n", self.progress()))?;
        }
        Ok(())
    }

    fn note_warnings(&mut self, outcome: &CaseOutcome) {
        for finding in outcome
            .findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Warn)
        {
            // The step's number tells cases apart, not warnings.
            let check = finding
                .id
                .split_once(':')
                .filter(|(step, _)| step.parse::<usize>().is_ok());
            let check = check
                .map_or(finding.id.as_str(), |(_, check)| check)
                .to_owned();
            let entry = self
                .warnings
                .entry((check, finding.requirement.clone()))
                .or_insert_with(|| {
                    (
                        0,
                        format!(
                            "{} ({})",
                            message(&self.context, outcome, finding),
                            outcome.id
                        ),
                    )
                });
            entry.0 += 1;
        }
    }

    /// `37/92 passed 35 failed 2`.
    fn progress(&self) -> String {
        let count = |verdicts: &[Verdict]| {
            verdicts
                .iter()
                .filter_map(|verdict| self.counts.get(verdict))
                .sum::<usize>()
        };
        let done: usize = self.counts.values().sum();
        let named = [
            ("passed", count(&[Verdict::Pass, Verdict::Warn])),
            ("failed", count(&[Verdict::Fail, Verdict::UnexpectedPass])),
            ("untestable", count(&[Verdict::Untestable])),
            ("errors", count(&[Verdict::Error])),
        ];
        let named = named
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!(" {name} {count}"));
        format!(
            "{done}/{}{}",
            self.context.header.instances,
            named.collect::<String>()
        )
    }

    fn ended(&mut self, summary: &Summary) -> io::Result<()> {
        if self.out.is_live() {
            self.out.command(CLEAR_LINE)?;
        }
        let mut lines = Vec::new();
        self.add_warnings(&mut lines);
        self.add_excused(&mut lines);
        let counts = summary.counts.iter().filter(|(_, count)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(verdict, count)| format!("{verdict} {count}"))
            .collect();
        let counts = if counts.is_empty() {
            "nothing ran".to_owned()
        } else {
            counts.join(", ")
        };
        lines.push(format!("\n{counts} in {:.1} s", summary.took.as_secs_f64()));
        let money = summary.money;
        lines.push(format!(
            "images: asked for {}, made upstream {}, delivered {}",
            money.asked, money.made, money.delivered
        ));
        lines.extend(summary.notes.iter().map(|note| format!("note: {note}")));
        self.out.text(&(lines.join("\n") + "\n"))
    }

    fn add_warnings(&self, lines: &mut Vec<String>) {
        if !self.warnings.is_empty() {
            lines.push("\nwarnings (what SHOULD hold and does not):".to_owned());
        }
        for ((check, requirement), (count, first)) in &self.warnings {
            let times = if *count > 1 {
                format!(" {count} times, first")
            } else {
                String::new()
            };
            lines.push(format!(
                "  {check} {requirement}:{times} {}",
                one_line(first)
            ));
        }
    }

    fn add_excused(&self, lines: &mut Vec<String>) {
        let mut last = None;
        for ((verdict, reason), count) in &self.excused {
            if last.replace(verdict) != Some(verdict) {
                lines.push(format!("\n{verdict}:"));
            }
            lines.push(format!("  {count:>3}  {}", one_line(reason)));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::report::sample;

    #[test]
    fn the_terminal_snapshot() {
        insta::assert_snapshot!(sample::report("terminal"));
    }

    #[test]
    fn a_good_run_is_quiet() {
        let good: Vec<_> = sample::run()
            .into_iter()
            .filter(|outcome| outcome.verdict == crate::verdict::Verdict::Pass)
            .collect();
        let text = sample::report_of("terminal", &good);
        assert!(text.lines().count() <= 5, "{text}");
    }
}

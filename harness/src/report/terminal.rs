//! `terminal`: quiet when good, a page when not.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::report::out::{Encoding, Out, Tone, one_line};
use crate::report::page::{Page, brief, page, traced};
use crate::report::tally::{Alike, Tally, often_first};
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
/// Failures after so many get no page of their own: a gateway that is not there yet fails everywhere alike.
const MOST_PAGES: usize = 20;
/// What the summary lists of each kind.
const MOST_LISTED: usize = 40;

struct Terminal {
    context: Arc<Context>,
    out: Out,
    tally: Tally,
    pages: usize,
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
            tally: Tally::default(),
            pages: 0,
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
        self.tally.add(&self.context, outcome);
        if self.out.is_live() {
            self.out.command(CLEAR_LINE)?;
        }
        if self.context.trace && !outcome.steps.is_empty() {
            self.page(&traced(&self.context, outcome))?;
        } else if outcome.verdict.is_failure() {
            self.pages += 1;
            match self.pages {
                ..=MOST_PAGES => self.page(&page(&self.context, outcome))?,
                _ => self.page(&brief(&self.context, outcome))?,
            }
        }
        if self.out.is_live() {
            self.out.text(&self.progress())?;
        } else if self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            self.out.text(&format!("{}\n", self.progress()))?;
        }
        Ok(())
    }

    fn page(&mut self, page: &Page) -> io::Result<()> {
        self.out.text("\n")?;
        for (tone, line) in page.lines() {
            self.out.toned(*tone, line)?;
            self.out.text("\n")?;
        }
        Ok(())
    }

    /// `37/92 passed 35 failed 2`.
    fn progress(&self) -> String {
        let named = [
            ("passed", self.tally.count(&[Verdict::Pass, Verdict::Warn])),
            (
                "failed",
                self.tally.count(&[Verdict::Fail, Verdict::UnexpectedPass]),
            ),
            ("untestable", self.tally.count(&[Verdict::Untestable])),
            ("errors", self.tally.count(&[Verdict::Error])),
        ];
        let named = named
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!(" {name} {count}"));
        format!(
            "{}/{}{}",
            self.tally.done(),
            self.context.header.instances,
            named.collect::<String>()
        )
    }

    fn ended(&mut self, summary: &Summary) -> io::Result<()> {
        if self.out.is_live() {
            self.out.command(CLEAR_LINE)?;
        }
        let mut lines = Vec::new();
        self.add_excused(&mut lines);
        let warnings = "warnings (what SHOULD hold and does not)";
        add_alike(&mut lines, warnings, Tone::Warn, &self.tally.warnings);
        let failures = "what failed, known failures apart";
        add_alike(&mut lines, failures, Tone::Bad, &self.tally.failures);
        add_counts(&mut lines, summary);
        for (tone, line) in lines {
            self.out.toned(tone, &line)?;
            self.out.text("\n")?;
        }
        Ok(())
    }

    fn add_excused(&self, lines: &mut Vec<(Tone, String)>) {
        let mut last = None;
        for ((verdict, reason), noted) in &self.tally.excused {
            if last.replace(verdict) != Some(verdict) {
                lines.push((Tone::Plain, String::new()));
                lines.push((Tone::Strong, format!("{verdict}:")));
            }
            let case = match (verdict, noted.count) {
                (Verdict::NotApplicable, _) => String::new(),
                (_, 1) => format!(" ({})", noted.case),
                (..) => format!(" (first {})", noted.case),
            };
            let line = format!("  {:>3}  {}{case}", noted.count, one_line(reason));
            lines.push((Tone::Plain, line));
        }
    }
}

fn add_alike(lines: &mut Vec<(Tone, String)>, title: &str, tone: Tone, alike: &Alike) {
    if alike.is_empty() {
        return;
    }
    lines.push((Tone::Plain, String::new()));
    lines.push((tone, format!("{title}:")));
    for (name, one) in often_first(alike).into_iter().take(MOST_LISTED) {
        let first = if one.count > 1 { "first " } else { "" };
        let message = one_line(&one.message);
        let line = format!(
            "  {:>3}  {name}: {message} ({first}{})",
            one.count, one.case
        );
        lines.push((Tone::Plain, line));
    }
    if alike.len() > MOST_LISTED {
        let more = alike.len() - MOST_LISTED;
        lines.push((Tone::Plain, format!("  … and {more} others")));
    }
}

fn add_counts(lines: &mut Vec<(Tone, String)>, summary: &Summary) {
    let counts = summary.counts.iter().filter(|(_, count)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(verdict, count)| format!("{verdict} {count}"))
        .collect();
    let counts = if counts.is_empty() {
        "nothing ran".to_owned()
    } else {
        counts.join(", ")
    };
    let tone = match summary.exit {
        crate::verdict::Exit::Good => Tone::Good,
        _ => Tone::Bad,
    };
    lines.push((Tone::Plain, String::new()));
    lines.push((
        tone,
        format!("{counts} in {:.1} s", summary.took.as_secs_f64()),
    ));
    let money = summary.money;
    let images = format!(
        "images: asked for {}, made upstream {}, delivered {}",
        money.asked, money.made, money.delivered
    );
    lines.push((Tone::Plain, images));
    let coverage = summary.coverage;
    let judged = format!(
        "requirements: {} judged of {} that the profile promises",
        coverage.judged, coverage.promised
    );
    lines.push((Tone::Plain, judged));
    let notes = summary.notes.iter().map(|note| format!("note: {note}"));
    lines.extend(notes.map(|note| (Tone::Strong, note)));
}

#[cfg(test)]
mod tests {
    use crate::report::sample;

    #[test]
    fn the_terminal_snapshot() {
        insta::assert_snapshot!(sample::report("terminal"));
    }

    #[test]
    fn a_trace_shows_the_wire_of_every_case() {
        let text = sample::traced("terminal");
        assert!(
            text.contains("client -> target: POST http://127.0.0.1:40001"),
            "{text}"
        );
        assert!(text.contains("    event: x\n"), "{text}");
    }

    #[test]
    fn nothing_that_a_target_says_commands_the_terminal() {
        for text in [sample::hostile("terminal"), sample::report("terminal")] {
            let bad: Vec<char> = text
                .chars()
                .filter(|c| crate::report::out::commands(*c))
                .collect();
            assert!(bad.is_empty(), "{bad:?}");
        }
    }

    #[test]
    fn a_broken_gateway_gets_a_page_for_the_first_failures_only() {
        let runs = (0..30).flat_map(|_| sample::run());
        let failed: Vec<_> = runs
            .filter(|outcome| outcome.id.ends_with("n@n=2"))
            .collect();
        let text = sample::report_of("terminal", &failed);
        assert_eq!(
            text.matches("client -> target").count(),
            super::MOST_PAGES,
            "{text}"
        );
        assert_eq!(text.matches("\nFAIL ").count(), 30, "{text}");
        let summed = "   30  images.count openai.images.n: 1 images came";
        assert!(text.contains(summed), "{text}");
    }

    #[test]
    fn a_good_run_is_quiet() {
        let good: Vec<_> = sample::run()
            .into_iter()
            .filter(|outcome| outcome.verdict == crate::verdict::Verdict::Pass)
            .collect();
        let text = sample::report_of("terminal", &good);
        assert!(text.lines().count() <= 6, "{text}");
    }
}

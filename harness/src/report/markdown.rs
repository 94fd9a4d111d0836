//! `markdown`: a summary for CI servers that show one, such as `$GITHUB_STEP_SUMMARY`: counts, new failures first,
//! known ones folded. What a target says is in code spans and blocks and cannot become markup.

pub(super) mod text;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use crate::check::Finding;
use crate::report::evidence::{Evidence, rerun};
use crate::report::hop::Observed;
use crate::report::out::{Encoding, Out};
use crate::report::page::reason;
use crate::report::tally::{Tally, often_first};
use crate::report::{Context, Format, Report};
use crate::run::CaseOutcome;
use crate::run::event::{Event, Summary};
use crate::verdict::{Exit, Verdict};
use text::{block, clipped, code, link, prose};

pub(super) const FORMAT: Format = Format {
    name: "markdown",
    summary: "for CI summaries: counts, new failures first, known ones folded",
    encoding: Encoding::Plain,
    create: |context, out| {
        Box::new(Markdown {
            context,
            out,
            tally: Tally::default(),
            failures: BTreeMap::new(),
            room: MOST_OF_FAILURES,
        })
    },
};

/// GitHub shows a summary of at most 1 MiB: failures in full take at most this, and everything else stays far
/// below the rest.
const MOST_OF_FAILURES: usize = 512 << 10;
/// Values and commands are cut after so many bytes.
const LONGEST_VALUE: usize = 4_000;
const LONGEST_COMMAND: usize = 2_000;
/// Sentences are cut after so many bytes, and so many of each kind are listed.
const LONGEST_SENTENCE: usize = 500;
const MOST_LISTED: usize = 100;

struct Markdown {
    context: Arc<Context>,
    out: Out,
    tally: Tally,
    /// By id: the section; none where no room was left.
    failures: BTreeMap<String, (Verdict, Option<String>)>,
    room: usize,
}

impl Report for Markdown {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(_) => Ok(()),
            Event::Finished(outcome) => {
                self.tally.add(&self.context, outcome);
                if outcome.verdict.is_failure() {
                    self.add_failure(outcome);
                }
                Ok(())
            }
            Event::Ended(summary) => {
                let text = self.report(summary);
                self.out.text(&text)?;
                self.out.flush()
            }
        }
    }
}

impl Markdown {
    fn add_failure(&mut self, outcome: &CaseOutcome) {
        let section = (self.room > 0).then(|| failure(&self.context, outcome));
        let section = section.filter(|section| section.len() <= self.room);
        self.room -= section.as_ref().map_or(0, String::len);
        self.failures
            .insert(outcome.id.clone(), (outcome.verdict, section));
    }

    fn report(&self, summary: &Summary) -> String {
        let header = &self.context.header;
        let outcome = match summary.exit {
            Exit::Good => "passed",
            Exit::Failed => "failed",
            Exit::Usage | Exit::Error => "could not be judged",
            Exit::Nothing => "nothing applies",
        };
        let mut text = format!(
            "## Image API conformance: {outcome}\n\n{} against profile {}, requirements {}\n\n",
            code(&clipped(&header.target, LONGEST_SENTENCE)),
            code(&header.profile),
            code(&header.requirements)
        );
        add_counts(&mut text, summary);
        if !summary.notes.is_empty() {
            text.push('\n');
        }
        for note in summary.notes.iter().take(MOST_LISTED) {
            let _ = writeln!(text, "- note: {}", code(&clipped(note, LONGEST_SENTENCE)));
        }
        self.add_failures(&mut text);
        self.add_warnings(&mut text);
        self.add_excused(&mut text);
        text
    }

    fn add_failures(&self, text: &mut String) {
        if self.failures.is_empty() {
            return;
        }
        let _ = writeln!(text, "\n### New failures ({})\n", self.failures.len());
        for (name, noted) in often_first(&self.tally.failures)
            .into_iter()
            .take(MOST_LISTED)
        {
            let _ = writeln!(
                text,
                "- {} × {}: {}",
                noted.count,
                code(&clipped(&name, LONGEST_SENTENCE)),
                code(&clipped(&noted.message, LONGEST_SENTENCE))
            );
        }
        let sections = self.failures.values();
        for section in sections.filter_map(|(_, section)| section.as_ref()) {
            let _ = write!(text, "\n{section}");
        }
        let left_out = self.failures.iter();
        let left_out: Vec<_> = left_out
            .filter(|(_, (_, section))| section.is_none())
            .collect();
        if left_out.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\nAnd {} more, without a page here:\n",
            left_out.len()
        );
        for (id, (verdict, _)) in left_out.iter().take(10 * MOST_LISTED) {
            let _ = writeln!(text, "- {verdict} {}", code(&clipped(id, LONGEST_SENTENCE)));
        }
    }

    fn add_warnings(&self, text: &mut String) {
        let warnings = &self.tally.warnings;
        if warnings.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\n<details><summary>Warnings: what SHOULD hold and does not ({})</summary>\n",
            warnings.len()
        );
        for (name, noted) in often_first(warnings).into_iter().take(MOST_LISTED) {
            let _ = writeln!(
                text,
                "- {} × {} (first {}): {}",
                noted.count,
                code(&clipped(&name, LONGEST_SENTENCE)),
                code(&clipped(&noted.case, LONGEST_SENTENCE)),
                code(&clipped(&noted.message, LONGEST_SENTENCE))
            );
        }
        text.push_str("\n</details>\n");
    }

    /// Known failures, and what was not judged, each kind folded.
    fn add_excused(&self, text: &mut String) {
        for (verdict, title) in [
            (Verdict::ExpectedFail, "Known failures"),
            (Verdict::Flaky, "Known to be flaky"),
            (
                Verdict::Contaminated,
                "Contaminated: the target was unwell after a fault",
            ),
            (
                Verdict::Blocked,
                "Blocked: what they depend on did not pass",
            ),
            (
                Verdict::NotApplicable,
                "Not applicable, and no support is claimed",
            ),
        ] {
            let excused = self.tally.excused.iter();
            let excused: Vec<_> = excused.filter(|((one, _), _)| *one == verdict).collect();
            if excused.is_empty() {
                continue;
            }
            let cases = self.tally.count(&[verdict]);
            let _ = writeln!(text, "\n<details><summary>{title} ({cases})</summary>\n");
            for ((_, reason), noted) in excused.into_iter().take(MOST_LISTED) {
                let _ = writeln!(
                    text,
                    "- {} × {} (first {})",
                    noted.count,
                    code(&clipped(reason, LONGEST_SENTENCE)),
                    code(&clipped(&noted.case, LONGEST_SENTENCE))
                );
            }
            text.push_str("\n</details>\n");
        }
    }
}

fn add_counts(text: &mut String, summary: &Summary) {
    text.push_str("| verdict | cases |\n| --- | ---: |\n");
    let mut counts: Vec<_> = summary
        .counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    counts.sort_by_key(|(verdict, _)| Reverse(*verdict));
    for (verdict, count) in counts {
        let _ = writeln!(text, "| {verdict} | {count} |");
    }
    let money = summary.money;
    let _ = writeln!(
        text,
        "\nImages: asked for {}, made upstream {}, delivered {}. Took {:.1} s.",
        money.asked,
        money.made,
        money.delivered,
        summary.took.as_secs_f64()
    );
}

/// The section of a case.
fn failure(context: &Context, outcome: &CaseOutcome) -> String {
    let mut text = format!(
        "#### {} {}\n\n{}\n",
        outcome.verdict,
        code(&clipped(&outcome.id, LONGEST_SENTENCE)),
        prose(&clipped(&outcome.summary, LONGEST_SENTENCE))
    );
    if let Some(reason) = reason(context, outcome) {
        let reason = code(&clipped(&reason, LONGEST_SENTENCE));
        let _ = writeln!(text, "\nReason: {reason}");
    }
    let broken = outcome.findings.iter();
    for finding in broken.filter(|finding| finding.verdict.is_failure()) {
        let evidence = Evidence::of(context, outcome, finding, Observed::default());
        add_finding(&mut text, finding, &evidence);
    }
    let rerun = clipped(&rerun(context, outcome), LONGEST_COMMAND);
    let _ = write!(text, "\nRun it again:\n\n{}", block("sh", &rerun));
    text
}

fn add_finding(text: &mut String, finding: &Finding, evidence: &Evidence) {
    let check = code(&clipped(&finding.id, LONGEST_SENTENCE));
    match &evidence.requirement {
        None => {
            let requirement = code(&clipped(&finding.requirement, LONGEST_SENTENCE));
            let _ = writeln!(text, "\n**{}** {check}: {requirement}\n", finding.verdict);
        }
        Some(owed) => {
            let _ = writeln!(
                text,
                "\n**{}** {check}: {} {}\n\n> {}\n>\n> {}\n",
                finding.verdict,
                code(&owed.id),
                owed.level,
                prose(&clipped(&owed.quote, LONGEST_VALUE)),
                link(&owed.url)
            );
        }
    }
    let _ = writeln!(
        text,
        "{}\n",
        code(&clipped(&evidence.message, LONGEST_VALUE))
    );
    if let Some(diff) = &evidence.diff {
        text.push_str(&block("diff", &clipped(diff, LONGEST_VALUE)));
        return;
    }
    for (name, value) in [
        ("Expected", &evidence.expected),
        ("Actual", &evidence.actual),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "- {name}: {}", code(&clipped(value, LONGEST_VALUE)));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::report::sample;

    #[test]
    fn the_markdown_snapshot() {
        insta::assert_snapshot!(sample::report("markdown"));
    }

    /// What a renderer would not show as code: everything outside of fences and spans, by CommonMark's rules.
    fn outside_of_code(text: &str) -> String {
        let run = |line: &str| line.len() - line.trim_start_matches('`').len();
        let (mut outside, mut fence) = (String::new(), None);
        for line in text.split(['\n', '\r']) {
            let ticks = run(line);
            match fence {
                Some(open) if ticks >= open && line.trim_end().len() == ticks => fence = None,
                Some(_) => {}
                None if ticks >= 3 && !line[ticks..].contains('`') => fence = Some(ticks),
                None => {
                    outside.push_str(&outside_of_spans(line));
                    outside.push('\n');
                }
            }
        }
        assert_eq!(fence, None, "an open fence");
        outside
    }

    fn outside_of_spans(line: &str) -> String {
        let (mut outside, mut rest) = (String::new(), line);
        while let Some(at) = rest.find('`') {
            outside.push_str(&rest[..at]);
            let ticks = rest[at..].len() - rest[at..].trim_start_matches('`').len();
            rest = &rest[at + ticks..];
            let mut from = 0;
            let end = loop {
                let Some(next) = rest[from..].find('`') else {
                    panic!("an open span: {line}")
                };
                let begin = from + next;
                let length = rest[begin..].len() - rest[begin..].trim_start_matches('`').len();
                if length == ticks {
                    break begin;
                }
                from = begin + length;
            };
            rest = &rest[end + ticks..];
        }
        outside + rest
    }

    #[test]
    fn what_a_target_says_never_becomes_markup() {
        let text = sample::hostile("markdown");
        assert!(text.matches("evil").count() > 20, "{text}");
        let outside = outside_of_code(&text);
        for markup in [
            "evil", "script", "<img", "](", "::error", "\u{1b}", "\u{202e}",
        ] {
            assert!(!outside.contains(markup), "{markup}: {outside}");
        }
        assert_eq!(
            outside.matches("<details>").count(),
            outside.matches("</details>").count()
        );
    }

    #[test]
    fn a_summary_of_many_failures_is_one_that_github_shows() {
        let runs = (0..2_000).flat_map(|index| {
            let mut run = sample::run();
            run.truncate(2);
            for outcome in &mut run {
                outcome.id = format!("{}{index}", outcome.id);
            }
            run
        });
        let text = sample::report_of("markdown", &runs.collect::<Vec<_>>());
        assert!(text.len() < 1 << 20, "{}", text.len());
        assert!(text.contains("### New failures (4000)"));
    }
}

//! `html`: one file that can be sent around, without network: a summary, a filter, and a fold for each case with
//! everything that was observed. What a target says is text in it, and nothing else.

mod case;
pub(super) mod frame;
mod thumbnail;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use crate::report::html::frame::{escaped, frame};
use crate::report::html::thumbnail::Thumbnails;
use crate::report::markdown::text::clipped;
use crate::report::out::{Encoding, Out, one_line};
use crate::report::tally::{Alike, Tally, often_first};
use crate::report::{Context, Format, Report};
use crate::run::CaseOutcome;
use crate::run::event::{Event, Summary};
use crate::verdict::Verdict;

pub(super) const FORMAT: Format = Format {
    name: "html",
    summary: "for people: one file with everything that was observed, to be sent around",
    encoding: Encoding::Xml,
    create: |context, out| {
        Box::new(Html {
            context,
            out,
            thumbnails: Thumbnails::default(),
            cases: BTreeMap::new(),
            tally: Tally::default(),
            good: 0,
            bad: 0,
        })
    },
};

const SCRIPT: &str = include_str!("html/report.js");
/// What was observed is shown of good cases, and of others, until their folds take so many bytes.
const MOST_OF_GOOD: usize = 12 << 20;
const MOST_OF_BAD: usize = 24 << 20;
/// The texts that the filter looks at are cut after so many bytes.
const LONGEST_WORDS: usize = 1_000;
/// What the head lists of each kind.
const MOST_LISTED: usize = 100;
/// If no more cases than this failed, they are unfolded.
const FEW: usize = 3;

struct Html {
    context: Arc<Context>,
    out: Out,
    thumbnails: Thumbnails,
    /// The worst first, then by id: (what the filter looks at, the line, the inside of the fold).
    cases: BTreeMap<(Reverse<Verdict>, String), (String, String, String)>,
    tally: Tally,
    good: usize,
    bad: usize,
}

impl Report for Html {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(_) => Ok(()),
            Event::Finished(outcome) => {
                self.tally.add(&self.context, outcome);
                self.add(outcome);
                Ok(())
            }
            Event::Ended(summary) => {
                let title = format!("Conformance of {}", escaped(&self.context.header.target));
                let body = self.body(&title, summary);
                self.out.text(&frame(&title, &body, Some(SCRIPT)))?;
                self.out.flush()
            }
        }
    }
}

impl Html {
    fn add(&mut self, outcome: &CaseOutcome) {
        let (used, most) = if outcome.verdict <= Verdict::Pass {
            (&mut self.good, MOST_OF_GOOD)
        } else {
            (&mut self.bad, MOST_OF_BAD)
        };
        let inside = case::case(&self.context, outcome, &mut self.thumbnails, *used < most);
        *used += inside.len();
        let said = outcome.findings.iter();
        let said = said.map(|finding| format!(" {} {}", finding.id, finding.requirement));
        let words = format!(
            "{} {}{}",
            outcome.id,
            outcome.summary,
            said.collect::<String>()
        );
        let words = self.context.redactor.text(&one_line(&words)).to_lowercase();
        let line = format!(
            "<span class=\"verdict\">{}</span> <code>{}</code> {} <small>{} ms</small>",
            outcome.verdict,
            escaped(&outcome.id),
            escaped(&outcome.summary),
            outcome.took.as_millis()
        );
        let key = (Reverse(outcome.verdict), outcome.id.clone());
        let words = escaped(&clipped(&words, LONGEST_WORDS));
        self.cases.insert(key, (words, line, inside));
    }

    fn body(&mut self, title: &str, summary: &Summary) -> String {
        let header = &self.context.header;
        let money = summary.money;
        let mut body = format!(
            "<header>\n<h1>{title}</h1>\n<p class=\"soft\">profile {}, requirements {}, image-harness {}. Took {:.1} s. \
             Images: asked for {}, made upstream {}, delivered {}.</p>\n",
            escaped(&header.profile),
            escaped(&header.requirements),
            env!("CARGO_PKG_VERSION"),
            summary.took.as_secs_f64(),
            money.asked,
            money.made,
            money.delivered
        );
        for note in &summary.notes {
            let _ = writeln!(body, "<p>note: {}</p>", escaped(note));
        }
        add_alike(
            &mut body,
            "What failed, known failures apart",
            " open",
            &self.tally.failures,
        );
        add_alike(
            &mut body,
            "Warnings: what SHOULD hold and does not",
            "",
            &self.tally.warnings,
        );
        body.push_str("</header>\n<nav class=\"bar\">\n");
        for verdict in Verdict::ALL.iter().rev() {
            let counts = summary.counts.iter();
            let count: usize = counts
                .filter(|(other, count)| other == verdict && *count > 0)
                .map(|(_, count)| count)
                .sum();
            if count > 0 {
                let _ = writeln!(
                    body,
                    "<button type=\"button\" class=\"v-{verdict}\" data-verdict=\"{verdict}\" aria-pressed=\"true\" \
                     title=\"Show or hide; with shift, only these\"><b>{verdict}</b> {count}</button>"
                );
            }
        }
        body.push_str(
            "<input id=\"words\" type=\"search\" placeholder=\"Words of a case, check or requirement\" \
             aria-label=\"Words of a case, check or requirement\">\n<span id=\"shown\" class=\"soft\" \
             role=\"status\"></span>\n</nav>\n<main>\n",
        );
        self.add_cases(&mut body);
        body.push_str("</main>\n");
        body
    }

    fn add_cases(&mut self, body: &mut String) {
        let failures = self.cases.keys();
        let failures = failures
            .filter(|(verdict, _)| verdict.0.is_failure())
            .count();
        for ((Reverse(verdict), _), (words, line, inside)) in std::mem::take(&mut self.cases) {
            let is_open = verdict.is_failure() && failures <= FEW;
            let open = if is_open { " open" } else { "" };
            let _ = writeln!(
                body,
                "<details class=\"case v-{verdict}\" data-verdict=\"{verdict}\" data-text=\"{words}\"{open}>\
                 <summary>{line}</summary>\n<div>\n{inside}</div></details>"
            );
        }
    }
}

fn add_alike(body: &mut String, title: &str, open: &str, alike: &Alike) {
    if alike.is_empty() {
        return;
    }
    let _ = writeln!(
        body,
        "<details class=\"alike\"{open}><summary>{title} ({})</summary>\n<table>",
        alike.len()
    );
    for (name, noted) in often_first(alike).into_iter().take(MOST_LISTED) {
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td><code>{}</code></td><td>{} <small>{}</small></td></tr>",
            noted.count,
            escaped(&name),
            escaped(&clipped(&one_line(&noted.message), LONGEST_WORDS)),
            escaped(&noted.case)
        );
    }
    body.push_str("</table>\n</details>\n");
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use crate::report::sample;

    /// Every tag is one of ours, none has an attribute that does something, and only our script is one.
    pub(in crate::report) fn assert_only_ours(html: &str, more: &[&str]) {
        let mut ours: BTreeSet<&str> = [
            "!doctype", "html", "head", "meta", "title", "style", "body", "header", "h1", "h2",
            "h3", "p", "main", "small", "b", "br", "a", "code", "pre",
        ]
        .into();
        ours.extend(more);
        let body = html.split("</style>").nth(1).unwrap();
        for tag in body.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            let name = tag
                .trim_start_matches('/')
                .split_whitespace()
                .next()
                .unwrap();
            assert!(ours.contains(name), "<{tag}>");
            let outside = tag.split('"').step_by(2).collect::<String>();
            assert!(!outside.contains(" on"), "<{tag}>");
            assert!(!outside.contains("evil"), "<{tag}>");
        }
        let bad: Vec<char> = html
            .chars()
            .filter(|c| crate::report::out::commands(*c))
            .collect();
        assert!(bad.is_empty(), "{bad:?}");
    }

    /// The script is taken out: what is compared in it is no tag.
    fn without_script(html: &str) -> String {
        let (before, rest) = html.split_once("<script>").unwrap();
        let (script, after) = rest.split_once("</script>").unwrap();
        assert_eq!(script, super::SCRIPT);
        format!("{before}{after}")
    }

    const TAGS: [&str; 16] = [
        "nav",
        "button",
        "input",
        "span",
        "details",
        "summary",
        "div",
        "section",
        "blockquote",
        "figure",
        "img",
        "figcaption",
        "table",
        "tr",
        "td",
        "script",
    ];

    #[test]
    fn the_html_snapshot() {
        let html = sample::report("html");
        // The style is no news.
        let (before, rest) = html.split_once("<style>").unwrap();
        let (_, after) = rest.split_once("</style>").unwrap();
        insta::assert_snapshot!(format!("{before}{after}"));
    }

    #[test]
    fn what_a_target_says_is_text() {
        let html = sample::hostile("html");
        assert!(html.matches("&lt;/script&gt;&lt;script&gt;evil()").count() > 20);
        let rest = without_script(&html);
        assert!(!rest.contains("<script"));
        assert_only_ours(&rest, &TAGS[..15]);
    }

    #[test]
    fn the_policy_allows_our_script_only() {
        use base64::Engine as _;
        use sha2::Digest as _;

        let html = sample::report("html");
        assert_only_ours(&without_script(&html), &TAGS);
        let hash = base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(super::SCRIPT));
        let policy = format!(
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hash}'"
        );
        assert!(html.contains(&policy), "{html}");
        // Nothing is fetched: links are followed by people only.
        for attribute in [
            "src=\"http",
            "url(",
            "@import",
            "<link",
            "<iframe",
            "srcset",
        ] {
            assert!(!html.contains(attribute), "{attribute}");
        }
    }

    #[test]
    fn a_report_of_many_cases_stays_one_that_opens() {
        let runs = (0..400).flat_map(|index| {
            let mut run = sample::run();
            for outcome in &mut run {
                outcome.id = format!("{}{index}", outcome.id);
            }
            run
        });
        let html = sample::report_of("html", &runs.collect::<Vec<_>>());
        assert!(html.len() < 48 << 20, "{}", html.len());
        assert_eq!(html.matches("<details class=\"case ").count(), 400 * 8);
    }
}

//! `junit`: the XML that CI servers read: one suite for the profile, one test case for each instance.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use crate::report::evidence::message;
use crate::report::out::{Encoding, Out, one_line};
use crate::report::page::reason;
use crate::report::{Context, Format, Report, describe};
use crate::run::CaseOutcome;
use crate::run::event::{Event, Summary};
use crate::verdict::Verdict;

pub(super) const FORMAT: Format = Format {
    name: "junit",
    summary: "for CI servers: JUnit XML with a page for each failure",
    encoding: Encoding::Xml,
    create: |context, out| {
        Box::new(Junit {
            context,
            out,
            cases: BTreeMap::new(),
        })
    },
};

struct Junit {
    context: Arc<Context>,
    out: Out,
    /// By id.
    cases: BTreeMap<String, TestCase>,
}

impl Report for Junit {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(_) => Ok(()),
            Event::Finished(outcome) => {
                self.cases
                    .insert(outcome.id.clone(), test_case(&self.context, outcome));
                Ok(())
            }
            Event::Ended(summary) => {
                let text = self.report(summary).to_string().map_err(io::Error::other)?;
                self.out.text(&text)?;
                self.out.flush()
            }
        }
    }
}

impl Junit {
    fn report(&mut self, summary: &Summary) -> quick_junit::Report {
        let header = &self.context.header;
        let clean = |text: &str| clean(&self.context, text);
        let mut suite = TestSuite::new(clean(&header.profile));
        suite.add_properties([
            Property::new("target", clean(&header.target)),
            Property::new("profile", clean(&header.profile)),
            Property::new("requirements", clean(&header.requirements)),
        ]);
        suite.set_time(summary.took);
        if !summary.notes.is_empty() {
            suite.set_system_out(clean(&summary.notes.join("\n")));
        }
        suite.add_test_cases(std::mem::take(&mut self.cases).into_values());
        let mut report = quick_junit::Report::new("image-harness");
        report.set_time(summary.took);
        report.add_test_suite(suite);
        report
    }
}

/// The XML library drops what XML cannot hold: here it is made visible before.
fn clean(context: &Context, text: &str) -> String {
    Encoding::Plain.clean(&context.redactor, text)
}

fn test_case(context: &Context, outcome: &CaseOutcome) -> TestCase {
    let mut case = TestCase::new(clean(context, &outcome.id), status(context, outcome));
    let class = outcome.id.split('@').next().unwrap_or_default();
    case.set_classname(class.rsplit_once('/').map_or(class, |(class, _)| class));
    case.set_time(outcome.took);
    let warnings: Vec<_> = outcome
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Warn)
        .map(|finding| {
            let message = message(context, outcome, finding);
            format!(
                "{} [{}]: {} {message}",
                finding.id, finding.verdict, finding.requirement
            )
        })
        .collect();
    if !warnings.is_empty() {
        case.set_system_out(clean(context, &warnings.join("\n")));
    }
    case
}

fn status(context: &Context, outcome: &CaseOutcome) -> TestCaseStatus {
    let mut status = match outcome.verdict {
        Verdict::Pass | Verdict::Warn | Verdict::Flaky => return TestCaseStatus::success(),
        Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Fail | Verdict::Untestable | Verdict::UnexpectedPass => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        Verdict::NotApplicable
        | Verdict::Blocked
        | Verdict::Contaminated
        | Verdict::ExpectedFail => TestCaseStatus::skipped(),
    };
    let worst = outcome
        .findings
        .iter()
        .find(|finding| finding.verdict == outcome.verdict);
    let said =
        worst.map(|finding| format!("{}: {}", finding.id, message(context, outcome, finding)));
    let said = reason(context, outcome)
        .or(said)
        .unwrap_or_else(|| outcome.verdict.to_string());
    status
        .set_type(outcome.verdict.as_str())
        .set_message(one_line(&clean(context, &said)));
    if outcome.verdict.is_failure() {
        status.set_description(describe(context, outcome));
    }
    status
}

#[cfg(test)]
mod tests {
    use crate::report::sample;

    #[test]
    fn what_a_target_says_is_text() {
        let xml = sample::hostile("junit");
        let read = quick_junit::Report::deserialize_from_str(&xml).unwrap();
        let suite = &read.test_suites[0];
        assert_eq!((read.test_suites.len(), suite.test_cases.len()), (1, 1));
        assert!(suite.test_cases[0].name.as_str().contains("<script>evil()"));
        assert!(!xml.contains("<script") && !xml.contains("<img"), "{xml}");
        let bad: Vec<char> = xml
            .chars()
            .filter(|c| crate::report::out::commands(*c))
            .collect();
        assert!(bad.is_empty(), "{bad:?}");
    }

    #[test]
    fn the_junit_snapshot() {
        insta::assert_snapshot!(sample::report("junit"));
    }
}

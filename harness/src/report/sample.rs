//! A made-up run for the tests of the formats.

mod hostile;
mod outcomes;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::redact::Redactor;
use crate::report::document::Document;
use crate::report::out::Output;
use crate::report::{Context, Reporting, format};
use crate::requirement::{Level, Requirement};
use crate::run::event::{Event, Header, Summary};
use crate::run::{CaseOutcome, Money};
use crate::target::Secret;
use crate::verdict::{Exit, Verdict};

const KEY: &str = "sk-client-7Gk2Vw9Xq4";

/// Whatever means something in HTML, Markdown, XML, JSON, a table or a terminal. `evil` marks what must never be
/// markup.
pub(super) const DANGER: &str = "</script><script>evil()</script><img src=x onerror=evil()>\"'><svg/onload=evil()>\
`` ``` ```` ~~~ **evil** [evil](javascript:evil()) ![evil](http://evil.example/x.png) <http://evil.example> | a | \
]]> <!-- evil --> &lt;evil&gt; &amp; &#60; \\| \\` </details></code></pre></table><h1>evil</h1>\r\n\n# evil\n\n- evil\n\
::error::evil\n```\n~~~~\n| evil | evil |\n|---|---|\n@evil #1 www.evil.example\t\x1b[31m\x07\0\u{9b}\u{202e}\u{2028}\u{feff}end";

/// What differs between two runs of one build.
struct Chance {
    id: &'static str,
    created: u64,
    port: u16,
    date: &'static str,
    sha256: &'static str,
    microseconds: u64,
}

const FIRST: Chance = Chance {
    id: "req_0011223344556677",
    created: 1_795_000_000,
    port: 40_001,
    date: "Wed, 25 Nov 2026 15:00:00 GMT",
    sha256: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    microseconds: 12_345,
};
const SECOND: Chance = Chance {
    id: "req_8899aabbccddeeff",
    created: 1_795_086_400,
    port: 50_002,
    date: "Thu, 26 Nov 2026 15:00:01 GMT",
    sha256: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    microseconds: 67_890,
};

/// The made-up outcomes.
pub(super) fn run() -> Vec<CaseOutcome> {
    outcomes::outcomes(&FIRST)
}

/// The same, of another run.
pub(super) fn other_run() -> Vec<CaseOutcome> {
    let mut outcomes = outcomes::outcomes(&SECOND);
    outcomes.reverse();
    outcomes
}

/// A report of the made-up run.
pub(super) fn report(name: &str) -> String {
    report_of(name, &run())
}

/// A report of some outcomes.
pub(super) fn report_of(name: &str, outcomes: &[CaseOutcome]) -> String {
    report_in(name, outcomes, context(outcomes.len()))
}

/// The made-up run as a JSON report.
pub(super) fn document() -> Document {
    serde_json::from_str(&report("json")).unwrap()
}

/// A report of the made-up run with `--trace`.
pub(super) fn traced(name: &str) -> String {
    let outcomes = run();
    let context = Context {
        trace: true,
        ..context(outcomes.len())
    };
    report_in(name, &outcomes, context)
}

/// A report of a target that says what is dangerous wherever it can.
pub(super) fn hostile(name: &str) -> String {
    let mut context = context(1);
    DANGER.clone_into(&mut context.header.target);
    report_in(name, &[hostile::dangerous()], context)
}

fn report_in(name: &str, outcomes: &[CaseOutcome], context: Context) -> String {
    let written = Written::default();
    let context = Arc::new(context);
    let mut reporting = Reporting::new();
    reporting.add(
        "memory",
        format(name)
            .unwrap()
            .report(&context, Output::to(written.clone())),
    );
    reporting.event(&Event::Started(&context.header));
    let mut money = Money::default();
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for outcome in outcomes {
        money += outcome.money;
        *counts.entry(outcome.verdict).or_default() += 1;
        reporting.event(&Event::Finished(outcome));
    }
    reporting.event(&Event::Ended(&Summary {
        coverage: crate::run::Coverage {
            judged: 8,
            promised: 21,
        },
        exit: Exit::of(counts.keys().copied()),
        counts: counts.into_iter().collect(),
        money,
        notes: if context.header.target == DANGER {
            vec![DANGER.to_owned()]
        } else {
            vec!["a call without a token came from 127.0.0.1:9200".to_owned()]
        },
        took: Duration::from_millis(2_500),
    }));
    assert!(reporting.finish().is_empty());
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

/// What was written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn context(instances: usize) -> Context {
    let requirement = |id: &str, level: Level, summary: &str, quote: &str| Requirement {
        id: id.to_owned(),
        level,
        summary: summary.to_owned(),
        quote: quote.to_owned(),
        url: "https://example.com/images".to_owned(),
        read: "2026-11-20".to_owned(),
        since: "2026-11".to_owned(),
        provisional: false,
    };
    let requirements = [
        requirement(
            "openai.images.n",
            Level::Must,
            "n images",
            "The number of images to generate.",
        ),
        requirement(
            "practice.usage",
            Level::Should,
            "usage is told",
            "usage is missing",
        ),
        requirement(
            "gateway.error",
            Level::Must,
            "the envelope",
            "Errors have the form {\"error\": …}.",
        ),
    ];
    let secret = Secret {
        value: KEY.to_owned(),
        shown: "$API_KEY".to_owned(),
    };
    Context {
        header: Header {
            target: "my-gateway".to_owned(),
            profile: "platform".to_owned(),
            requirements: "2026-11".to_owned(),
            instances,
            rerun: "image-harness run --target my-gateway.toml".to_owned(),
        },
        requirements: requirements
            .into_iter()
            .map(|requirement| (requirement.id.clone(), requirement))
            .collect(),
        redactor: Redactor::new([&secret]),
        trace: false,
    }
}

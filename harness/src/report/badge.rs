//! `badge`: what shields.io shows from an address (`https://shields.io/badges/endpoint-badge`): one number and a
//! colour.

use std::io;
use std::sync::Arc;

use serde_json::json;

use crate::report::out::{Encoding, Out};
use crate::report::{Context, Format, Report};
use crate::run::event::{Event, Summary};
use crate::verdict::{Exit, Verdict};

pub(super) const FORMAT: Format = Format {
    name: "badge",
    summary: "for a README: JSON that shields.io shows as a badge",
    encoding: Encoding::Json,
    create: |context, out| Box::new(Badge { context, out }),
};

struct Badge {
    context: Arc<Context>,
    out: Out,
}

impl Report for Badge {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let Event::Ended(summary) = event else {
            return Ok(());
        };
        let (message, color) = judged(summary);
        let badge = json!({
            "schemaVersion": 1,
            "label": format!("image API: {}", self.context.header.profile),
            "message": message,
            "color": color,
        });
        self.out.text(&format!("{badge}\n"))?;
        self.out.flush()
    }
}

/// What the badge says, and its colour: the worst of what was found.
fn judged(summary: &Summary) -> (String, &'static str) {
    let count = |verdicts: &[Verdict]| {
        let counts = summary.counts.iter();
        let counts = counts.filter(|(verdict, _)| verdicts.contains(verdict));
        counts.map(|(_, count)| count).sum::<usize>()
    };
    let judged = count(&Verdict::ALL[1..]);
    let good = count(&[Verdict::Pass, Verdict::Warn]);
    let failed = count(&[Verdict::Fail]);
    match summary.exit {
        Exit::Error | Exit::Usage => return ("not judged".to_owned(), "lightgrey"),
        Exit::Nothing => return ("nothing applies".to_owned(), "lightgrey"),
        Exit::Failed if failed > 0 => return (format!("{failed} of {judged} failed"), "red"),
        Exit::Failed | Exit::Good => {}
    }
    let color = if summary.exit == Exit::Failed {
        "orange"
    } else if good < judged {
        "yellow"
    } else if count(&[Verdict::Warn]) > 0 {
        "green"
    } else {
        "brightgreen"
    };
    (format!("{good} of {judged} passed"), color)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_badge_snapshot() {
        insta::assert_snapshot!(sample::report("badge"));
    }

    #[test]
    fn the_colour_tells_what_failed() {
        use Verdict::*;
        let color = |counts: &[(Verdict, usize)]| {
            judged(&Summary {
                coverage: crate::run::Coverage::default(),
                counts: counts.to_vec(),
                money: crate::run::Money::default(),
                exit: Exit::of(counts.iter().map(|(verdict, _)| *verdict)),
                notes: Vec::new(),
                took: std::time::Duration::ZERO,
            })
        };
        let text = |message: &str| message.to_owned();
        assert_eq!(
            color(&[(Pass, 3), (NotApplicable, 9)]),
            (text("3 of 3 passed"), "brightgreen")
        );
        assert_eq!(
            color(&[(Pass, 3), (Warn, 1)]),
            (text("4 of 4 passed"), "green")
        );
        assert_eq!(
            color(&[(Pass, 3), (ExpectedFail, 1)]),
            (text("3 of 4 passed"), "yellow")
        );
        assert_eq!(
            color(&[(Pass, 3), (Untestable, 1)]),
            (text("3 of 4 passed"), "orange")
        );
        assert_eq!(
            color(&[(Pass, 3), (Fail, 1)]),
            (text("1 of 4 failed"), "red")
        );
        assert_eq!(color(&[(Pass, 3), (Error, 1)]).1, "lightgrey");
        assert_eq!(
            color(&[(NotApplicable, 3)]),
            (text("nothing applies"), "lightgrey")
        );
    }
}

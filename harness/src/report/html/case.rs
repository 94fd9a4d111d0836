//! A case in HTML: what is owed, what came, both hops with the images, and the commands to go on with.

use std::fmt::Write as _;

use crate::check::Finding;
use crate::report::Context;
use crate::report::evidence::{Evidence, exchange, rerun};
use crate::report::hop::{Hop, Observed, ShownEvent};
use crate::report::html::frame::{escaped, linked};
use crate::report::html::thumbnail::Thumbnails;
use crate::report::page::{data_line, reason, sites, text_of};
use crate::run::CaseOutcome;
use crate::verdict::Verdict;

/// Everything that is said of a case, as the inside of its fold.
pub(super) fn case(
    context: &Context,
    outcome: &CaseOutcome,
    thumbnails: &mut Thumbnails,
    with_hops: bool,
) -> String {
    let mut html = String::new();
    if let Some(reason) = reason(context, outcome) {
        let _ = writeln!(html, "<p>{}</p>", escaped(&reason));
    }
    add_findings(&mut html, context, outcome);
    if !outcome.steps.is_empty() && !with_hops {
        html.push_str("<p class=\"soft\">What was observed is left out: the report has grown too large.</p>\n");
    } else {
        for site in shown_sites(outcome) {
            add_exchange(&mut html, context, outcome, site, thumbnails);
        }
    }
    let rerun = escaped(&rerun(context, outcome));
    let _ = writeln!(html, "<h2>Run it again</h2>\n<pre>{rerun}</pre>");
    html
}

/// What is broken is shown; of what is not, every step's first exchange.
fn shown_sites(outcome: &CaseOutcome) -> Vec<(usize, usize)> {
    if outcome.verdict.is_failure() {
        sites(outcome)
    } else {
        (0..outcome.steps.len()).map(|step| (step, 0)).collect()
    }
}

fn add_findings(html: &mut String, context: &Context, outcome: &CaseOutcome) {
    let (good, told): (Vec<&Finding>, Vec<&Finding>) = outcome
        .findings
        .iter()
        .partition(|finding| finding.verdict == Verdict::Pass);
    for finding in told {
        let evidence = Evidence::of(context, outcome, finding, Observed::default());
        add_finding(html, finding, &evidence);
    }
    if good.is_empty() {
        return;
    }
    let good = good.iter().map(|finding| {
        let requirement = escaped(&finding.requirement);
        format!(
            "<code>{}</code> <small>{requirement}</small>",
            escaped(&finding.id)
        )
    });
    let good = good.collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        html,
        "<p class=\"v-pass\"><span class=\"verdict\">pass</span> {good}</p>"
    );
}

fn add_finding(html: &mut String, finding: &Finding, evidence: &Evidence) {
    let verdict = finding.verdict;
    let requirement = match &evidence.requirement {
        None => escaped(&finding.requirement),
        Some(owed) => format!("{} {}", linked(&owed.url, &owed.id), owed.level),
    };
    let _ = writeln!(
        html,
        "<section class=\"check v-{verdict}\"><h3><span class=\"verdict\">{verdict}</span> <code>{}</code> {requirement}</h3>",
        escaped(&finding.id)
    );
    if let Some(owed) = &evidence.requirement {
        let quote = escaped(&owed.quote);
        let _ = writeln!(html, "<blockquote>{quote}</blockquote>");
    }
    let _ = writeln!(html, "<p>{}</p>", escaped(&evidence.message));
    if let Some(diff) = &evidence.diff {
        add_diff(html, diff);
    } else if evidence.expected.is_some() || evidence.actual.is_some() {
        html.push_str("<div class=\"pair\">");
        for (name, value) in [
            ("expected", &evidence.expected),
            ("actual", &evidence.actual),
        ] {
            let value = escaped(value.as_deref().unwrap_or_default());
            let _ = write!(html, "<div><small>{name}</small><pre>{value}</pre></div>");
        }
        html.push_str("</div>\n");
    }
    html.push_str("</section>\n");
}

fn add_diff(html: &mut String, diff: &str) {
    html.push_str("<pre>");
    for line in diff.lines() {
        let class = match line.as_bytes().first() {
            Some(b'-') => "del",
            Some(b'+') => "ins",
            _ => "same",
        };
        let _ = writeln!(html, "<span class=\"{class}\">{}</span>", escaped(line));
    }
    html.push_str("</pre>\n");
}

fn add_exchange(
    html: &mut String,
    context: &Context,
    outcome: &CaseOutcome,
    (step, copy): (usize, usize),
    thumbnails: &mut Thumbnails,
) {
    if outcome.steps.len() > 1 || copy > 0 {
        let _ = writeln!(html, "<h2>Step {}, copy {}</h2>", step + 1, copy + 1);
    }
    let observed = Observed::of(context, outcome, step, copy);
    for hop in &observed.hops {
        add_hop(html, hop);
    }
    match observed.upstream_calls {
        None if observed.hops.is_empty() => {}
        None => html.push_str("<p class=\"soft\">There is no mock upstream: what the target sent on was not observed.</p>\n"),
        Some(0) => html.push_str("<p class=\"soft\">Nothing arrived upstream.</p>\n"),
        Some(_) => {}
    }
    let images = exchange(outcome, step, copy).map_or(&[][..], |exchange| &exchange.images);
    let small = thumbnails.of(images);
    if !small.is_empty() {
        html.push_str("<div class=\"images\">");
        for one in small {
            let caption = escaped(&context.redactor.text(&one.caption));
            let address = one.address;
            let _ = write!(
                html,
                "<figure><img src=\"{address}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>"
            );
        }
        html.push_str("</div>\n");
    }
    if let Some(curl) = &observed.curl {
        let _ = writeln!(
            html,
            "<h2>The request by hand</h2>\n<pre>{}</pre>",
            escaped(curl)
        );
    }
}

fn add_hop(html: &mut String, hop: &Hop) {
    let (title, lines) = match hop {
        Hop::ClientToTarget {
            method,
            url,
            headers,
            body,
        } => (
            format!("client → target: {method} {url}"),
            message(headers, body.as_ref()),
        ),
        Hop::TargetToUpstream {
            method,
            path,
            headers,
            body,
        } => (
            format!("target → provider: {method} {path}"),
            message(headers, Some(body).filter(|body| !body.is_null())),
        ),
        Hop::UpstreamToTarget {
            status,
            condition,
            scenario,
            images,
            timeline,
        } => {
            let status = status.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
            let because = scenario
                .iter()
                .map(|scenario| format!("because of its {scenario}"));
            let lines = because.chain(images.iter().chain(timeline).cloned());
            (
                format!("provider → target: {status} {condition}"),
                lines.collect(),
            )
        }
        Hop::TargetToClient {
            status,
            headers,
            body,
            events,
            all_events,
            end,
        } => {
            let status = status
                .map(|status| format!(": {status}"))
                .unwrap_or_default();
            let mut lines = message(headers, body.as_ref());
            lines.extend(events.iter().map(event));
            lines.extend(all_events.map(|all| format!("({all} events in all)")));
            lines.extend(end.clone());
            (format!("target → client{status}"), lines)
        }
    };
    let _ = writeln!(html, "<h2><code>{}</code></h2>", escaped(&title));
    if !lines.is_empty() {
        let _ = writeln!(html, "<pre>{}</pre>", escaped(&lines.join("\n")));
    }
}

fn message(headers: &[String], body: Option<&serde_json::Value>) -> Vec<String> {
    let gap = (!headers.is_empty() && body.is_some()).then(String::new);
    let lines = headers.iter().cloned().chain(gap);
    lines.chain(body.map(text_of)).collect()
}

fn event(event: &ShownEvent) -> String {
    let name = event.name.as_deref().unwrap_or("(no name)");
    format!("event {} {name}: {}", event.number, data_line(&event.data))
}
